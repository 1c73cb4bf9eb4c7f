// Tasks that recur. A schedule has at most one unfinished task; when that ends - done, cancelled or dead - the next one is made in the same
// transaction, for the first time after now. So a crash loses no occurrence, and a long pause makes one run, not a pile.

import {
  encodePayload,
  invalidOption,
  requireInteger,
  requireKey,
  requireOptions,
  requireTaskName,
} from './arguments.ts';
import { CRON_LENGTH_MAX, ERROR_LENGTH_MAX, PRIORITY_MAX } from './constants.ts';
import { type Duration, durationOption } from './duration.ts';
import { nextOccurrence, parseCron, type Recurrence } from './next-occurrence.ts';
import { SchedulerError } from './scheduler-error.ts';
import type { ScheduleRecord, TaskRecord } from './storage.ts';
import type { TaskTable } from './task-table.ts';

/** When a task recurs; exactly one of `every` and `cron`. */
export interface ScheduleOptions {
  /** Tells several schedules of one task apart. Default none. */
  readonly key?: string;
  /** Interval, at least 1 ms; the first run is one interval from now. */
  readonly every?: Duration;
  /** Cron expression of five or six fields (seconds first). */
  readonly cron?: string;
  /** IANA time zone of `cron`. Default 'UTC'. */
  readonly timeZone?: string;
  /** Payload of each run. */
  readonly payload?: unknown;
  /** Priority of each run. Default 0. */
  readonly priority?: number;
}

/** A stored schedule, as of one moment. */
export interface ScheduleInfo {
  readonly name: string;
  readonly key: string | undefined;
  readonly everyMs: number | undefined;
  readonly cron: string | undefined;
  readonly timeZone: string | undefined;
  readonly payload: unknown;
  readonly priority: number;
  /** Its unfinished task; undefined when it will not run any more. */
  readonly taskId: number | undefined;
  /** When that task is, or was, due. */
  readonly dueAt: number | undefined;
  /** Why no next time could be found, if that is so. */
  readonly problem: string | undefined;
}

/** A schedule as it is stored. */
export interface ScheduleSpec extends Recurrence {
  readonly name: string;
  readonly key: string;
  readonly payload: string;
  readonly priority: number;
}

const NAMES: ReadonlySet<string> = new Set(['key', 'every', 'cron', 'timeZone', 'payload', 'priority']);

/** Checks what was passed to `schedule`. Throws INVALID_NAME, INVALID_OPTION, INVALID_SCHEDULE, INVALID_PAYLOAD, UNKNOWN_OPTION. */
export function scheduleSpec(name: string, options: ScheduleOptions): ScheduleSpec {
  requireTaskName(name);
  requireOptions('schedule', options, NAMES);
  const { key = '', every, cron, timeZone, priority = 0 } = options;
  if (options.key !== undefined) requireKey('key', key);
  requireInteger('priority', priority, -PRIORITY_MAX, PRIORITY_MAX);
  if ((every === undefined) === (cron === undefined))
    throw invalidOption('every', 'or cron is needed, and only one of them');
  if (every !== undefined && timeZone !== undefined) throw invalidOption('timeZone', 'belongs to cron, not to every');
  const payload = encodePayload(name, options.payload);
  const common = { name, key, payload, priority };
  if (every !== undefined) return { ...common, everyMs: durationOption('every', every, 1), cron: '', timeZone: '' };
  requireCron(cron as string, timeZone ?? 'UTC');
  return { ...common, everyMs: 0, cron: cron as string, timeZone: timeZone ?? 'UTC' };
}

/** The schedules of one store. Methods run inside a transaction. */
export class Schedules {
  private readonly table: TaskTable;

  constructor(table: TaskTable) {
    this.table = table;
    table.onOccurrenceEnd = (id, task, now) => this.goOn(id, task, now);
  }

  /** Makes the schedule, or changes it to `spec`; nothing if it is like that already and has a task. */
  set(spec: ScheduleSpec, now: number): void {
    const { trees } = this.table;
    const place: [string, string] = [spec.name, spec.key];
    const old = trees.schedules.get(place);
    const { everyMs, cron, timeZone, payload, priority } = spec;
    if (old === undefined) {
      trees.schedules.set(place, { everyMs, cron, timeZone, payload, priority, taskId: 0, dueAt: now });
      this.makeNext(spec.name, spec.key, now);
      return;
    }
    if (isSame(old, spec) && old.taskId !== 0) return;
    const task = old.taskId === 0 ? undefined : trees.tasks.get(old.taskId);
    const hasNewTimes = old.everyMs !== everyMs || old.cron !== cron || old.timeZone !== timeZone;
    old.everyMs = everyMs;
    old.cron = cron;
    old.timeZone = timeZone;
    old.payload = payload;
    old.priority = priority;
    if (hasNewTimes) old.dueAt = now;
    // A running occurrence goes on as it is; the one after it follows the new definition.
    if (task !== undefined && task.state === 'running') return;
    const id = old.taskId;
    const due = old.dueAt;
    old.taskId = 0;
    if (task !== undefined) this.table.remove(id, task, now);
    if (hasNewTimes || due <= now || task === undefined) this.makeNext(spec.name, spec.key, now);
    else this.enqueue(spec.name, spec.key, old, due, now);
  }

  /** Deletes the schedule and its waiting task; a running one ends as it may. False if there is none. */
  delete(name: string, key: string, now: number): boolean {
    const { trees } = this.table;
    const schedule = trees.schedules.get([name, key]);
    if (schedule === undefined) return false;
    const { taskId } = schedule;
    trees.schedules.delete([name, key]);
    const task = taskId === 0 ? undefined : trees.tasks.get(taskId);
    if (task !== undefined && task.state !== 'running') this.table.cancel(taskId, task, now);
    return true;
  }

  /** All schedules. In a read section or transaction. */
  list(): ScheduleInfo[] {
    const found: ScheduleInfo[] = [];
    for (const [[name, key], schedule] of this.table.trees.schedules.range()) {
      const { everyMs, cron, timeZone, payload, priority, taskId, dueAt, problem } = schedule;
      found.push({
        name,
        key: key === '' ? undefined : key,
        everyMs: everyMs === 0 ? undefined : everyMs,
        cron: cron === '' ? undefined : cron,
        timeZone: timeZone === '' ? undefined : timeZone,
        payload: payload === '' ? undefined : (JSON.parse(payload) as unknown),
        priority,
        taskId: taskId === 0 ? undefined : taskId,
        dueAt: taskId === 0 ? undefined : dueAt,
        problem: problem === '' ? undefined : problem,
      });
    }
    return found;
  }

  private goOn(id: number, task: TaskRecord, now: number): void {
    const key = task.scheduleKey;
    const schedule = this.table.trees.schedules.get([task.name, key]);
    // The schedule may be gone, or this may be a redriven task that it has left behind.
    if (schedule === undefined || schedule.taskId !== id) return;
    schedule.taskId = 0;
    this.makeNext(task.name, key, now);
  }

  private makeNext(name: string, key: string, now: number): void {
    const schedule = this.table.trees.schedules.get([name, key]) as ScheduleRecord;
    const { everyMs, cron, timeZone } = schedule;
    let dueAt: number;
    try {
      dueAt = nextOccurrence({ everyMs, cron, timeZone }, schedule.dueAt, now);
    } catch (error) {
      // What was checked when it was stored cannot be read here: another ICU, or damaged bytes. The run that ends now must not fail for it.
      schedule.problem = String(error).slice(0, ERROR_LENGTH_MAX);
      return;
    }
    schedule.problem = '';
    if (dueAt !== 0) this.enqueue(name, key, schedule, dueAt, now);
  }

  private enqueue(name: string, key: string, schedule: ScheduleRecord, dueAt: number, now: number): void {
    const { payload, priority } = schedule;
    const common = { deadlineAt: 0, dedupeKey: '', concurrencyKey: '' };
    schedule.dueAt = dueAt;
    schedule.taskId = this.table.insert({ name, payload, priority, dueAt, scheduleKey: key, ...common }, now);
  }
}

function isSame(stored: ScheduleRecord, spec: ScheduleSpec): boolean {
  return (
    stored.everyMs === spec.everyMs &&
    stored.cron === spec.cron &&
    stored.timeZone === spec.timeZone &&
    stored.payload === spec.payload &&
    stored.priority === spec.priority
  );
}

function requireCron(cron: string, timeZone: string): void {
  if (typeof cron !== 'string' || cron.length > CRON_LENGTH_MAX || typeof timeZone !== 'string') {
    throw invalidOption('cron', `must be a text of at most ${CRON_LENGTH_MAX} characters, and timeZone a text`);
  }
  try {
    parseCron(cron, timeZone).nextRun();
  } catch (cause) {
    throw new SchedulerError(
      'INVALID_SCHEDULE',
      `cron ${JSON.stringify(cron)} in time zone ${JSON.stringify(timeZone)} cannot be read: ${String(cause)}. ` +
        "Nothing was changed. Write five or six fields such as '0 3 * * *', and an IANA name such as 'Europe/Berlin'.",
      { cause },
    );
  }
}
