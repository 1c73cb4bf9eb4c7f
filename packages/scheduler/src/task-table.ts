// The state machine of tasks: every transition, each keeping the invariants of storage.ts. All methods run inside a transaction.
//
//            enqueue                    start                 complete
//   ──────────┬─────────▶ ready ─────────────────▶ running ─────────────▶ (deleted)
//             │            ▲  ▲ ▲                     │ │ │
//             ▼    due     │  │ └── release, ─────────┘ │ └── fail for good, poison ──▶ dead ──redrive──▶ ready
//          delayed ────────┘  │     interrupt           │
//             ▲               │                         │
//             └───────────────│────────── fail ─────────┘
//                             ├── key free ── blocked ◀── key in use ── (ready, at a claim)
//                     parked ─┘ (started from there)  ◀── paused, no handler ── (ready, at a claim)

import type { Memory } from '@mofo/shm-store';
import { ATTEMPTS_MAX, CRASHED_VERSIONS_MAX, ERROR_LENGTH_MAX, VERSION_LENGTH_MAX } from './constants.ts';
import type { Counters } from './counters.ts';
import { backoffMs, type Definition } from './definition.ts';
import type { NewTask } from './enqueue-options.ts';
import { type BundledPlace, ReadyBundles } from './ready-bundles.ts';
import { SchedulerError } from './scheduler-error.ts';
import type { DeadReason, MetaRecord, TaskRecord, Trees, WorkerRecord } from './storage.ts';
import { linesOf } from './task-info.ts';
import type { Verdict } from './verdict.ts';
import type { Worker } from './worker.ts';
import { type WorkerClaim, WorkerClaims } from './worker-claims.ts';

/** How a run ended: done; to be tried again; a dead letter; cancelled; given back unfinished; or taken over by somebody else meanwhile. */
export type Outcome = 'completed' | 'retry' | 'dead' | 'cancelled' | 'released' | 'lost';

/** Tasks and their indexes. */
export class TaskTable {
  readonly trees: Trees;
  readonly meta: MetaRecord;
  readonly counters: Counters;
  readonly bundles: ReadyBundles;
  readonly claims: WorkerClaims;
  /** Called when a scheduled task has ended for good, before it is deleted or buried. */
  onOccurrenceEnd: (id: number, task: TaskRecord, now: number) => void = () => {};

  constructor(trees: Trees, meta: MetaRecord, counters: Counters, memory: Memory) {
    this.trees = trees;
    this.meta = meta;
    this.counters = counters;
    this.bundles = new ReadyBundles(trees, counters, memory);
    this.claims = new WorkerClaims(trees);
  }

  /** Makes a task, or returns the one that waits with its dedupe key. */
  insert(spec: NewTask, now: number): number {
    const { trees } = this;
    const { dedupeKey, dueAt } = spec;
    if (dedupeKey !== '') {
      const waiting = trees.dedupe.get([spec.name, dedupeKey]);
      if (waiting !== undefined) return waiting;
    }
    const id = this.nextNumber();
    if (this.bundles.append(spec, id, now)) return id;
    const isDelayed = dueAt > now;
    const sequence = isDelayed ? 0 : id;
    trees.tasks.set(id, initialFields(spec, sequence, now));
    if (isDelayed) trees.delayed.set([dueAt, id], id);
    else trees.ready.set([0 - spec.priority, sequence], id);
    if (dedupeKey !== '') trees.dedupe.set([spec.name, dedupeKey], id);
    return id;
  }

  /** The task that an index entry leads to. Throws CORRUPT. */
  require(id: number): TaskRecord {
    const task = this.trees.tasks.get(id);
    if (task !== undefined) return task;
    throw new SchedulerError('CORRUPT', `an index names task ${id}, which is not there. Run a check of the store.`, {
      taskId: id,
    });
  }

  /** The task, if it is still claimed under `token`: the fence against workers that were thought dead. Throws CLAIM_LOST. */
  requireClaim(id: number, token: number): TaskRecord {
    const task = this.trees.tasks.get(id);
    if (task !== undefined && task.state === 'running' && task.token === token) return task;
    throw claimLost(id);
  }

  /** delayed → ready. */
  promote(id: number, task: TaskRecord): void {
    this.withdraw(id, task);
    this.makeReady(id, task);
  }

  /** ready → parked, keeping its place. */
  park(id: number, task: TaskRecord): void {
    this.withdraw(id, task);
    this.releaseBlocked(task);
    const { names, parked } = this.trees;
    const { name } = task;
    task.state = 'parked';
    parked.set([name, 0 - task.priority, task.sequence], id);
    const entry = names.get(name);
    if (entry === undefined) names.set(name, { paused: false, parked: 1 });
    else entry.parked += 1;
  }

  /** ready → blocked, keeping its place. */
  block(id: number, task: TaskRecord): void {
    this.withdraw(id, task);
    task.state = 'blocked';
    this.trees.blocked.set([task.name, task.concurrencyKey, 0 - task.priority, task.sequence], id);
  }

  /** Tasks of this task's name and key that run now. */
  runningOfKey(task: TaskRecord): number {
    return this.trees.keys.get([task.name, task.concurrencyKey]) ?? 0;
  }

  /** ready, parked → running. Returns the claim's token. */
  start(id: number, task: TaskRecord, worker: Worker, definition: Definition, now: number): number {
    const { trees, meta } = this;
    this.withdraw(id, task);
    this.releaseDedupe(id, task);
    const token = meta.lastToken + 1;
    meta.lastToken = token;
    task.state = 'running';
    task.token = token;
    task.attempt += 1;
    task.workerPid = worker.pid;
    task.workerStartTime = worker.startTime;
    task.workerSlot = worker.slot;
    task.workerInstance = worker.instance;
    task.startedAt = now;
    const version = definition.version.slice(0, VERSION_LENGTH_MAX);
    if (task.version !== version) task.version = version;
    trees.running.set(id, token);
    const key = task.concurrencyKey;
    if (key !== '') {
      const count = this.runningOfKey(task) + 1;
      trees.keys.set([task.name, key], count);
      if (count < definition.concurrencyPerKey) this.releaseBlocked(task);
    }
    return token;
  }

  /** bundled → ready, in its place, as a record of its own: for what bundles cannot say. `place` is where it waits. */
  unbundle(place: BundledPlace): number {
    const { bundles, trees } = this;
    const { id, name, payload, priority, enqueuedAt } = bundles.read(place);
    bundles.withdraw(place);
    trees.tasks.set(id, { name, payload, priority, sequence: id, enqueuedAt });
    trees.ready.set([place.rank, id], id);
    return id;
  }

  /** bundled, waiting → run by the worker: the task that `bundles.seekFirst` found. */
  startBundled(record: WorkerRecord, place: BundledPlace, id: number, version: string): void {
    record.taskId = id;
    if (record.first !== place.first) record.first = place.first;
    if (record.rank !== place.rank) record.rank = place.rank;
    this.claims.setLabel(record, version);
    this.bundles.takeFirst();
  }

  /** run by a worker → done. What the worker runs next is for the caller to store, in the same transaction. */
  completeBundled(place: BundledPlace): void {
    this.bundles.finish(place);
    this.counters.completed += 1;
  }

  /** Run by a worker → running, as a record of its own that says the same: for whatever else than completion is to become of it. */
  unbundleRunning({ record, worker }: WorkerClaim): TaskRecord {
    const { bundles, meta, trees } = this;
    const { first, rank, taskId, version } = record;
    const place = bundles.placeOf(rank, first, taskId);
    if (place === undefined) throw notInBundle(taskId);
    const { id, name, payload, priority, enqueuedAt } = bundles.read(place);
    const token = meta.lastToken + 1;
    meta.lastToken = token;
    const { pid, startTime, slot, instance } = worker;
    const cancelRequested = record.cancelledId === id;
    const common = { name, payload, priority, enqueuedAt, sequence: id, attempt: 1, version, cancelRequested } as const;
    const claim = { token, workerPid: pid, workerStartTime: startTime, workerSlot: slot, workerInstance: instance };
    trees.tasks.set(id, { ...common, ...claim, state: 'running' });
    trees.running.set(id, token);
    record.taskId = 0;
    bundles.finish(place);
    return this.require(id);
  }

  /** Run by a worker that has not begun with it → ready, in its old place. */
  putBack(claim: WorkerClaim): void {
    const id = claim.record.taskId;
    const task = this.unbundleRunning(claim);
    this.withdraw(id, task);
    task.state = 'ready';
    task.attempt = 0;
    this.trees.ready.set([0 - task.priority, id], id);
  }

  /** running → done. */
  complete(id: number, task: TaskRecord, now: number): void {
    this.counters.completed += 1;
    this.remove(id, task, now);
  }

  /** running → delayed, dead or deleted, after its handler failed. */
  fail(
    id: number,
    task: TaskRecord,
    error: string,
    definition: Definition,
    now: number,
    random: () => number,
  ): Outcome {
    this.meta.failures += 1;
    task.failures += 1;
    task.lastError = error.slice(0, ERROR_LENGTH_MAX);
    if (task.cancelRequested) {
      this.cancel(id, task, now);
      return 'cancelled';
    }
    if (task.failures > definition.retries || task.attempt >= ATTEMPTS_MAX) return this.bury(id, task, 'FAILED', now);
    const dueAt = now + backoffMs(definition, task.failures, random);
    if (task.deadlineAt !== 0 && dueAt > task.deadlineAt) return this.bury(id, task, 'DEADLINE', now);
    this.withdraw(id, task);
    task.state = 'delayed';
    task.dueAt = dueAt;
    this.trees.delayed.set([dueAt, id], id);
    this.reclaimDedupe(id, task);
    return 'retry';
  }

  /** Notes that a process died with this task. */
  noteCrash(task: TaskRecord): void {
    this.meta.crashes += 1;
    task.crashes += 1;
    const { version } = task;
    if (version !== '') {
      task.crashedVersions = [...linesOf(task.crashedVersions), version].slice(-CRASHED_VERSIONS_MAX).join('\n');
    }
  }

  /** running → ready behind the others, or dead, after its process died (see `noteCrash`). */
  interrupt(id: number, task: TaskRecord, verdict: Verdict, now: number): Outcome {
    if (task.cancelRequested) {
      this.cancel(id, task, now);
      return 'cancelled';
    }
    if (verdict === 'dead' || task.attempt >= ATTEMPTS_MAX) return this.bury(id, task, 'POISON', now);
    this.release(id, task);
    return 'retry';
  }

  /** running → ready behind the others, without blame. */
  release(id: number, task: TaskRecord): void {
    this.withdraw(id, task);
    this.makeReady(id, task);
    this.reclaimDedupe(id, task);
  }

  /** any state → dead. */
  bury(id: number, task: TaskRecord, reason: DeadReason, now: number): 'dead' {
    const wasReady = task.state === 'ready';
    this.withdraw(id, task);
    if (wasReady) this.releaseBlocked(task);
    this.releaseDedupe(id, task);
    this.endOccurrence(id, task, now);
    task.state = 'dead';
    task.deadReason = reason;
    task.diedAt = now;
    this.trees.dead.set(id, now);
    return 'dead';
  }

  /** dead → ready, with its counts of failures and crashes back at zero, its deadline dropped. */
  redrive(id: number, task: TaskRecord): void {
    this.withdraw(id, task);
    task.failures = 0;
    task.crashes = 0;
    task.crashedVersions = '';
    task.deadlineAt = 0;
    task.attempt = 0;
    this.makeReady(id, task);
    this.reclaimDedupe(id, task);
  }

  /** any state → deleted, counted as cancelled. */
  cancel(id: number, task: TaskRecord, now: number): void {
    this.meta.cancelled += 1;
    this.remove(id, task, now);
  }

  /** bundled: deleted if it waits; if it runs it is only asked to stop. */
  cancelBundled(id: number): 'cancelled' | 'stopping' | 'unknown' {
    const place = this.bundles.find(id);
    if (place === undefined) return 'unknown';
    if (!place.isWaiting) {
      const holder = this.claims.holderOf(id);
      if (holder === undefined) return 'unknown';
      holder.record.cancelledId = id;
      return 'stopping';
    }
    this.bundles.withdraw(place);
    this.meta.cancelled += 1;
    return 'cancelled';
  }

  /** any state → deleted. */
  remove(id: number, task: TaskRecord, now: number): void {
    const wasReady = task.state === 'ready';
    this.withdraw(id, task);
    if (wasReady) this.releaseBlocked(task);
    this.releaseDedupe(id, task);
    this.endOccurrence(id, task, now);
    this.trees.tasks.delete(id);
  }

  /** Takes the task out of the index of its state. */
  private withdraw(id: number, task: TaskRecord): void {
    const { trees } = this;
    const { state } = task;
    let found: boolean;
    if (state === 'ready') found = trees.ready.delete([0 - task.priority, task.sequence]);
    else if (state === 'running') found = this.withdrawRunning(id, task);
    else if (state === 'delayed') found = trees.delayed.delete([task.dueAt, id]);
    else if (state === 'dead') found = trees.dead.delete(id);
    else if (state === 'parked') found = this.withdrawParked(task);
    else found = trees.blocked.delete([task.name, task.concurrencyKey, 0 - task.priority, task.sequence]);
    if (found) return;
    throw new SchedulerError(
      'CORRUPT',
      `task ${id} says that it is ${state}, but is not listed so. Run a check of the store.`,
      {
        taskId: id,
      },
    );
  }

  private withdrawRunning(id: number, task: TaskRecord): boolean {
    const { keys, running } = this.trees;
    task.token = 0;
    const { name, concurrencyKey } = task;
    if (concurrencyKey !== '') {
      const count = this.runningOfKey(task) - 1;
      if (count > 0) keys.set([name, concurrencyKey], count);
      else keys.delete([name, concurrencyKey]);
      this.releaseBlocked(task);
    }
    return running.delete(id);
  }

  private withdrawParked(task: TaskRecord): boolean {
    const { names, parked } = this.trees;
    const { name } = task;
    const entry = names.get(name);
    if (entry === undefined) return false;
    entry.parked -= 1;
    if (entry.parked <= 0 && !entry.paused) names.delete(name);
    return parked.delete([name, 0 - task.priority, task.sequence]);
  }

  private makeReady(id: number, task: TaskRecord): void {
    const sequence = this.nextNumber();
    task.state = 'ready';
    task.sequence = sequence;
    this.trees.ready.set([0 - task.priority, sequence], id);
  }

  /**
   * Makes the next blocked task of this task's key ready, in its old place. Called whenever a task of the key stops running or leaves the ready
   * queue without being run, so that blocked tasks always have one before them that runs or is ready. One too many is blocked again.
   */
  private releaseBlocked(task: TaskRecord): void {
    const key = task.concurrencyKey;
    if (key === '') return;
    const { blocked, ready } = this.trees;
    if (blocked.size === 0) return;
    const first = blocked.range({ prefix: [task.name, key], limit: 1 }).next();
    if (first.done === true) return;
    const [place, id] = first.value;
    const next = this.require(id);
    blocked.delete(place);
    next.state = 'ready';
    ready.set([0 - next.priority, next.sequence], id);
  }

  private releaseDedupe(id: number, task: TaskRecord): void {
    const key = task.dedupeKey;
    if (key === '') return;
    const place: [string, string] = [task.name, key];
    const { dedupe } = this.trees;
    if (dedupe.get(place) === id) dedupe.delete(place);
  }

  /** A task that waits again has its dedupe key again, unless a newer one waits with it. */
  private reclaimDedupe(id: number, task: TaskRecord): void {
    const key = task.dedupeKey;
    if (key === '') return;
    const place: [string, string] = [task.name, key];
    const { dedupe } = this.trees;
    if (!dedupe.has(place)) dedupe.set(place, id);
  }

  private endOccurrence(id: number, task: TaskRecord, now: number): void {
    if (task.isScheduled) this.onOccurrenceEnd(id, task, now);
  }

  /** The next id or sequence: one counter for both, so that whatever gets one later comes later. */
  private nextNumber(): number {
    const number = this.counters.lastNumber + 1;
    this.counters.lastNumber = number;
    return number;
  }
}

/** The fence's error. */
export function claimLost(id: number): SchedulerError {
  return new SchedulerError(
    'CLAIM_LOST',
    `task ${id} is not this worker's any more: it was completed, or given to another worker because this one was thought dead. ` +
      'Nothing of this attempt was stored. Do nothing: whoever has it completes it.',
    { taskId: id },
  );
}

function notInBundle(taskId: number): SchedulerError {
  return new SchedulerError(
    'CORRUPT',
    `a worker runs task ${taskId}, which is in no bundle. Nothing was changed. Run a check of the store.`,
    { taskId },
  );
}

/** What is stored of a new task; fields with their type's default are left out, for each one costs time. */
function initialFields(spec: NewTask, sequence: number, now: number): Partial<TaskRecord> {
  const { priority, dueAt, deadlineAt, dedupeKey, concurrencyKey, scheduleKey } = spec;
  const fields: Partial<TaskRecord> = { name: spec.name, payload: spec.payload, sequence, enqueuedAt: now };
  if (sequence === 0) {
    fields.state = 'delayed';
    fields.dueAt = dueAt;
  }
  if (priority !== 0) fields.priority = priority;
  if (deadlineAt !== 0) fields.deadlineAt = deadlineAt;
  if (dedupeKey !== '') fields.dedupeKey = dedupeKey;
  if (concurrencyKey !== '') fields.concurrencyKey = concurrencyKey;
  if (scheduleKey !== undefined) {
    fields.isScheduled = true;
    fields.scheduleKey = scheduleKey;
  }
  return fields;
}
