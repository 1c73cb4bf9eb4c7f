// Choosing the next task and claiming it: one transaction, before anything of the task runs. From its commit on every process can see who runs
// what, so that a death is blamed and the task found again.
//
// The next task is the first of the bundles and the ready index; of parked tasks those count whose name is not paused and has a handler here. What cannot run
// is set aside when it is met at the head of the queue (parked, blocked, or too late), so that it is met only once.

import { PROMOTE_COUNT_MAX, SET_ASIDE_COUNT_MAX } from './constants.ts';
import type { Definition } from './definition.ts';
import type { BundledPlace } from './ready-bundles.ts';
import type { TaskRecord, WorkerRecord } from './storage.ts';
import { linesOf } from './task-info.ts';
import type { TaskTable } from './task-table.ts';
import type { Worker } from './worker.ts';

/** A task that this worker has claimed. */
export interface Claim {
  readonly id: number;
  /** Fences: it changes with every claim. Of a bundled task its negative id, for such a task is claimed once as that. */
  readonly token: number;
  /** Of a bundled task: the worker's record that names it, and where it lies. */
  readonly record: WorkerRecord | undefined;
  readonly place: BundledPlace | undefined;
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
  if (table.counters.paused) return undefined;
  promoteDue(table, now);
  for (let count = 0; count < SET_ASIDE_COUNT_MAX; count++) {
    const single = firstCandidate(table, claimer);
    let id = single?.id;
    if (isBundledFirst(table, single)) {
      const claimed = claimBundled(table, claimer, undefined);
      if (claimed !== undefined) return claimed;
      id = table.unbundle(table.bundles.placeOfFirst());
    }
    if (id === undefined) return undefined;
    const task = table.require(id);
    const definition = runnable(table, claimer, task.name);
    if (definition === undefined) table.park(id, task);
    else if (task.deadlineAt !== 0 && now > task.deadlineAt) table.bury(id, task, 'DEADLINE', now);
    else if (isKeyInUse(table, task, definition)) table.block(id, task);
    else return claim(table, id, task, definition, claimer.worker, now);
  }
  return 'again';
}

/**
 * Claims the next task if it is a plain one with a synchronous handler, and nothing needs to be set aside: for a worker that has just completed one, in the
 * same transaction. `record` is the worker's, if that one was bundled too: its id still
 * stands there, and whoever calls this clears it if nothing was claimed.
 */
export function claimNextPlain(
  table: TaskTable,
  claimer: Claimer,
  now: number,
  record: WorkerRecord | undefined,
): Claim | undefined {
  const { bundles, counters, trees } = table;
  if (counters.waiting <= 0 || counters.paused || trees.names.size > 0) return undefined;
  const due = trees.delayed.size === 0 ? undefined : trees.delayed.first();
  if (due !== undefined && due[0][0] <= now) return undefined;
  const single = trees.ready.size === 0 ? undefined : trees.ready.first();
  if (single !== undefined) {
    const [[rank, sequence]] = single;
    if (!bundles.seekFirst() || !isBefore(bundles.rank, bundles.id, { rank, sequence })) return undefined;
  } else if (!bundles.seekFirst()) return undefined;
  return claimBundled(table, claimer, record);
}

/** Whether a claim may find something. Takes no lock. In a read section. */
export function hasWork(table: TaskTable, claimer: Claimer, now: number): boolean {
  const { delayed, ready } = table.trees;
  if (table.counters.paused) return false;
  if (table.bundles.waiting > 0 || ready.size > 0) return true;
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

/** The first of the ready and the parked tasks that may run. */
function firstCandidate(table: TaskTable, claimer: Claimer): WaitingTask | undefined {
  const { names, ready } = table.trees;
  const entry = ready.size === 0 ? undefined : ready.first();
  const first = entry === undefined ? undefined : { rank: entry[0][0], sequence: entry[0][1], id: entry[1] };
  if (names.size === 0) return first;
  const parked = firstParked(table, claimer);
  if (parked === undefined || first === undefined) return parked ?? first;
  return isBefore(first.rank, first.sequence, parked) ? first : parked;
}

function isBundledFirst({ bundles }: TaskTable, single: WaitingTask | undefined): boolean {
  if (!bundles.seekFirst()) return false;
  return single === undefined || isBefore(bundles.rank, bundles.id, single);
}

/**
 * Claims the bundled task that was found first; undefined if it cannot be run as such: paused, no handler here, asynchronous, or this worker is in the
 * middle of another one (a handler that runs tasks itself).
 */
function claimBundled(table: TaskTable, claimer: Claimer, completed: WorkerRecord | undefined): Claim | undefined {
  const { bundles, claims } = table;
  const record = completed ?? claims.recordOf(claimer.worker);
  if (completed === undefined && record.taskId !== 0) return undefined;
  const { id } = bundles;
  const place = bundles.placeOfFirst();
  const name = bundles.nameOf(place);
  const definition = runnable(table, claimer, name);
  if (definition === undefined || definition.isAsync) return undefined;
  table.startBundled(record, place, id, definition.version);
  const payload = bundles.payloadOf(place);
  return { id, token: -id, record, place, name, payload, definition, attempt: 1, crashes: 0, interruptedBy: NONE };
}

interface Place {
  readonly rank: number;
  readonly sequence: number;
}

interface WaitingTask extends Place {
  readonly id: number;
}

function firstParked(table: TaskTable, claimer: Claimer): WaitingTask | undefined {
  const { names, parked } = table.trees;
  if (parked.size === 0) return undefined;
  let best: WaitingTask | undefined;
  for (const [name, entry] of names.range()) {
    if (entry.parked <= 0 || entry.paused || claimer.definitionOf(name) === undefined) continue;
    const first = parked.range({ prefix: [name], limit: 1 }).next();
    if (first.done === true) continue;
    const [[, rank, sequence], id] = first.value;
    if (best === undefined || isBefore(rank, sequence, best)) best = { rank, sequence, id };
  }
  return best;
}

function isBefore(rank: number, sequence: number, other: Place): boolean {
  return rank < other.rank || (rank === other.rank && sequence < other.sequence);
}

function runnable(table: TaskTable, claimer: Claimer, name: string): Definition | undefined {
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
    record: undefined,
    place: undefined,
    name: task.name,
    payload: task.payload,
    definition,
    attempt: task.attempt,
    crashes,
    interruptedBy: crashes === 0 ? NONE : linesOf(task.crashedVersions),
  };
}

const NONE: readonly string[] = Object.freeze([]);
