// Limits of this package: value, unit, why, and what raising it costs.

/** Characters gathered before a chunk is handed to the consumer of an export; more costs memory, less costs calls. */
export const CHUNK_LENGTH: number = 64 * 1024;

/** Longer texts and byte strings are written in slices of this many code units or bytes (a multiple of 3, so that base64 slices join). */
export const SLICE_LENGTH: number = 48 * 1024;

/** Values nested deeper than this are exported as parts of their own, because readers of XML limit the depth (libxml2: 256 elements). */
export const NESTING_DEPTH_MAX: number = 60;

/** Findings that are kept when the caller names no other number; all are counted. Each costs some hundred bytes. */
export const FINDING_COUNT_DEFAULT: number = 10_000;

/** Longest path of a finding in characters; the middle of longer ones is left out. */
export const PATH_LENGTH_MAX: number = 1_000;

/** Owned blocks that a check follows at once; what lies deeper waits in a list. Raising it costs stack. */
export const CHECK_DEPTH_MAX: number = 100;

/** Steps of a check that are always granted, and more for each word of the heap in use: what a sound store needs several times over. */
export const CHECK_STEPS_FREE: number = 1_000_000;
export const CHECK_STEPS_PER_WORD: number = 8;
