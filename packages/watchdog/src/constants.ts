// Every limit of this package, with its unit, why it has this value, and what raising it costs.

/** Longest label in bytes of UTF-8; longer ones are cut. It must fit into a death record, which has 200 bytes for it. */
export const labelLengthMaxBytes = 192;

/** Most runs begun and not ended in one process. Each costs five words of private memory; raising it costs only those. */
export const openRunsMax = 4096;

/** A run must end within this time unless it says otherwise. Raising it delays the end of a hang by as much. */
export const hangAfterDefaultMs = 2_000;

/** An event loop that has not turned for this long counts as hung: longer than any honest synchronous work or full garbage collection. */
export const heartbeatLimitDefaultMs = 5_000;

/** Shortest heartbeat limit: below it, an ordinary garbage collection on a busy machine would be taken for a hang. */
export const heartbeatLimitMinMs = 50;

/** Heartbeats per limit; four, so that one or two late ones change nothing. */
export const heartbeatsPerLimit = 4;

/** Slowest heartbeat: it also looks whether a debugger is attached. */
export const heartbeatPeriodMaxMs = 1_000;

/** Largest time limit that can be given: a day. */
export const timeLimitMaxMs = 86_400_000;

/** Takeovers and clone starts allowed at once: a crash of a version and of its predecessor, a few times over. */
export const burstDefault: { readonly count: number; readonly windowMs: number } = { count: 10, windowMs: 10_000 };

/** Takeovers and clone starts allowed in the long run; a program that needs more is broken, and starting it again hides that. */
export const sustainedDefault: { readonly count: number; readonly windowMs: number } = {
  count: 100,
  windowMs: 3_600_000,
};

/** Most events a budget remembers; bounds what is kept in the store. */
export const budgetCountMax = 1_000;

/**
 * After a takeover, how long the new main works before it starts its own clone. Long enough for the next tasks, short beside the 100 ms that a clone
 * takes to load; for so long a second death finds nobody standing by.
 */
export const cloneStartDelayMs = 10;

/** How often main looks whether its new clone stands by; a look costs 64 loads. */
export const cloneReadyPollMs = 2;

/** How long a clone may take from its start to standing by before it is killed and counted as dead. */
export const cloneStartLimitMs = 60_000;

/** How long a clone that was asked to end may take before it is killed. */
export const cloneStopLimitMs = 1_000;

/** Longest key of a quarantined version, in characters. */
export const quarantineKeyLengthMax = 255;

/** Longest reason kept with a quarantined version, in characters; longer ones are cut. */
export const reasonLengthMax = 1_024;

/** Most quarantined versions that are kept; the oldest go first. The registry on disk remembers them for good. */
export const quarantineCountMax = 10_000;

/** Times a clone rehearses the takeover: enough for V8 to have compiled it, and to have seen each shape. Each costs half a millisecond. */
export const rehearsalCount = 20;
