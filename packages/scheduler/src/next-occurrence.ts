// When a schedule is due next. Missed times collapse into one: the answer is always after now, however long nobody looked.

import { Cron } from 'croner';
import { CRON_CACHE_MAX } from './constants.ts';

/** The two ways to say when. */
export interface Recurrence {
  /** Interval in milliseconds; 0 with a cron expression. */
  readonly everyMs: number;
  readonly cron: string;
  readonly timeZone: string;
}

const parsed = new Map<string, Cron>();

/**
 * The first time after `now`; 0 when there is none any more. Intervals keep their beat: they count on from `lastDueAt`, not from now. Clock
 * changes of the time zone are croner's: a time that is skipped runs right after the gap, one that comes twice runs once.
 *
 * @throws TypeError or RangeError of croner for an expression or time zone that it cannot read.
 */
export function nextOccurrence(recurrence: Recurrence, lastDueAt: number, now: number): number {
  const { everyMs, cron, timeZone } = recurrence;
  if (everyMs > 0) return lastDueAt + everyMs * Math.max(1, Math.floor((now - lastDueAt) / everyMs) + 1);
  return parseCron(cron, timeZone).nextRun(new Date(now))?.getTime() ?? 0;
}

/** Parses a cron expression of five or six fields. Throws what croner throws. */
export function parseCron(cron: string, timeZone: string): Cron {
  const key = `${timeZone}\n${cron}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  if (parsed.size >= CRON_CACHE_MAX) parsed.clear();
  const made = new Cron(cron, { timezone: timeZone, paused: true, mode: '5-or-6-parts' });
  parsed.set(key, made);
  return made;
}
