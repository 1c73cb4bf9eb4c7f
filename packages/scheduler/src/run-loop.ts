// Executes tasks until told to stop. It sleeps until the next task is due, a commit of any process rings, a run in flight ends, or it is told
// to stop. The death of another worker rings too; as a second line it looks now and then whether the others are alive (workers in threads, which die without a process).

import { TIMER_MAX_MS } from './constants.ts';

/** Options of `run`. */
export interface RunOptions {
  /** Ends the run: no new tasks, signals of those in flight are aborted, and when they have ended `run` resolves. */
  readonly signal?: AbortSignal;
  /** Asynchronous tasks in flight at once. Default 16. */
  readonly concurrency?: number;
  /** How often to look whether the owners of running tasks are alive, in milliseconds. Default 250. */
  readonly recoverEveryMs?: number;
}

/** What the loop drives. */
export interface Steps {
  /** Runs one task if one is due; false if not. Another one may be claimed ahead until the time `until` of `performance.now`. */
  step(until: number): boolean;
  /** True while another asynchronous task may be started. */
  mayStart(): boolean;
  /** Milliseconds until the next task is due; undefined if none is waiting for its time. */
  untilDueMs(): number | undefined;
  /** Puts back what dead workers left. */
  recover(): void;
  /** True if a worker is known to have died since the last recovery. */
  mustRecover(): boolean;
}

/** Wakes a sleeping loop; a wake that comes while it works is not lost. */
export class Wake {
  private isRung = false;
  private resolve: (() => void) | undefined;

  ring(): void {
    this.isRung = true;
    this.resolve?.();
  }

  /** Resolves at the next ring (at once if one came since the last sleep), or after `timeoutMs`. Keeps the process alive. */
  async sleep(timeoutMs: number): Promise<void> {
    if (!this.isRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(Math.max(1, Math.ceil(timeoutMs)), TIMER_MAX_MS));
        this.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.resolve = undefined;
    this.isRung = false;
  }
}

/** Drives `steps` until `isStopped`. */
export async function runLoop(
  steps: Steps,
  wake: Wake,
  sliceMs: number,
  recoverEveryMs: number,
  isStopped: () => boolean,
): Promise<void> {
  let recoverAt = performance.now();
  while (!isStopped()) {
    const start = performance.now();
    if (steps.mustRecover() || start >= recoverAt) {
      steps.recover();
      recoverAt = start + recoverEveryMs;
    }
    let more = steps.mayStart();
    while (more && !isStopped() && performance.now() < start + sliceMs)
      more = steps.step(start + sliceMs) && steps.mayStart();
    if (isStopped()) return;
    if (more) await new Promise<void>((resolve) => setImmediate(resolve));
    else await wake.sleep(Math.min(sleepMs(steps), recoverAt - performance.now()));
  }
}

function sleepMs(steps: Steps): number {
  if (!steps.mayStart()) return TIMER_MAX_MS;
  return steps.untilDueMs() ?? TIMER_MAX_MS;
}
