// The hooks of a module (start, stop, health), each with a limit: a synchronous hang is the process's hang deadline, named and blamed as any run; a promise that does
// not settle is waited for no longer than the limit.

import { labelOf } from './module-context.ts';
import type { RunGuard } from './run-guard.ts';
import type { RunningVersion } from './running-version.ts';

/** How many times the hang deadline a hook may take until its promise settles. */
export const HOOK_LIMIT_FACTOR = 5;

/** Longest time in ms for the promise of `start` or `health`. */
export function hookLimitMs(hangAfterMs: number): number {
  return hangAfterMs * HOOK_LIMIT_FACTOR;
}

/** Runs hooks. */
export class Hooks {
  private readonly guard: RunGuard;
  private readonly hangAfterMs: number;

  constructor(guard: RunGuard, hangAfterMs: number) {
    this.guard = guard;
    this.hangAfterMs = hangAfterMs;
  }

  /**
   * Runs a hook of a version.
   *
   * @returns whether it ended in time. What it returned is given to `onValue` before that.
   * @throws (rejects) what it threw in time; afterwards nobody listens.
   */
  async run<T>(
    version: RunningVersion,
    name: 'start' | 'stop' | 'health',
    body: () => T | Promise<T>,
    limitMs: number,
    onValue: (value: T) => void = () => {},
  ): Promise<boolean> {
    const result = this.guard.run(labelOf({ guard: this.guard }, version, name), body, {
      hangAfterMs: this.hangAfterMs,
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs);
    });
    const ended = Promise.resolve(result).then((value) => {
      onValue(value);
      return true;
    });
    // One that fails after the limit has nobody to tell.
    ended.catch(() => {});
    try {
      return await Promise.race([ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
