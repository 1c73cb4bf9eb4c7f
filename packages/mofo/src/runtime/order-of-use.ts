// In which order versions are started: a version's `start` may call the modules that it uses.

import type { RunningVersion } from './running-version.ts';

/** Modules before those that use them; where they use each other, as they came. */
export function inOrderOfUse<T extends { readonly running: RunningVersion }>(loaded: readonly T[]): T[] {
  const ordered = new Set<T>();
  const visiting = new Set<T>();
  const visit = (one: T): void => {
    if (ordered.has(one) || visiting.has(one)) return;
    visiting.add(one);
    for (const [key, use] of Object.entries(one.running.definition.uses)) {
      const used = loaded.find(({ running }) => running.name.module === (use.module ?? key));
      if (used !== undefined) visit(used);
    }
    ordered.add(one);
  };
  for (const one of loaded) visit(one);
  return [...ordered];
}
