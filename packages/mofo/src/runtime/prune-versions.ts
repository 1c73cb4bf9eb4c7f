// Old versions on disk: the newest are kept, to go back to and to read what became of them; the rest are deleted, bundle and record.

import type { Registry, Version } from '@mofo/versions';

/**
 * Superseded versions of a module that are kept, and as many unstable ones: those that were stable last are the last to go. More cost disk and time: each change
 * writes the module's record anew.
 */
export const VERSIONS_KEPT = 20;

/** Versions beyond that which make a pruning worth its two writes to the disk. */
const SLACK = 20;

/** Prunes a module that has many old versions. What runs, what is stable and what a revert goes to are kept. */
export function pruneWhenMany(registry: Registry, module: string, running: readonly string[]): Version[] {
  const old = registry.list(module).filter(({ state }) => isOld(state)).length;
  if (old <= VERSIONS_KEPT + SLACK) return [];
  return pruneModule(registry, module, running, VERSIONS_KEPT);
}

/**
 * Deletes the old versions of a module but for the `keep` newest.
 *
 * @param running hashes that processes have loaded: not deleted, whatever their state.
 * @param keep at least 1, so that there is something to go back to.
 */
export function pruneModule(registry: Registry, module: string, running: readonly string[], keep: number): Version[] {
  return registry.prune(module, { keep, inUse: running });
}

function isOld(state: Version['state']): boolean {
  return state === 'superseded' || state === 'unstable' || state === 'draining';
}
