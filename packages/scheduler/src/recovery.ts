// Puts back what dead workers left running. Who died is found without the lock; each batch of what they left is put back in a transaction that looks again, so
// several processes may recover at once and each interruption counts once.

import type { Claimer } from './claim.ts';
import { RECOVER_COUNT_MAX } from './constants.ts';
import type { Clock } from './definition.ts';
import type { Executor } from './executor.ts';
import type { TaskRecord } from './storage.ts';
import { linesOf, type TaskInfo, taskInfo, workerOf } from './task-info.ts';
import type { TaskTable } from './task-table.ts';
import type { Interruption, Verdict } from './verdict.ts';
import type { Worker } from './worker.ts';

/** What is needed. */
export interface RecoveryParts {
  readonly store: { transaction<T>(body: () => T): T; read<T>(body: () => T): T };
  readonly table: TaskTable;
  readonly claimer: Claimer;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly verdict: (interruption: Interruption) => Verdict;
}

/** Puts back what workers that are not alive left; gives the tasks that were interrupted, as they were. */
export function recoverInterrupted(parts: RecoveryParts, isAlive: (worker: Worker) => boolean): TaskInfo[] {
  const { clock, executor, store, table } = parts;
  const interrupted: TaskInfo[] = [];
  const judged = new Judged(parts, isAlive);
  if (table.claims.count > 0) {
    for (const worker of store.read(() => deadWorkers(parts, judged))) {
      const info = store.transaction(() => interruptBundled(parts, worker, clock()));
      if (info !== undefined) interrupted.push(info);
    }
  }
  if (table.trees.running.size <= executor.activeCount) return interrupted;
  for (const ids of batches(store.read(() => orphans(parts, judged)))) {
    const found = store.transaction(() => ids.map(([id, token]) => interrupt(parts, id, token, clock())));
    for (const info of found) if (info !== undefined) interrupted.push(info);
  }
  return interrupted;
}

/** Whether workers live, each asked about once. Of this very worker only what it works on is alive: the end of other claims could not be recorded. */
class Judged {
  private readonly verdicts = new Map<string, boolean>();
  private readonly parts: RecoveryParts;
  private readonly isWorkerAlive: (worker: Worker) => boolean;

  constructor(parts: RecoveryParts, isWorkerAlive: (worker: Worker) => boolean) {
    this.parts = parts;
    this.isWorkerAlive = isWorkerAlive;
  }

  isAlive(worker: Worker, token: number): boolean {
    const { claimer, executor } = this.parts;
    if (isSame(worker, claimer.worker)) return executor.isActive(token);
    const { pid, startTime, slot, instance } = worker;
    const key = `${pid} ${startTime} ${slot} ${instance}`;
    let alive = this.verdicts.get(key);
    if (alive === undefined) {
      alive = this.isWorkerAlive(worker);
      this.verdicts.set(key, alive);
    }
    return alive;
  }
}

function isSame(a: Worker, b: Worker): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.instance === b.instance;
}

function deadWorkers({ claimer, table }: RecoveryParts, judged: Judged): Worker[] {
  const dead: Worker[] = [];
  for (const { record, worker } of table.claims.all()) {
    const isIdleHere = record.taskId === 0 && isSame(worker, claimer.worker);
    if (!isIdleHere && !judged.isAlive(worker, -record.taskId)) dead.push(worker);
  }
  return dead;
}

function interruptBundled(parts: RecoveryParts, worker: Worker, now: number): TaskInfo | undefined {
  const { claims } = parts.table;
  const record = claims.find(worker);
  // Somebody else has been here since.
  if (record === undefined) return undefined;
  const id = record.taskId;
  const task = id === 0 ? undefined : parts.table.unbundleRunning({ record, worker });
  claims.forget(worker);
  return task === undefined ? undefined : end(parts, id, task, now);
}

/** Claims in the running index whose worker is dead. */
function orphans({ table }: RecoveryParts, judged: Judged): [number, number][] {
  const found: [number, number][] = [];
  for (const [id, token] of table.trees.running.range()) {
    if (!judged.isAlive(workerOf(table.require(id)), token)) found.push([id, token]);
  }
  return found;
}

function interrupt(parts: RecoveryParts, id: number, token: number, now: number): TaskInfo | undefined {
  const task = parts.table.trees.tasks.get(id);
  // Somebody else has put it back since it was found.
  if (task?.state !== 'running' || task.token !== token) return undefined;
  return end(parts, id, task, now);
}

function end({ table, verdict }: RecoveryParts, id: number, task: TaskRecord, now: number): TaskInfo {
  table.noteCrash(task);
  const { name, attempt, crashes, crashedVersions } = task;
  const info = taskInfo(id, task);
  table.interrupt(id, task, verdict({ taskId: id, name, attempt, crashes, versions: linesOf(crashedVersions) }), now);
  return info;
}

function* batches<E>(all: readonly E[]): IterableIterator<readonly E[]> {
  for (let start = 0; start < all.length; start += RECOVER_COUNT_MAX) yield all.slice(start, start + RECOVER_COUNT_MAX);
}
