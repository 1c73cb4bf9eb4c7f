// Every default and every bound of the configuration, in one place, with why.

/** What holds when `mofo.config.ts` says nothing. */
export const configDefaults = {
  modules: ['./modules/*.ts'],
  /** Loopback: an app under development must not be reachable from outside by accident. */
  host: '127.0.0.1',
  port: 3000,
  /** Bodies are held in memory while they are read; more must be wished for. */
  maxBodyBytes: 1_048_576,
  keepConnections: true,
  storeSizeBytes: 268_435_456,
  snapshotEveryMs: 30_000,
  snapshotKeep: 10,
  /** Below `directory`. */
  snapshotDirectory: 'snapshots',
  probationTasks: 500,
  probationMinimumMs: 5_000,
  probationDeadlineMs: 600_000,
  /** One crash may have a cause outside; three in a row have not. */
  crashBurst: 3,
  crashWindowMs: 600_000,
  /** Long enough for a garbage collection on a loaded machine, short enough that people do not reload the page. */
  hangAfterMs: 2_000,
  workers: 1,
  durability: 'snapshot',
  directory: '.mofo',
} as const;

/** Smallest store: the heap's own pages and one of each size class. */
export const storeSizeBytesMin: number = 2 ** 20;

/** Largest store: what a ref of 32 bits in 16-byte granules reaches. */
export const storeSizeBytesMax: number = 64 * 2 ** 30;

/** What a store's size is a multiple of: its slabs. */
export const storeSizeStepBytes: number = 16 * 2 ** 10;

/** Smallest heap with which Node.js starts and loads an app. */
export const heapLimitBytesMin: number = 32 * 2 ** 20;

/** Longest body that may be allowed: it is one buffer in memory. */
export const maxBodyBytesMax: number = 2 ** 30;

/** How long the evaluation of a config may take. */
export const evaluationTimeoutMs: number = 10_000;
