// Choosing the next task and claiming it: one transaction, before anything of the task runs. From its commit on every process can see who runs
// what, so that a death is blamed and the task found again.
//
// The next task is the first of the ready queue; of parked tasks those count whose name is not paused and has a handler here. What cannot run
// is set aside when it is met at the head of the queue (parked, blocked, or too late), so that it is met only once.

import { PROMOTE_COUNT_MAX, SET_ASIDE_COUNT_MAX } from './constants.ts';
import type { Definition } from './definition.ts';
import type { TaskRecord } from './storage.ts';
import { linesOf } from './task-info.ts';
import type { TaskTable } from './task-table.ts';
import type { Worker } from './worker.ts';

/** A task that this worker has claimed. */
export interface Claim {
  readonly id: number;
  /** Fences: it changes with every claim. */
  readonly token: number;
  readonly name: string;
  /** JSON, '' for undefined. */
  readonly payload: string;
  readonly definition: Definition;
  readonly attempt: number;
  readonly crashes: number;
  readonly interruptedBy: readonly string[];
}

/** What `claimNext` needs to know beside the table. */
export interface Claimer {
  readonly worker: Worker;
  /** The definition of a name that can run here, or undefined. */
  definitionOf(name: string): Definition | undefined;
}

/** Claims the next task; 'again' if this transaction only set tasks aside, and more may come. In a transaction. */
export function claimNext(table: TaskTable, claimer: Claimer, now: number): Claim | 'again' | undefined {
  if (table.meta.paused) return undefined;
  promoteDue(table, now);
  for (let count = 0; count < SET_ASIDE_COUNT_MAX; count++) {
    const id = firstCandidate(table, claimer);
    if (id === undefined) return undefined;
    const task = table.require(id);
    const definition = runnable(table, claimer, task);
    if (definition === undefined) table.park(id, task);
    else if (task.deadlineAt !== 0 && now > task.deadlineAt) table.bury(id, task, 'DEADLINE', now);
    else if (isKeyInUse(table, task, definition)) table.block(id, task);
    else return claim(table, id, task, definition, claimer.worker, now);
  }
  return 'again';
}

/** Whether a claim may find something. Takes no lock. In a read section. */
export function hasWork(table: TaskTable, claimer: Claimer, now: number): boolean {
  const { delayed, ready } = table.trees;
  if (table.meta.paused) return false;
  if (ready.size > 0) return true;
  if (delayed.size > 0 && (delayed.first() as [[number, number], number])[0][0] <= now) return true;
  return firstParked(table, claimer) !== undefined;
}

function promoteDue(table: TaskTable, now: number): void {
  const { delayed } = table.trees;
  for (let count = 0; count < PROMOTE_COUNT_MAX && delayed.size > 0; count++) {
    const first = delayed.first();
    if (first === undefined || first[0][0] > now) return;
    table.promote(first[1], table.require(first[1]));
  }
}

function firstCandidate(table: TaskTable, claimer: Claimer): number | undefined {
  const { names, ready } = table.trees;
  const first = ready.size === 0 ? undefined : ready.first();
  if (names.size === 0) return first?.[1];
  const parked = firstParked(table, claimer);
  if (parked === undefined) return first?.[1];
  if (first === undefined) return parked.id;
  const [rank, sequence] = first[0];
  return isBefore(rank, sequence, parked) ? first[1] : parked.id;
}

interface ParkedTask {
  readonly rank: number;
  readonly sequence: number;
  readonly id: number;
}

function firstParked(table: TaskTable, claimer: Claimer): ParkedTask | undefined {
  const { names, parked } = table.trees;
  if (parked.size === 0) return undefined;
  let best: ParkedTask | undefined;
  for (const [name, entry] of names.range()) {
    if (entry.parked <= 0 || entry.paused || claimer.definitionOf(name) === undefined) continue;
    const first = parked.range({ prefix: [name], limit: 1 }).next();
    if (first.done === true) continue;
    const [[, rank, sequence], id] = first.value;
    if (best === undefined || isBefore(rank, sequence, best)) best = { rank, sequence, id };
  }
  return best;
}

function isBefore(rank: number, sequence: number, other: ParkedTask): boolean {
  return rank < other.rank || (rank === other.rank && sequence < other.sequence);
}

function runnable(table: TaskTable, claimer: Claimer, task: TaskRecord): Definition | undefined {
  const { name } = task;
  const { names } = table.trees;
  if (names.size > 0 && names.get(name)?.paused === true) return undefined;
  return claimer.definitionOf(name);
}

function isKeyInUse(table: TaskTable, task: TaskRecord, definition: Definition): boolean {
  return task.concurrencyKey !== '' && table.runningOfKey(task) >= definition.concurrencyPerKey;
}

function claim(
  table: TaskTable,
  id: number,
  task: TaskRecord,
  definition: Definition,
  worker: Worker,
  now: number,
): Claim {
  const token = table.start(id, task, worker, definition, now);
  const crashes = task.crashes;
  return {
    id,
    token,
    name: task.name,
    payload: task.payload,
    definition,
    attempt: task.attempt,
    crashes,
    interruptedBy: crashes === 0 ? NONE : linesOf(task.crashedVersions),
  };
}

const NONE: readonly string[] = Object.freeze([]);
