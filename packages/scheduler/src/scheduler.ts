// The scheduler as programs see it: enqueue, run, look, and put right what a death left behind.

import { encodePayload, invalidOption, requireInteger, requireOptions, requireTaskName } from './arguments.ts';
import { type Claim, type Claimer, claimNext, claimNextPlain, hasWork } from './claim.ts';
import {
  CONCURRENCY_DEFAULT,
  CONCURRENCY_MAX,
  LIST_COUNT_DEFAULT,
  RECOVER_EVERY_DEFAULT_MS,
  SLICE_MS,
  TIMER_MAX_MS,
} from './constants.ts';
import { DeathWatch } from './death-watch.ts';
import type { Clock, PayloadOf, TaskDefinitions } from './definition.ts';
import { type EnqueueOptions, isPlain, newTask } from './enqueue-options.ts';
import type { ClaimAhead, Executor, Run } from './executor.ts';
import { findTask, listTasks, nextDueAt, type SchedulerStatus, statusOf } from './listing.ts';
import { recoverInterrupted } from './recovery.ts';
import { rehearse } from './rehearsal.ts';
import { type RunOptions, runLoop, Wake } from './run-loop.ts';
import { SchedulerError } from './scheduler-error.ts';
import { type ScheduleInfo, type ScheduleOptions, type Schedules, scheduleSpec } from './schedules.ts';
import type { TaskRecord, TaskState, WorkerRecord } from './storage.ts';
import type { TaskInfo } from './task-info.ts';
import type { TaskTable } from './task-table.ts';
import type { Interruption, Verdict } from './verdict.ts';
import type { Worker } from './worker.ts';

/** What `runNext` did. */
export interface RunNextResult extends Partial<Run> {
  /** When the next delayed task is due; undefined if none is. Look again then, after an enqueue, or when a task has ended. */
  readonly nextDueAt: number | undefined;
}

/** Options of `recover`. */
export interface RecoverOptions {
  /** Whether a worker still runs. Default: whether its process does. */
  readonly isAlive?: (worker: Worker) => boolean;
}

/** Tasks that will not run again by themselves. */
export interface DeadLetters {
  /** The oldest first. */
  list(options?: { readonly limit?: number }): TaskInfo[];
  /** Makes a dead letter ready again, with its counts of failures and crashes at zero; false if there is none of that id. */
  redrive(id: number): boolean;
  /** Deletes a dead letter; false if there is none of that id. */
  discard(id: number): boolean;
}

/** The parts a scheduler is put together from; see open-scheduler.ts. */
export interface SchedulerParts {
  readonly store: {
    transaction<T>(body: () => T): T;
    readonly isInTransaction: boolean;
    read<T>(body: () => T): T;
    watch(onCommit: () => void): { close(): void };
  };
  readonly table: TaskTable;
  readonly schedules: Schedules;
  readonly executor: Executor;
  /** Runs what is rehearsed; tells nobody of it. */
  readonly rehearser: Executor;
  readonly claimer: Claimer;
  readonly clock: Clock;
  readonly isAlive: (worker: Worker) => boolean;
  readonly verdict: (interruption: Interruption) => Verdict;
}

/** Payload and options as `enqueue` takes them; any payload where the tasks are not known to the compiler. */
type EnqueueArguments<P> = [P] extends [never]
  ? [payload?: unknown, options?: EnqueueOptions]
  : undefined extends P
    ? [payload?: P, options?: EnqueueOptions]
    : [payload: P, options?: EnqueueOptions];

/** Durable tasks of one store; see {@link openScheduler}. */
export class Scheduler<T extends TaskDefinitions = TaskDefinitions> {
  readonly deadLetters: DeadLetters;
  private readonly parts: SchedulerParts;
  private readonly wake = new Wake();
  private isClosed = false;
  private isRunning = false;
  /** Something was paused here since a task was claimed ahead. */
  private hasPaused = false;

  /** Use {@link openScheduler}. */
  constructor(parts: SchedulerParts) {
    this.parts = parts;
    this.deadLetters = {
      list: ({ limit } = {}) => this.list('dead', limit === undefined ? {} : { limit }),
      redrive: (id) => this.changeDead(id, (task) => parts.table.redrive(id, task)),
      discard: (id) => this.changeDead(id, (task) => parts.table.remove(id, task, parts.clock())),
    };
  }

  /**
   * Makes a task: part of the running transaction, or a transaction of its own. Durable as the store is. Any process with a handler of that name may run it.
   *
   * @param name of the task; it need not have a handler here.
   * @param payload what JSON can say, at most 256 Ki characters.
   * @returns its id; with a `dedupeKey` that a waiting task has, that one's.
   * @throws SchedulerError INVALID_NAME, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE, INVALID_OPTION, UNKNOWN_OPTION, CLOSED; what transactions throw.
   */
  enqueue<K extends keyof T & string>(name: K, ...rest: EnqueueArguments<PayloadOf<T[K]>>): number {
    this.requireOpen();
    requireTaskName(name);
    const { clock, store, table } = this.parts;
    const now = clock();
    const spec = newTask(name, encodePayload(name, rest[0]), rest[1], now);
    // A level of nesting costs more than a plain task, which nothing but a full store can stop half-way; and that fails the whole transaction.
    const id =
      store.isInTransaction && isPlain(spec)
        ? table.insert(spec, now)
        : store.transaction(() => table.insert(spec, now));
    this.wake.ring();
    return id;
  }

  /**
   * Makes or changes a recurring task, by its name and `key`; nothing if it is like that already. Call it at every start.
   *
   * @throws SchedulerError INVALID_SCHEDULE for a cron expression or time zone that cannot be read; INVALID_NAME, INVALID_OPTION, UNKNOWN_OPTION, …
   */
  schedule(name: string, options: ScheduleOptions): void {
    this.requireOpen();
    const spec = scheduleSpec(name, options);
    const { clock, schedules, store } = this.parts;
    store.transaction(() => schedules.set(spec, clock()));
    this.wake.ring();
  }

  /** Ends a recurring task: deletes its schedule and the waiting run. False if there is none. */
  unschedule(name: string, key?: string): boolean {
    this.requireOpen();
    const { clock, schedules, store } = this.parts;
    return store.transaction(() => schedules.delete(name, key ?? '', clock()));
  }

  /** All recurring tasks. */
  listSchedules(): ScheduleInfo[] {
    this.requireOpen();
    const { schedules, store } = this.parts;
    return store.read(() => schedules.list());
  }

  /**
   * Runs the next task, if one is due; returns at once. A synchronous task has ended then (`outcome`), an asynchronous one has begun (`finished`).
   * What a handler throws is recorded, not thrown.
   *
   * @throws what keeps the outcome from being recorded (FENCED, RETIRED, STORE_FULL, …), what hooks throw; SchedulerError CLOSED, CORRUPT.
   */
  runNext(): RunNextResult {
    const run = this.runOne();
    return { ...run, nextDueAt: nextDueAt(this.parts.table) };
  }

  /**
   * Runs tasks that are due one after the other, at most `count`, and returns when none is left: for programs with a loop of their own. As {@link runNext}, and
   * quicker than that: the next plain task is claimed in the transaction that completes the last one.
   *
   * @returns what was run; asynchronous tasks have begun. Throws what `runNext` throws.
   */
  runBatch(count: number): Run[] {
    requireInteger('count', count, 1, Number.MAX_SAFE_INTEGER);
    const runs: Run[] = [];
    const claimAhead = (record: WorkerRecord | undefined): Claim | undefined =>
      runs.length + 1 < count ? this.claimAhead(record) : undefined;
    try {
      while (runs.length < count) {
        const run = this.runOne(claimAhead);
        if (run === undefined) break;
        runs.push(run);
      }
    } finally {
      this.putBackAhead();
    }
    return runs;
  }

  /**
   * Runs tasks until `signal` is aborted or the scheduler is closed; in as many processes as you like. Resolves when the tasks in flight have ended.
   *
   * @throws SchedulerError ALREADY_RUNNING; what `runNext` throws ends the run.
   */
  async run(options: RunOptions = {}): Promise<void> {
    this.requireOpen();
    requireOptions('run', options, RUN_OPTIONS);
    const { signal, concurrency = CONCURRENCY_DEFAULT, recoverEveryMs = RECOVER_EVERY_DEFAULT_MS } = options;
    requireInteger('concurrency', concurrency, 1, CONCURRENCY_MAX);
    if (!(recoverEveryMs >= 1 && recoverEveryMs <= TIMER_MAX_MS))
      throw invalidOption('recoverEveryMs', 'must be a number from 1');
    if (this.isRunning)
      throw new SchedulerError(
        'ALREADY_RUNNING',
        'run() is going on already. Nothing was changed. Wait for it, or abort its signal.',
      );
    const { claimer, executor, store, table } = this.parts;
    const ring = (): void => this.wake.ring();
    let isAborted = signal?.aborted === true;
    const abort = (): void => {
      isAborted = true;
      ring();
    };
    const isStopped = (): boolean => this.isClosed || isAborted;
    let fail: (error: unknown) => void = () => {};
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    this.isRunning = true;
    const watch = store.watch(() => {
      ring();
      this.noticeCancelled();
    });
    signal?.addEventListener('abort', abort);
    let isDeathSeen = false;
    const deaths = new DeathWatch(() => {
      isDeathSeen = true;
      ring();
    });
    let workerCount = -1;
    const steps = {
      step: (until: number) => {
        const run = this.runOne((record) =>
          performance.now() < until && !isStopped() ? this.claimAhead(record) : undefined,
        );
        run?.finished?.catch(fail);
        return run !== undefined;
      },
      mayStart: () => executor.activeCount < concurrency,
      untilDueMs: () => this.untilDueMs(),
      recover: () => {
        isDeathSeen = false;
        workerCount = -1;
        recoverInterrupted(this.parts, this.parts.isAlive);
      },
      mustRecover: () => {
        const count = table.claims.count;
        if (count !== workerCount) {
          workerCount = count;
          deaths.update(store.read(() => table.claims.workers()));
        }
        return isDeathSeen;
      },
    };
    try {
      // So that the others know whom to watch.
      store.transaction(() => table.claims.recordOf(claimer.worker));
      await Promise.race([failed, runLoop(steps, this.wake, SLICE_MS, recoverEveryMs, isStopped)]);
      executor.abortAll(stopped());
      await executor.drain();
    } finally {
      this.putBackAhead();
      deaths.close();
      watch.close();
      signal?.removeEventListener('abort', abort);
      this.isRunning = false;
    }
  }

  /**
   * Puts back what dead workers left running: each task becomes ready again behind the next ones, or, by the verdict, a dead letter. Call it at a
   * takeover, as soon as the death is confirmed; `run` calls it now and then.
   *
   * @returns the tasks that were interrupted.
   */
  recover(options: RecoverOptions = {}): TaskInfo[] {
    this.requireOpen();
    requireOptions('recover', options, RECOVER_OPTIONS);
    const interrupted = recoverInterrupted(this.parts, options.isAlive ?? this.parts.isAlive);
    this.wake.ring();
    return interrupted;
  }

  /**
   * Plays a run of the task `name` without its handler and takes it back, so that the first real run finds its code compiled and its pages mapped: for
   * a process that stands by. Other processes see nothing of it; `around` is called, `onSettled` is not. Holds the write lock meanwhile: some
   * milliseconds the first time, a fraction of one later. A death in it leaves nothing behind.
   *
   * @returns false when there is no handler of that name here, tasks are paused, or others go before.
   * @throws SchedulerError CLOSED; what transactions throw.
   */
  rehearse(name: string): boolean {
    this.requireOpen();
    requireTaskName(name);
    return rehearse({ ...this.parts, executor: this.parts.rehearser }, name);
  }

  /** Pauses all tasks, or those of one name, in all processes; what runs goes on. Durable. */
  pause(name?: string): void {
    this.setPaused(name, true);
  }

  /** Ends a pause. */
  resume(name?: string): void {
    this.setPaused(name, false);
    this.wake.ring();
  }

  /**
   * Cancels a task. One that waits is deleted: `cancelled`. One that runs is asked to stop (its signal, if it is asynchronous) and is not tried again
   * when it fails; if it completes it is complete: `stopping`. `unknown`: there is none, or it is done or dead.
   */
  cancel(id: number): 'cancelled' | 'stopping' | 'unknown' {
    this.requireOpen();
    const { clock, executor, store, table } = this.parts;
    const result = store.transaction(() => {
      const task = table.trees.tasks.get(id);
      if (task === undefined) return table.cancelBundled(id);
      if (task.state === 'dead') return 'unknown';
      if (task.state === 'running') {
        task.cancelRequested = true;
        return 'stopping';
      }
      table.cancel(id, task, clock());
      return 'cancelled';
    });
    if (result === 'stopping') executor.abort(id, cancelled(id));
    return result;
  }

  /** One task, or undefined if there is none (any more). */
  get(id: number): TaskInfo | undefined {
    this.requireOpen();
    const { store, table } = this.parts;
    return store.read(() => findTask(table, id));
  }

  /** Tasks, all or of one state, in the order of their index; at most `limit`, 100 unless told. */
  list(state?: TaskState, options: { readonly limit?: number } = {}): TaskInfo[] {
    this.requireOpen();
    const { limit = LIST_COUNT_DEFAULT } = options;
    requireInteger('limit', limit, 0, Number.MAX_SAFE_INTEGER);
    const { store, table } = this.parts;
    return store.read(() => listTasks(table, state, limit));
  }

  /** Counts. Costs microseconds. */
  get status(): SchedulerStatus {
    this.requireOpen();
    const { store, table } = this.parts;
    return store.read(() => statusOf(table));
  }

  /** Ends `run`, gives back what is in flight here (it will run again), and aborts its signals. Leaves the store open. Safe to call twice. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.wake.ring();
    const { executor, store, table } = this.parts;
    const inFlight = [...executor.inFlight()];
    executor.abortAll(stopped());
    if (inFlight.length === 0) return;
    store.transaction(() => {
      for (const { id, token } of inFlight) {
        const task = table.trees.tasks.get(id);
        if (task?.state === 'running' && task.token === token) table.release(id, task);
      }
    });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private runOne(claimAhead?: ClaimAhead): Run | undefined {
    this.requireOpen();
    const claim = this.begunAhead() ?? this.claim();
    if (claim === undefined) return undefined;
    const run = this.parts.executor.execute(claim, claimAhead);
    if (run.finished !== undefined) {
      const ring = (): void => this.wake.ring();
      run.finished.then(ring, ring);
    }
    return run;
  }

  /** In the transaction that completes a task. */
  private claimAhead(record: WorkerRecord | undefined): Claim | undefined {
    const { claimer, clock, table } = this.parts;
    this.hasPaused = false;
    return claimNextPlain(table, claimer, clock(), record);
  }

  /** What was claimed ahead, if it may run now as it was claimed; otherwise it is put back into its place. */
  private begunAhead(): Claim | undefined {
    const { claimer, executor } = this.parts;
    const claim = executor.takeAhead();
    if (claim === undefined) return undefined;
    if (!this.hasPaused && claimer.definitionOf(claim.name) === claim.definition) return claim;
    this.putBack(claim);
    return undefined;
  }

  private putBackAhead(): void {
    const claim = this.parts.executor.takeAhead();
    if (claim !== undefined) this.putBack(claim);
  }

  private putBack({ id, record }: Claim): void {
    const { claimer, store, table } = this.parts;
    store.transaction(() => {
      if (record !== undefined && table.claims.holds(record, id)) table.putBack({ record, worker: claimer.worker });
    });
  }

  private claim(): Claim | undefined {
    const { claimer, clock, store, table } = this.parts;
    for (;;) {
      const now = clock();
      if (!store.read(() => hasWork(table, claimer, now))) return undefined;
      const claim = store.transaction(() => claimNext(table, claimer, now));
      // What an outer transaction may yet take back must not be taken for written.
      if (store.isInTransaction) table.claims.forgetLabel();
      if (claim !== 'again') return claim;
    }
  }

  private untilDueMs(): number | undefined {
    const { store, table } = this.parts;
    const dueAt = store.read(() => (table.counters.paused ? undefined : nextDueAt(table)));
    return dueAt === undefined ? undefined : dueAt - this.parts.clock();
  }

  private setPaused(name: string | undefined, paused: boolean): void {
    this.requireOpen();
    if (name !== undefined) requireTaskName(name);
    const { store, table } = this.parts;
    if (paused) this.hasPaused = true;
    store.transaction(() => {
      if (name === undefined) {
        table.counters.paused = paused;
        return;
      }
      const { names } = table.trees;
      const entry = names.get(name);
      if (entry === undefined) {
        if (paused) names.set(name, { paused, parked: 0 });
      } else if (!paused && entry.parked === 0) names.delete(name);
      else entry.paused = paused;
    });
  }

  private noticeCancelled(): void {
    const { executor, store, table } = this.parts;
    if (executor.activeCount === 0) return;
    for (const { id } of executor.inFlight()) {
      if (store.read(() => table.trees.tasks.get(id)?.cancelRequested === true)) executor.abort(id, cancelled(id));
    }
  }

  private changeDead(id: number, change: (task: TaskRecord) => void): boolean {
    this.requireOpen();
    const { store, table } = this.parts;
    const changed = store.transaction(() => {
      const task = table.trees.tasks.get(id);
      if (task?.state !== 'dead') return false;
      change(task);
      return true;
    });
    this.wake.ring();
    return changed;
  }

  private requireOpen(): void {
    if (!this.isClosed) return;
    throw new SchedulerError('CLOSED', 'this scheduler is closed. The tasks are untouched. Open it again.');
  }
}

const RUN_OPTIONS: ReadonlySet<string> = new Set(['signal', 'concurrency', 'recoverEveryMs']);
const RECOVER_OPTIONS: ReadonlySet<string> = new Set(['isAlive']);

function stopped(): SchedulerError {
  return new SchedulerError(
    'STOPPED',
    'the scheduler is stopping. What this task has not completed will run again. Throw this error to say so.',
  );
}

function cancelled(id: number): SchedulerError {
  return new SchedulerError('CANCELLED', `task ${id} was cancelled. It is not tried again. Throw to end it.`, {
    taskId: id,
  });
}
