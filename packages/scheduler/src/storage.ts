// What the scheduler keeps in the store: one tree of tasks, and one index for each thing that is asked of it.
//
//   bundles    (rank, first id) → bundle                    plain tasks that wait, or are run by a worker: many in one block (bundle.ts)
//   workers    (pid, start, slot, instance) → Worker        which bundled task each worker runs (worker-claims.ts)
//   tasks      id → Task                                    everything known about any other task; a task that is done is deleted
//   ready      (rank, sequence) → id                        rank = -priority, so the first entry is the next task to run
//   delayed    (due, id) → id                               waits for its time
//   parked     (name, rank, sequence) → id                  its name is paused, or the process that met it has no handler for it
//   blocked    (name, key, rank, sequence) → id             its concurrency key is in use
//   running    id → claim token                             claimed by a worker; the token fences
//   dead       id → time of death                           dead letters
//   names      name → { paused, parked }                    only names that are paused or have parked tasks
//   keys       (name, key) → running tasks                  only while there are any
//   dedupe     (name, key) → id                             only while the task waits
//   schedules  (name, key) → Schedule                       at most one unfinished task each
//   meta       0 → Meta                                     settings and rare counts
//   counters   0 → raw block                                the counts that every task changes (counters.ts)
//
// Ids and sequences come from one counter, so the sequence of a task that was ready when it was made is its id.
//
// Invariants (SPEC.md numbers them): each task is either bundled, or a Task in exactly the index that its state names, under the key that its fields say; each index
// entry leads to such a task. Every change is part of one transaction that keeps them, so neither a crash nor a concurrent reader
// sees them broken.

import {
  boolean,
  f64,
  i16,
  oneOf,
  type Store,
  struct,
  type Tree,
  text,
  timestamp,
  tree,
  tuple,
  u32,
} from '@mofo/journal';
import { rawBlock } from './raw-block.ts';

/** Format of what this package stores; another one is refused. */
export const FORMAT_VERSION = 2;

/** States of a task that is not done. */
export type TaskState = 'ready' | 'delayed' | 'parked' | 'blocked' | 'running' | 'dead';

/** Why a task is a dead letter: out of retries, it killed its processes, or too late. */
export type DeadReason = 'FAILED' | 'POISON' | 'DEADLINE';

/** A stored task. */
export interface TaskRecord {
  name: string;
  /** JSON, '' for undefined. */
  payload: string;
  state: TaskState;
  priority: number;
  sequence: number;
  enqueuedAt: number;
  dueAt: number;
  /** 0 is none. */
  deadlineAt: number;
  attempt: number;
  failures: number;
  crashes: number;
  /** '' is none. */
  dedupeKey: string;
  /** '' is none. */
  concurrencyKey: string;
  isScheduled: boolean;
  scheduleKey: string;
  /** Number of the claim while it runs, otherwise 0. */
  token: number;
  workerPid: number;
  workerStartTime: number;
  workerSlot: number;
  workerInstance: number;
  startedAt: number;
  /** Label of the version that runs or ran it last. */
  version: string;
  /** Labels of versions that died running it, a line each. */
  crashedVersions: string;
  cancelRequested: boolean;
  lastError: string;
  deadReason: DeadReason;
  diedAt: number;
}

/** What is noted about a name that is paused or has parked tasks. */
export interface NameRecord {
  paused: boolean;
  parked: number;
}

/** A stored schedule. */
export interface ScheduleRecord {
  /** Interval in milliseconds; 0 with a cron expression. */
  everyMs: number;
  cron: string;
  timeZone: string;
  payload: string;
  priority: number;
  /** Its unfinished task; 0 when there is none any more. */
  taskId: number;
  /** When that task is or was due. */
  dueAt: number;
  /** Why the next time could not be found; '' is none. */
  problem: string;
}

/** What a worker runs of the bundled tasks. */
export interface WorkerRecord {
  /** 0 is none. */
  taskId: number;
  /** The bundle of that task. */
  first: number;
  rank: number;
  /** The task that was asked to stop, which may have ended since. */
  cancelledId: number;
  /** Label of the version that runs it. */
  version: string;
}

/** Settings of all tasks, and what has happened rarely. */
export interface MetaRecord {
  format: number;
  lastToken: number;
  failures: number;
  crashes: number;
  cancelled: number;
}

/** The trees by their short names. */
export interface Trees {
  readonly bundles: Tree<[number, number], number>;
  readonly workers: Tree<[number, number, number, number], WorkerRecord, Partial<WorkerRecord>>;
  readonly tasks: Tree<number, TaskRecord, Partial<TaskRecord>>;
  readonly ready: Tree<[number, number], number>;
  readonly delayed: Tree<[number, number], number>;
  readonly parked: Tree<[string, number, number], number>;
  readonly blocked: Tree<[string, string, number, number], number>;
  readonly running: Tree<number, number>;
  readonly dead: Tree<number, number>;
  readonly names: Tree<string, NameRecord, Partial<NameRecord>>;
  readonly keys: Tree<[string, string], number>;
  readonly dedupe: Tree<[string, string], number>;
  readonly schedules: Tree<[string, string], ScheduleRecord, Partial<ScheduleRecord>>;
  readonly meta: Tree<number, MetaRecord, Partial<MetaRecord>>;
  readonly counters: Tree<number, number>;
}

/** Opens the trees of a store, making those that are missing. */
export function openTrees(store: Pick<Store, 'addRoots'>): Trees {
  const roots = store.addRoots(ROOTS);
  return {
    bundles: roots['scheduler.bundles'],
    workers: roots['scheduler.workers'],
    tasks: roots['scheduler.tasks'],
    ready: roots['scheduler.ready'],
    delayed: roots['scheduler.delayed'],
    parked: roots['scheduler.parked'],
    blocked: roots['scheduler.blocked'],
    running: roots['scheduler.running'],
    dead: roots['scheduler.dead'],
    names: roots['scheduler.names'],
    keys: roots['scheduler.keys'],
    dedupe: roots['scheduler.dedupe'],
    schedules: roots['scheduler.schedules'],
    meta: roots['scheduler.meta'],
    counters: roots['scheduler.counters'],
  };
}

const Task = struct('SchedulerTask', {
  name: text(),
  payload: text(),
  state: oneOf('ready', 'delayed', 'parked', 'blocked', 'running', 'dead'),
  priority: i16(),
  sequence: f64(),
  enqueuedAt: timestamp(),
  dueAt: timestamp(),
  deadlineAt: timestamp(),
  attempt: u32(),
  failures: u32(),
  crashes: u32(),
  dedupeKey: text(),
  concurrencyKey: text(),
  isScheduled: boolean(),
  scheduleKey: text(),
  token: f64(),
  workerPid: u32(),
  workerStartTime: f64(),
  workerSlot: u32(),
  workerInstance: u32(),
  startedAt: timestamp(),
  version: text(),
  crashedVersions: text(),
  cancelRequested: boolean(),
  lastError: text(),
  deadReason: oneOf('FAILED', 'POISON', 'DEADLINE'),
  diedAt: timestamp(),
});

const Name = struct('SchedulerName', { paused: boolean(), parked: f64() });

const Schedule = struct('SchedulerSchedule', {
  everyMs: f64(),
  cron: text(),
  timeZone: text(),
  payload: text(),
  priority: i16(),
  taskId: f64(),
  dueAt: timestamp(),
  problem: text(),
});

const WorkerClaim = struct('SchedulerWorker', {
  taskId: f64(),
  first: f64(),
  rank: f64(),
  cancelledId: f64(),
  version: text(),
});

const Meta = struct('SchedulerMeta', {
  format: u32(),
  lastToken: f64(),
  failures: f64(),
  crashes: f64(),
  cancelled: f64(),
});

const ROOTS = {
  'scheduler.bundles': tree(tuple(i16(), f64()), rawBlock),
  'scheduler.workers': tree(tuple(u32(), f64(), u32(), u32()), WorkerClaim),
  'scheduler.tasks': tree(f64(), Task),
  'scheduler.ready': tree(tuple(i16(), f64()), f64()),
  'scheduler.delayed': tree(tuple(timestamp(), f64()), f64()),
  'scheduler.parked': tree(tuple(text(), i16(), f64()), f64()),
  'scheduler.blocked': tree(tuple(text(), text(), i16(), f64()), f64()),
  'scheduler.running': tree(f64(), f64()),
  'scheduler.dead': tree(f64(), timestamp()),
  'scheduler.names': tree(text(), Name),
  'scheduler.keys': tree(tuple(text(), text()), u32()),
  'scheduler.dedupe': tree(tuple(text(), text()), f64()),
  'scheduler.schedules': tree(tuple(text(), text()), Schedule),
  'scheduler.meta': tree(u32(), Meta),
  'scheduler.counters': tree(u32(), rawBlock),
};
