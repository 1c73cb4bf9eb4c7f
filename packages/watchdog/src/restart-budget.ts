// How often something may be started again: at most `burst.count` times within `burst.windowMs` and at most `sustained.count` times
// within `sustained.windowMs`. The first stops a crash loop within seconds, the second one that crashes every few minutes for ever.
//
// Pure: time is passed in, and the times of the past can be taken out and put in again, because a takeover's budget must outlive
// the process that spends it.

import { requireInteger } from './arguments.ts';
import { budgetCountMax, burstDefault, sustainedDefault, timeLimitMaxMs } from './constants.ts';

/** At most `count` within `windowMs`. */
export interface BudgetWindow {
  readonly count: number;
  readonly windowMs: number;
}

/** What a budget allows. */
export interface RestartBudgetOptions {
  /** Default 10 in 10 s. */
  readonly burst?: BudgetWindow;
  /** Default 100 in an hour. */
  readonly sustained?: BudgetWindow;
  /** Times of earlier starts in ms, by the clock whose times are given to `spend`; times in the future are dropped. */
  readonly spentAtMs?: readonly number[];
}

/** The answer of {@link RestartBudget.spend}. */
export interface BudgetAnswer {
  readonly allowed: boolean;
  /** Which window is full; undefined when allowed. */
  readonly full: 'burst' | 'sustained' | undefined;
  /** When the next start is allowed, on the caller's clock; the time that was passed in when allowed. */
  readonly nextAtMs: number;
}

/** Counts starts against two windows. */
export class RestartBudget {
  readonly burst: BudgetWindow;
  readonly sustained: BudgetWindow;
  private times: number[];

  constructor(options: RestartBudgetOptions = {}) {
    this.burst = options.burst ?? burstDefault;
    this.sustained = options.sustained ?? sustainedDefault;
    for (const [name, window] of [['burst', this.burst] as const, ['sustained', this.sustained] as const]) {
      requireInteger(window.count, `${name}.count`, 0, budgetCountMax);
      requireInteger(window.windowMs, `${name}.windowMs`, 1, timeLimitMaxMs);
    }
    this.times = [...(options.spentAtMs ?? [])].filter(Number.isFinite).sort((a, b) => a - b);
  }

  /** Spends one start at `nowMs` if both windows have room; otherwise spends nothing and says when there will be room. */
  spend(nowMs: number): BudgetAnswer {
    // A clock that was set back must not lock starts out until it has caught up.
    const longest = Math.max(this.burst.windowMs, this.sustained.windowMs);
    this.times = this.times.filter((time) => time <= nowMs && time > nowMs - longest);
    const burstAtMs = this.roomAtMs(this.burst, nowMs);
    const sustainedAtMs = this.roomAtMs(this.sustained, nowMs);
    const nextAtMs = Math.max(burstAtMs, sustainedAtMs);
    if (nextAtMs > nowMs) {
      return { allowed: false, full: sustainedAtMs > burstAtMs ? 'sustained' : 'burst', nextAtMs };
    }
    this.times.push(nowMs);
    return { allowed: true, full: undefined, nextAtMs: nowMs };
  }

  /** Times of the starts that still count, oldest first: at most as many as the larger count. */
  get spentAtMs(): readonly number[] {
    return [...this.times];
  }

  private roomAtMs(window: BudgetWindow, nowMs: number): number {
    if (window.count === 0) return Number.POSITIVE_INFINITY;
    const inWindow = this.times.filter((time) => time > nowMs - window.windowMs);
    if (inWindow.length < window.count) return nowMs;
    return (inWindow[inWindow.length - window.count] as number) + window.windowMs;
  }
}
