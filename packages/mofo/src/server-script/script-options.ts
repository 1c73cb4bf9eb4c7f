// How a server script is run, and within which limits.

import type { RuntimeEvent } from '../runtime/messages.ts';

/** Where the standby process waits. */
export type Standby = 'warm' | 'loaded' | 'none';

/** What is to be run. Times are milliseconds. */
export interface ScriptOptions {
  /** Working directory of the script, absolute; versions are kept below it. */
  readonly directory: string;
  /** The script, absolute. */
  readonly script: string;
  /** What stands behind it. */
  readonly parameters: readonly string[];
  /** `dev` takes up every save; `run` only what it is told to. */
  readonly mode: 'dev' | 'run';
  readonly standby: Standby;
  /** Ready only when the script has called `process.send('ready')`; otherwise when it listens. */
  readonly waitsForReady: boolean;
  /** Longest time from a start to being ready. */
  readonly readyWithinMs: number;
  /** Longest time that the event loop may be blocked. */
  readonly hangAfterMs: number;
  /** Longest time for what is under way in a process that was replaced. */
  readonly drainWithinMs: number;
  /** Longest time for a process that was told to end. */
  readonly stopWithinMs: number;
  readonly probation: { readonly tasks: number; readonly minimumMs: number; readonly deadlineMs: number };
  readonly environment: NodeJS.ProcessEnv;
  readonly onEvent: (event: RuntimeEvent) => void;
}

/** What holds unless options say otherwise. */
export const scriptDefaults: Omit<
  ScriptOptions,
  'directory' | 'script' | 'parameters' | 'mode' | 'environment' | 'onEvent'
> = {
  standby: 'warm',
  waitsForReady: false,
  readyWithinMs: 30_000,
  /** As for an event loop without a beat in applications of modules. */
  hangAfterMs: 5_000,
  drainWithinMs: 30_000,
  stopWithinMs: 10_000,
  probation: { tasks: 500, minimumMs: 5_000, deadlineMs: 600_000 },
};
