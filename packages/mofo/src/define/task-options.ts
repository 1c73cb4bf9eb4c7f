// When a task runs and what happens when it fails. One list of the options with their checks; the types beside it.

import { type Duration, parseDurationMs } from './duration.ts';

/** When a task runs, and what happens when it fails. Without `every`, `at` and `cron` it runs only when it is enqueued. */
export interface TaskOptions {
  /** Runs at this interval, at least 1 ms. */
  readonly every?: Duration;
  /** Runs once at this time: a Date, milliseconds since 1970, or an ISO 8601 text. */
  readonly at?: Date | number | string;
  /** Runs at the times of this cron expression (5 or 6 fields). */
  readonly cron?: string;
  /** Time zone of `cron`, for instance 'Europe/Berlin'; default UTC. */
  readonly timeZone?: string;
  /** How long after it is enqueued it first runs; default 0. */
  readonly delay?: Duration;
  /** How often it is run again after a failure, 0 to 100; default 0, then it goes to the dead letters. */
  readonly retries?: number;
  /** How the wait between retries grows; default 'exponential'. */
  readonly backoff?: 'fixed' | 'exponential';
  /** Higher runs first, -1000 to 1000; default 0. */
  readonly priority?: number;
  /** How long one run may take before the process counts as hung and the clone takes over; default: the config's. */
  readonly hangAfter?: Duration;
}

type Check = (value: unknown) => string | undefined;

const isDuration =
  (minimumMs: number): Check =>
  (value) => {
    const durationMs = parseDurationMs(value);
    if (durationMs === undefined)
      return "is no duration: write milliseconds as a number, or '100ms', '30s', '5m', '2h', '1d'";
    return durationMs < minimumMs ? `must be at least ${minimumMs} ms` : undefined;
  };

const isInteger =
  (minimum: number, maximum: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum
      ? undefined
      : `must be a whole number from ${minimum} to ${maximum}`;

const isText: Check = (value) => (typeof value === 'string' && value.trim() !== '' ? undefined : 'must be a text');

const isTime: Check = (value) => {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time)
    ? undefined
    : 'must be a Date, milliseconds since 1970, or an ISO 8601 text';
};

/** Every option of a task with the check that says what is wrong with a value, or undefined. */
export const taskOptionChecks: Readonly<Record<keyof TaskOptions, Check>> = {
  every: isDuration(1),
  at: isTime,
  cron: isText,
  timeZone: isText,
  delay: isDuration(0),
  retries: isInteger(0, 100),
  backoff: (value) => (value === 'fixed' || value === 'exponential' ? undefined : "must be 'fixed' or 'exponential'"),
  priority: isInteger(-1000, 1000),
  hangAfter: isDuration(1),
};
