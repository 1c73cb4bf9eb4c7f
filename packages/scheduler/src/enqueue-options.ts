// How one enqueued task differs from others of its name.

import { invalidOption, requireInteger, requireKey, requireOptions, timeOption } from './arguments.ts';
import { PRIORITY_MAX } from './constants.ts';
import { type Duration, durationOption } from './duration.ts';

/** Options of `enqueue`. */
export interface EnqueueOptions {
  /** How long until it may run. Default 0. Excludes `at`. */
  readonly delay?: Duration;
  /** When it may run: a Date, milliseconds since 1970, or an ISO 8601 text. */
  readonly at?: Date | number | string;
  /** Higher runs first, -1000 to 1000; equal ones run in the order in which they became ready. Default 0. */
  readonly priority?: number;
  /** Too late: it is not started after this long (from now), or this time, but becomes a dead letter (DEADLINE). Default none. */
  readonly deadline?: Duration | Date;
  /**
   * While a task of the same name and key waits, another is not made; `enqueue` returns the waiting one. The key is free once the task starts; a
   * task that waits again, for a retry, takes it back unless a newer one has it by then.
   */
  readonly dedupeKey?: string;
  /** At most `concurrencyPerKey` (of the definition, default 1) tasks of the same name and key run at once, in all processes together. */
  readonly concurrencyKey?: string;
}

/** What a new task is made of. */
export interface NewTask {
  readonly name: string;
  /** JSON, '' for undefined. */
  readonly payload: string;
  readonly priority: number;
  /** When it may run; 0 is now. */
  readonly dueAt: number;
  /** 0 is none. */
  readonly deadlineAt: number;
  readonly dedupeKey: string;
  readonly concurrencyKey: string;
  /** Key of its schedule, if it has one. */
  readonly scheduleKey?: string;
}

/** True if there is nothing to say of the task but name, payload and priority. */
export function isPlain({ concurrencyKey, deadlineAt, dedupeKey, dueAt, scheduleKey }: NewTask): boolean {
  return dueAt === 0 && deadlineAt === 0 && dedupeKey === '' && concurrencyKey === '' && scheduleKey === undefined;
}

const NAMES: ReadonlySet<string> = new Set(['delay', 'at', 'priority', 'deadline', 'dedupeKey', 'concurrencyKey']);
const NONE: EnqueueOptions = Object.freeze({});

/** Checks the options of a task enqueued at `now`. Throws INVALID_OPTION, UNKNOWN_OPTION. */
export function newTask(name: string, payload: string, options: EnqueueOptions | undefined, now: number): NewTask {
  if (options === undefined || options === NONE) {
    return { name, payload, priority: 0, dueAt: 0, deadlineAt: 0, dedupeKey: '', concurrencyKey: '' };
  }
  requireOptions('enqueue', options, NAMES);
  const { delay, at, priority = 0, deadline, dedupeKey = '', concurrencyKey = '' } = options;
  requireInteger('priority', priority, -PRIORITY_MAX, PRIORITY_MAX);
  if (options.dedupeKey !== undefined) requireKey('dedupeKey', dedupeKey);
  if (options.concurrencyKey !== undefined) requireKey('concurrencyKey', concurrencyKey);
  if (delay !== undefined && at !== undefined) throw invalidOption('delay', 'and at exclude each other');
  let dueAt = 0;
  if (delay !== undefined) dueAt = now + durationOption('delay', delay);
  if (at !== undefined) dueAt = timeOption('at', at);
  if (dueAt <= now) dueAt = 0;
  let deadlineAt = 0;
  if (deadline instanceof Date) deadlineAt = timeOption('deadline', deadline);
  else if (deadline !== undefined) deadlineAt = now + durationOption('deadline', deadline, 1);
  return { name, payload, priority, dueAt, deadlineAt, dedupeKey, concurrencyKey };
}
