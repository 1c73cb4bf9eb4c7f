// Which versions a prune takes: the ones that a revert would come to last.

import type { ModuleRecord, VersionRecord } from './record-file.ts';

/** Superseded and unstable versions beyond `keep` each, most recently useful ones kept; those that already drain go too. */
export function chooseForPruning(
  record: ModuleRecord,
  keep: number,
): { drain: VersionRecord[]; purge: VersionRecord[] } {
  const newestFirst = [...record.versions].reverse();
  const superseded = newestFirst.filter((version) => version.state === 'superseded');
  superseded.sort((one, other) => (other.stableGeneration ?? 0) - (one.stableGeneration ?? 0));
  const drain = superseded.slice(keep);
  const unstable = newestFirst.filter((version) => version.state === 'unstable').slice(keep);
  const draining = record.versions.filter((version) => version.state === 'draining');
  return { drain, purge: [...drain, ...draining, ...unstable] };
}
