// A task as programs and people see it: a copy, as of one moment.

import type { BundledTask } from './ready-bundles.ts';
import type { DeadReason, TaskRecord, TaskState } from './storage.ts';
import type { Worker } from './worker.ts';
import type { WorkerClaim } from './worker-claims.ts';

/** Facts about a stored task. */
export interface TaskInfo {
  readonly id: number;
  readonly name: string;
  readonly payload: unknown;
  readonly state: TaskState;
  readonly priority: number;
  /** Milliseconds since 1970, like all times here. */
  readonly enqueuedAt: number;
  /** When it may run, while it is delayed. */
  readonly dueAt: number | undefined;
  readonly deadlineAt: number | undefined;
  /** Starts so far. */
  readonly attempt: number;
  readonly failures: number;
  /** Processes that died while they ran it. */
  readonly crashes: number;
  /** Labels of the versions that died running it. */
  readonly interruptedBy: readonly string[];
  readonly dedupeKey: string | undefined;
  readonly concurrencyKey: string | undefined;
  /** Key of the schedule that made it. */
  readonly scheduleKey: string | undefined;
  /** Who runs it, while it runs. */
  readonly worker: Worker | undefined;
  /** Label of the version that runs it or ran it last. */
  readonly version: string | undefined;
  readonly lastError: string | undefined;
  /** Why it is a dead letter, if it is one. */
  readonly deadReason: DeadReason | undefined;
  readonly diedAt: number | undefined;
}

/** Copies a task. Call inside a read section or transaction. */
export function taskInfo(id: number, task: TaskRecord): TaskInfo {
  const { state } = task;
  const payload = task.payload;
  return {
    id,
    name: task.name,
    payload: payload === '' ? undefined : (JSON.parse(payload) as unknown),
    state,
    priority: task.priority,
    enqueuedAt: task.enqueuedAt,
    dueAt: state === 'delayed' ? task.dueAt : undefined,
    deadlineAt: task.deadlineAt === 0 ? undefined : task.deadlineAt,
    attempt: task.attempt,
    failures: task.failures,
    crashes: task.crashes,
    interruptedBy: linesOf(task.crashedVersions),
    dedupeKey: noneIfEmpty(task.dedupeKey),
    concurrencyKey: noneIfEmpty(task.concurrencyKey),
    scheduleKey: task.isScheduled ? task.scheduleKey : undefined,
    worker: state === 'running' ? workerOf(task) : undefined,
    version: noneIfEmpty(task.version),
    lastError: noneIfEmpty(task.lastError),
    deadReason: state === 'dead' ? task.deadReason : undefined,
    diedAt: state === 'dead' ? task.diedAt : undefined,
  };
}

/** The same for a bundled task; `claim` is whose it is if it runs. */
export function bundledInfo(task: BundledTask, claim: WorkerClaim | undefined): TaskInfo {
  return {
    id: task.id,
    name: task.name,
    payload: task.payload === '' ? undefined : (JSON.parse(task.payload) as unknown),
    state: claim === undefined ? 'ready' : 'running',
    priority: task.priority,
    enqueuedAt: task.enqueuedAt,
    dueAt: undefined,
    deadlineAt: undefined,
    attempt: claim === undefined ? 0 : 1,
    failures: 0,
    crashes: 0,
    interruptedBy: [],
    dedupeKey: undefined,
    concurrencyKey: undefined,
    scheduleKey: undefined,
    worker: claim?.worker,
    version: claim === undefined ? undefined : noneIfEmpty(claim.record.version),
    lastError: undefined,
    deadReason: undefined,
    diedAt: undefined,
  };
}

/** The worker that a task's claim names. */
export function workerOf(task: TaskRecord): Worker {
  return {
    pid: task.workerPid,
    startTime: task.workerStartTime,
    slot: task.workerSlot,
    instance: task.workerInstance,
  };
}

/** The lines of a stored list of labels. */
export function linesOf(stored: string): string[] {
  return stored === '' ? [] : stored.split('\n');
}

function noneIfEmpty(stored: string): string | undefined {
  return stored === '' ? undefined : stored;
}
