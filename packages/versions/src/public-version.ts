// From the entry in the file to the frozen picture that callers get.

import type { VersionRecord } from './record-file.ts';
import type { Version } from './version.ts';

/** What callers see of a stored version. */
export function publicVersion(module: string, stored: VersionRecord): Version {
  const { hash, id, state, source, note, bundler, sizeBytes, addedAt, triesLeft, triesSpent, stableAt } = stored;
  return Object.freeze({
    module,
    hash,
    id,
    state,
    reason: stored.history.at(-1)?.reason ?? '',
    source,
    note,
    bundler,
    sizeBytes,
    addedAt,
    triesLeft,
    triesSpent,
    openTries: Object.freeze([...(stored.openTries ?? [])]),
    stableAt,
    crashes: Object.freeze(stored.crashes.map((crash) => Object.freeze({ ...crash }))),
  });
}
