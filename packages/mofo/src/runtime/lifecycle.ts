// How a version begins and ends: `start` before it serves, `stop` when nobody calls it any more, each with a limit.

import { MofoError } from '../errors.ts';
import { describe } from './describe-error.ts';
import { HOOK_LIMIT_FACTOR, type Hooks, hookLimitMs } from './hooks.ts';
import type { VersionName } from './messages.ts';
import type { RunningVersion } from './running-version.ts';

/** Longest time in ms that a replaced version's `stop` hook may take. */
export const STOP_LIMIT_MS = 5_000;

/** Starts and stops versions. */
export class Lifecycle {
  private readonly hooks: Hooks;
  private readonly hangAfterMs: number;
  private readonly warn: (version: VersionName, message: string) => void;

  constructor(hooks: Hooks, hangAfterMs: number, warn: (version: VersionName, message: string) => void) {
    this.hooks = hooks;
    this.hangAfterMs = hangAfterMs;
    this.warn = warn;
  }

  /** Runs `start`. Throws (rejects) what it threw, and MofoError START_TIMEOUT; then the version's signal has been aborted. */
  async start(version: RunningVersion): Promise<void> {
    try {
      await this.startInTime(version);
    } catch (error) {
      // What it has begun listens to its signal.
      version.dropped.abort();
      throw error;
    }
  }

  /** Runs `stop` and aborts the version's signal. Never throws: what goes wrong is told. */
  async stop(version: RunningVersion, limitMs: number): Promise<void> {
    const { stop } = version.definition;
    const limit = AbortSignal.timeout(limitMs);
    try {
      if (stop !== undefined) {
        const body = (): unknown => stop.call(version.definition, version.context as never, limit);
        if (!(await this.hooks.run(version, 'stop', body, limitMs)))
          this.warn(version.name, `its stop hook has not ended after ${limitMs} ms; it is dropped all the same`);
      }
    } catch (error) {
      this.warn(version.name, `its stop hook threw: ${describe(error)}`);
    }
    version.dropped.abort();
  }

  private async startInTime(version: RunningVersion): Promise<void> {
    const { start } = version.definition;
    if (start === undefined) return;
    const limitMs = hookLimitMs(this.hangAfterMs);
    const body = (): unknown => start.call(version.definition, version.context as never);
    if (await this.hooks.run(version, 'start', body, limitMs)) return;
    throw new MofoError(
      'START_TIMEOUT',
      `the start of ${version.title} has not ended after ${limitMs} ms. What ran before goes on. Await less in start, or raise hangAfter: start has ${HOOK_LIMIT_FACTOR} times that.`,
      { data: { limitMs } },
    );
  }
}
