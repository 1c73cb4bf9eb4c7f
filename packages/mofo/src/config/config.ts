// The configuration of an app: what people write (`ConfigInput`) and what the programs get (`Config`: complete, in plain
// units, plain JSON, so that it can be handed to another process).

import type { Duration } from '../define/index.ts';

/** A size: bytes as a number, or a number with a binary unit: `'64KiB'`, `'256MiB'`, `'2GiB'`. */
export type Size = number | `${number}${'KiB' | 'MiB' | 'GiB'}`;

/** What `mofo.config.ts` exports by default. */
export interface ConfigInput {
  /** Name of the app, and of its store unless `store.name` says otherwise. */
  readonly name: string;
  /** Source files of the modules, relative to the config; `*` and `?` may stand in the last part. Default './modules/*.ts'. */
  readonly modules?: string | readonly string[];
  /** Where HTTP is served. */
  readonly http?: {
    /** Address to listen on; default '127.0.0.1'. */
    readonly host?: string;
    /** Port, 0 to 65535; 0 takes a free one. Default 3000. */
    readonly port?: number;
    /** Longest request body; default '1MiB'. */
    readonly maxBody?: Size;
    /** Whether open connections survive the death of the process that serves them; default true. */
    readonly keepConnections?: boolean;
  };
  /** The shared memory that outlives the processes. */
  readonly store?: {
    /** Name of the store; default: the app's. */
    readonly name?: string;
    /** Largest size it may grow to, 1 MiB to 64 GiB. Left out, a store that is there is taken as it is, and a new one has '256MiB'. */
    readonly sizeBytes?: Size;
  };
  /** Images of the store on disk. */
  readonly snapshot?: {
    /** How often; false: only when asked for. Default '30s'. */
    readonly every?: Duration | false;
    /** A last one at an orderly stop. Default: with `mofo run`, when they are taken by time. */
    readonly atStop?: boolean;
    /** How many are kept, 1 to 1000; default 10. */
    readonly keep?: number;
    /** Where; default 'snapshots' below `directory`. */
    readonly directory?: string;
  };
  /** When a new version has earned its trust. */
  readonly probation?: {
    /** Tasks and requests that must succeed, 1 to 1,000,000; default 500. */
    readonly tasks?: number;
    /** Time that must pass at least; default '5s'. */
    readonly minimum?: Duration;
    /** Time after which it is stable although it had little to do; default '10m'. */
    readonly deadline?: Duration;
  };
  /** When a stable version that crashes by itself is given up for the one before it. */
  readonly crashes?: {
    /** Crashes that are too many, 1 to 8; default 3. */
    readonly burst?: number;
    /** Within which time; default '10m'. */
    readonly window?: Duration;
  };
  /** How long one synchronous run may take before the process counts as hung; default '2s'. */
  readonly hangAfter?: Duration;
  /** Largest JavaScript heap of one process, 32 MiB to 64 GiB; default: Node's own limit. */
  readonly heapLimitBytes?: Size;
  /** Processes that serve besides main; only 0 and 1 (main alone) so far. */
  readonly workers?: number;
  /** What survives a power failure: nothing ('memory'), or the newest snapshot ('snapshot', the default). 'disk' follows. */
  readonly durability?: 'memory' | 'snapshot' | 'disk';
  /** Where mofo keeps versions and snapshots, relative to the config; default '.mofo'. */
  readonly directory?: string;
}

/** A checked and complete configuration. */
export interface Config {
  readonly name: string;
  /** Patterns of the modules, relative to the app's directory. */
  readonly modules: readonly string[];
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly maxBodyBytes: number;
    readonly keepConnections: boolean;
  };
  /** `sizeBytes` null: that of the store that is there. */
  readonly store: { readonly name: string; readonly sizeBytes: number | null };
  /** `everyMs` null: only when asked for. `atStop` null: in production, when they are taken by time. `directory` is absolute. */
  readonly snapshot: {
    readonly everyMs: number | null;
    readonly atStop: boolean | null;
    readonly keep: number;
    readonly directory: string;
  };
  readonly probation: { readonly tasks: number; readonly minimumMs: number; readonly deadlineMs: number };
  readonly crashes: { readonly burst: number; readonly windowMs: number };
  readonly hangAfterMs: number;
  /** null: Node's own limit. */
  readonly heapLimitBytes: number | null;
  readonly workers: number;
  readonly durability: 'memory' | 'snapshot';
  /** Absolute. */
  readonly directory: string;
}

/** Gives the configuration its type: `export default defineConfig({ name: 'bank' })`. It is checked when it is loaded. */
export function defineConfig(input: ConfigInput): ConfigInput {
  return input;
}
