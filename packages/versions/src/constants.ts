// Every limit of the registry, with why it is what it is and what raising it costs.

/** Loads that a version may try before it must be called unstable. More tries: more crashes before a bad version is given up. */
export const triesDefault = 3;

/** Upper bound of the `tries` option; a loop of crashing loads must end within an operator's patience. */
export const triesMax = 100;

/** Hex digits of the id shown to people. It grows by one digit at a time when two versions of a module would share it. */
export const shortIdLength = 6;

/** Entries of one module. Each change rewrites the module's file, so a thousand entries cost about half a megabyte a change. */
export const versionCountMax = 2_000;

/** Purged entries that are remembered because they were unstable; the oldest are forgotten beyond it. */
export const purgedUnstableCountMax = 1_000;

/** Purged entries that are remembered although nothing was wrong with them; only for the history that people read. */
export const purgedHealthyCountMax = 100;

/** Transitions kept for one version. The first and the newest stay, the ones between are dropped and counted. */
export const historyLengthMax = 50;

/** Crash reports kept for one version; reports beyond it are not written. */
export const crashReportCountMax = 8;

/** Characters of a reason; longer ones (stacks) are cut, because a report must never fail for being too long. */
export const reasonLengthMax = 2_000;

/** Characters of `source`, `note`, `bundler` and `by`; longer ones are refused. */
export const labelLengthMax = 1_000;

/** Bytes of one bundle. It is read into memory as a whole and hashed in about 2 ms per mebibyte. */
export const bundleSizeBytesMax: number = 64 * 2 ** 20;

/** Bytes of one module's record file that are read at all; a larger file was not written by this package. */
export const recordFileSizeBytesMax: number = 64 * 2 ** 20;

/** How long a change waits for another process's change. A change takes milliseconds; beyond this its owner is stopped. */
export const lockTimeoutDefaultMs = 10_000;

/** Upper bound of the `lockTimeoutMs` option. */
export const lockTimeoutMaxMs = 600_000;

/** Longest single wait for the lock (rule R9: no wait may outlive 20 ms without looking up). */
export const lockSliceMaxMs = 8;

/** Dead owners found one behind the other in one generation; each is a process killed in the middle of a change. */
export const claimDepthMax = 1_000;

/** Optimistic attempts of a background change before it takes the lock for the whole of its write. */
export const backgroundAttemptsMax = 8;
