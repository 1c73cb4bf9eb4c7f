// Every limit of the scheduler, with why it is what it is and what raising it costs.

/** Longest JSON text of a payload in UTF-16 code units. It is written, journalled and parsed whole; put more into the store and enqueue its key. */
export const PAYLOAD_LENGTH_MAX = 262_144;

/** Longest name of a task in code units; names are parts of tree keys, which have 1,024 bytes. */
export const TASK_NAME_LENGTH_MAX = 128;

/** Longest dedupe, concurrency or schedule key in code units: with the name it must fit into a tree key, 3 bytes a unit. */
export const KEY_LENGTH_MAX = 128;

/** Most retries of a task definition. With exponential backoff the hundredth is far beyond any operator's patience. */
export const RETRIES_MAX = 100;

/** Starts of one task, crashes and releases included, after which it is a dead letter whatever the verdict says: nothing runs for ever. */
export const ATTEMPTS_MAX = 1_000;

/** Highest priority; the lowest is its negative. Two bytes of every key of the ready queue. */
export const PRIORITY_MAX = 1_000;

/** Delayed tasks that one transaction makes ready. More would hold the write lock longer after a long pause; the rest follows in the next one. */
export const PROMOTE_COUNT_MAX = 256;

/** Tasks that one transaction sets aside (paused, no handler, key in use, too late) before it finds one to run. */
export const SET_ASIDE_COUNT_MAX = 256;

/** Interrupted tasks that one transaction of a recovery puts back. */
export const RECOVER_COUNT_MAX = 256;

/** Code units kept of a failure's text; a report must not fail for being too long. */
export const ERROR_LENGTH_MAX = 2_000;

/** Code units of a version label that are kept. */
export const VERSION_LENGTH_MAX = 256;

/** Versions that are remembered to have crashed with a task; the oldest are forgotten beyond it. */
export const CRASHED_VERSIONS_MAX = 8;

/** Asynchronous tasks of one process in flight at once, unless `run` says otherwise; each holds its closure and its claim. */
export const CONCURRENCY_DEFAULT = 16;

/** Upper bound of `concurrency`; every one is an entry that each recovery looks at. */
export const CONCURRENCY_MAX = 10_000;

/** How long `run` executes tasks before it lets the event loop turn, in milliseconds; longer starves sockets, shorter costs turns. */
export const SLICE_MS = 5;

/** How often `run` looks whether the owners of running tasks are alive, in milliseconds: one read of /proc for each other process that has one. */
export const RECOVER_EVERY_DEFAULT_MS = 250;

/** Longest single timer in milliseconds; Node's timers end at 2^31 - 1. */
export const TIMER_MAX_MS: number = 2 ** 31 - 1;

/** First wait before a retry in milliseconds. */
export const BACKOFF_DEFAULT_MS = 1_000;

/** Longest wait before a retry in milliseconds. */
export const BACKOFF_MAX_DEFAULT_MS = 3_600_000;

/** Share of a wait before a retry that chance may take away, so that what failed together is not retried together. */
export const JITTER_DEFAULT = 0.5;

/** Tasks that `list` returns unless told. */
export const LIST_COUNT_DEFAULT = 100;

/** Parsed cron expressions kept in memory; the cache is emptied beyond it. */
export const CRON_CACHE_MAX = 1_000;

/** Longest cron expression in code units. */
export const CRON_LENGTH_MAX = 256;
