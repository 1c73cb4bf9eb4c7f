// Limits of this package: value, unit, why, and what raising it costs.

/**
 * Most snapshots that are open at one time, over all processes. A read from a snapshot asks every younger one first, so its cost grows with them.
 * Iterators that one process begins between two commits share one.
 */
export const SNAPSHOT_COUNT_MAX = 1000;

/** Entries that an iterator reads ahead for `next()`, first and later. More cost memory, and time when a commit makes the batch be read again. */
export const BATCH_ENTRIES_FIRST = 8;
export const BATCH_ENTRIES_MAX = 256;

/** Keys that a range deletion collects before it deletes them: private memory, a few dozen bytes each. */
export const CLEAR_KEYS_MAX = 1000;

/** Least time between two looks for snapshots that a dead process left, in milliseconds. A look lists the stores of the user, some 0.1 ms each. */
export const REAP_INTERVAL_MS = 1000;

/** Old values kept for snapshots after which a writer looks for ones that a dead process left: without it they would be kept for nobody. */
export const REAP_AFTER_KEPT = 1000;
