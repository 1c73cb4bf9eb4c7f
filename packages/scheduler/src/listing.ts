// Looks at tasks: one, many, or how many. Bundled tasks are shown as any others. Everything here is a copy as of one moment; call it in a read section or transaction.

import { invalidOption } from './arguments.ts';
import type { BundledTask } from './ready-bundles.ts';
import type { TaskState } from './storage.ts';
import { bundledInfo, type TaskInfo, taskInfo } from './task-info.ts';
import type { TaskTable } from './task-table.ts';

/** How many tasks there are, and what has happened since the store was made. */
export interface SchedulerStatus {
  readonly paused: boolean;
  readonly pausedTasks: readonly string[];
  readonly ready: number;
  readonly delayed: number;
  /** Paused, or without a handler where they were met. */
  readonly parked: number;
  /** Waiting for their concurrency key. */
  readonly blocked: number;
  readonly running: number;
  readonly dead: number;
  readonly schedules: number;
  readonly completed: number;
  readonly failures: number;
  readonly crashes: number;
  readonly cancelled: number;
  readonly nextDueAt: number | undefined;
}

/** The task, or undefined if there is none of that id. */
export function findTask(table: TaskTable, id: number): TaskInfo | undefined {
  const task = table.trees.tasks.get(id);
  if (task !== undefined) return taskInfo(id, task);
  const place = table.bundles.find(id);
  if (place === undefined) return undefined;
  if (place.isWaiting) return bundledInfo(table.bundles.read(place), undefined);
  const claim = table.claims.holderOf(id);
  // Its words stay for a while after it has ended.
  return claim === undefined ? undefined : bundledInfo(table.bundles.read(place), claim);
}

/** Tasks of one state in the order of their index, or all in the order of their ids. Throws INVALID_OPTION. */
export function listTasks(table: TaskTable, state: TaskState | undefined, limit: number): TaskInfo[] {
  const { trees } = table;
  if (state === undefined) return allTasks(table, limit);
  const infos = (ids: Iterable<number>): TaskInfo[] => [...ids].map((id) => taskInfo(id, table.require(id)));
  if (state === 'dead') return infos(trees.dead.keys({ limit }));
  if (state === 'running') return byId([...infos(trees.running.keys({ limit })), ...runningBundled(table)], limit);
  if (state === 'ready') return readyTasks(table, limit);
  if (state === 'delayed' || state === 'parked' || state === 'blocked') return infos(trees[state].values({ limit }));
  throw invalidOption(
    'state',
    `must be ready, delayed, parked, blocked, running or dead, not ${JSON.stringify(state)}`,
  );
}

/** Counts. */
export function statusOf(table: TaskTable): SchedulerStatus {
  const { bundles, counters, meta, trees } = table;
  return {
    paused: counters.paused,
    pausedTasks: [...trees.names.range()].filter(([, entry]) => entry.paused).map(([name]) => name),
    ready: trees.ready.size + bundles.waiting,
    delayed: trees.delayed.size,
    parked: trees.parked.size,
    blocked: trees.blocked.size,
    running: trees.running.size + runningCount(table),
    dead: trees.dead.size,
    schedules: trees.schedules.size,
    completed: counters.completed,
    failures: meta.failures,
    crashes: meta.crashes,
    cancelled: meta.cancelled,
    nextDueAt: nextDueAt(table),
  };
}

/** When the first delayed task is due; undefined if none is delayed. */
export function nextDueAt({ trees }: TaskTable): number | undefined {
  return trees.delayed.size === 0 ? undefined : trees.delayed.first()?.[0][0];
}

/** Both indexes of ready tasks are in order: the first of both are the first of each. */
function readyTasks(table: TaskTable, limit: number): TaskInfo[] {
  const entries: { readonly rank: number; readonly sequence: number; readonly info: () => TaskInfo }[] = [];
  for (const [[rank, sequence], id] of table.trees.ready.range({ limit })) {
    entries.push({ rank, sequence, info: () => taskInfo(id, table.require(id)) });
  }
  for (const task of bundled(table, limit)) {
    entries.push({ rank: 0 - task.priority, sequence: task.id, info: () => bundledInfo(task, undefined) });
  }
  entries.sort((a, b) => a.rank - b.rank || a.sequence - b.sequence);
  return entries.slice(0, limit).map(({ info }) => info());
}

function allTasks(table: TaskTable, limit: number): TaskInfo[] {
  const records = [...table.trees.tasks.range({ limit })].map(([id, task]) => taskInfo(id, task));
  // Bundles are ordered by priority first, so all of them have to be looked at.
  const waiting = [...bundled(table, Number.POSITIVE_INFINITY)];
  waiting.sort((a, b) => a.id - b.id);
  const infos = waiting.slice(0, limit).map((task) => bundledInfo(task, undefined));
  return byId([...records, ...infos, ...runningBundled(table)], limit);
}

function* bundled(table: TaskTable, limit: number): IterableIterator<BundledTask> {
  let left = limit;
  if (left <= 0) return;
  for (const place of table.bundles.places()) {
    yield table.bundles.read(place);
    left -= 1;
    if (left <= 0) return;
  }
}

function runningBundled(table: TaskTable): TaskInfo[] {
  const found: TaskInfo[] = [];
  for (const claim of table.claims.all()) {
    const { first, rank, taskId } = claim.record;
    if (taskId === 0) continue;
    const place = table.bundles.placeOf(rank, first, taskId);
    if (place !== undefined) found.push(bundledInfo(table.bundles.read(place), claim));
  }
  return found;
}

function runningCount(table: TaskTable): number {
  if (table.claims.count === 0) return 0;
  let count = 0;
  for (const { record } of table.claims.all()) if (record.taskId !== 0) count += 1;
  return count;
}

function byId(infos: TaskInfo[], limit: number): TaskInfo[] {
  return infos.sort((a, b) => a.id - b.id).slice(0, limit);
}
