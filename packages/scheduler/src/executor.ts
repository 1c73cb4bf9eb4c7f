// Runs a claimed task to its end.
//
// Synchronous: handler and completion are one transaction, so for effects in the store a task happens exactly once: killed before the commit, it
// was claimed and nothing else happened; killed after it, it is done. Asynchronous: the handler runs outside any transaction, at least once;
// `context.complete(effect)` makes its effects in the store and its completion one transaction. In both the claim's token is compared inside that
// transaction, so a worker that was thought dead, and whose task was given away, cannot complete it.

import { inspect } from 'node:util';
import type { Claim } from './claim.ts';
import type { Clock, TaskContext } from './definition.ts';
import type { BundledPlace } from './ready-bundles.ts';
import { SchedulerError } from './scheduler-error.ts';
import type { TaskRecord, WorkerRecord } from './storage.ts';
import { claimLost, type Outcome, type TaskTable } from './task-table.ts';
import type { Worker } from './worker.ts';

/** A task that is about to run, for hooks. */
export interface RunningTask {
  readonly id: number;
  readonly name: string;
  /** Starts so far, this one included. */
  readonly attempt: number;
  /** Processes that died while they ran it. */
  readonly crashes: number;
  /** Labels of the versions that died running it: the version that runs it now is asked whether they were to blame. */
  readonly interruptedBy: readonly string[];
  /** Label of the version that runs it now; '' without. */
  readonly version: string;
  readonly isAsync: boolean;
  /** How long this run may take. */
  readonly hangAfterMs: number | undefined;
}

/**
 * Wraps the synchronous call of each handler: name in the slot what runs, set a deadline, take times. Calls `run` exactly once. `run` throws
 * what a synchronous handler throws, after the failure has been recorded; for an asynchronous one it returns the promise of the outcome.
 */
export type Around = (task: RunningTask, run: () => unknown) => unknown;

/** Told when a run has ended. */
export type OnSettled = (task: RunningTask, outcome: Outcome, error: unknown) => void;

/** What the executor needs. */
export interface ExecutorOptions {
  readonly store: { transaction<T>(body: () => T): T };
  readonly table: TaskTable;
  readonly clock: Clock;
  readonly random: () => number;
  readonly around: Around | undefined;
  readonly onSettled: OnSettled | undefined;
  /** Who runs here. */
  readonly worker: Worker;
}

/** Claims another task in the transaction that completes one; gets the worker's record if that one was bundled. See {@link Executor.execute}. */
export type ClaimAhead = (completed: WorkerRecord | undefined) => Claim | undefined;

/** A run that has ended, or will. */
export interface Run {
  readonly task: RunningTask;
  /** Of a synchronous run. */
  readonly outcome?: Outcome;
  /** Of an asynchronous run; rejects only if the outcome could not be recorded. */
  readonly finished?: Promise<Outcome>;
}

interface ActiveRun {
  readonly claim: Claim;
  readonly context: Context;
  finished: Promise<Outcome> | undefined;
}

/** Runs tasks in this thread. */
export class Executor {
  private readonly options: ExecutorOptions;
  /** Asynchronous runs in flight by their claim's token. */
  private readonly active = new Map<number, ActiveRun>();
  /** Synchronous runs, the innermost last: a handler may run tasks itself. */
  private readonly running: ActiveRun[] = [];

  /** What has been claimed ahead and not been taken. */
  private ahead: Claim | undefined;

  constructor(options: ExecutorOptions) {
    this.options = options;
  }

  /** What was claimed in the transaction that completed the last synchronous task; whoever takes it begins it or puts it back. */
  takeAhead(): Claim | undefined {
    const { ahead } = this;
    this.ahead = undefined;
    return ahead;
  }

  /** Runs in flight. */
  get activeCount(): number {
    return this.active.size + this.running.length;
  }

  /** True while this executor works on the claim. */
  isActive(token: number): boolean {
    return (
      this.active.has(token) || this.ahead?.token === token || this.running.some(({ claim }) => claim.token === token)
    );
  }

  /**
   * Runs a claimed task. Throws what `around` itself throws, and what keeps the store from recording the outcome.
   *
   * @param claimAhead called in the transaction that completes a synchronous task: what it claims is committed together with that, and is in `ahead` then.
   */
  execute(claim: Claim, claimAhead?: ClaimAhead): Run {
    const { definition } = claim;
    const task: RunningTask = {
      id: claim.id,
      name: claim.name,
      attempt: claim.attempt,
      crashes: claim.crashes,
      interruptedBy: claim.interruptedBy,
      version: definition.version,
      isAsync: definition.isAsync,
      hangAfterMs: definition.hangAfterMs,
    };
    const context = new Context(this.options.store, this.options.table, claim, this.options.clock);
    const entry: ActiveRun = { claim, context, finished: undefined };
    if (definition.isAsync) {
      this.active.set(claim.token, entry);
      try {
        return this.startAsync(task, entry);
      } finally {
        if (entry.finished === undefined) this.active.delete(claim.token);
      }
    }
    const { running } = this;
    running.push(entry);
    try {
      return this.executeSync(task, claim, context, claimAhead);
    } finally {
      running.length -= 1;
    }
  }

  /** Aborts the signal of a running task of this executor; false if it has none. */
  abort(id: number, reason: SchedulerError): boolean {
    for (const { claim, context } of [...this.active.values(), ...this.running]) {
      if (claim.id !== id) continue;
      context.abort(reason);
      return true;
    }
    return false;
  }

  /** Aborts the signals of all runs in flight. */
  abortAll(reason: SchedulerError): void {
    for (const { context } of this.active.values()) context.abort(reason);
  }

  /** Ids of the asynchronous tasks in flight with their tokens. */
  *inFlight(): IterableIterator<{ readonly id: number; readonly token: number }> {
    for (const { claim } of this.active.values()) yield { id: claim.id, token: claim.token };
  }

  /** Resolves when all runs in flight have ended. */
  async drain(): Promise<void> {
    await Promise.all([...this.active.values()].map(({ finished }) => finished));
  }

  private executeSync(task: RunningTask, claim: Claim, context: Context, claimAhead: ClaimAhead | undefined): Run {
    const { around, onSettled } = this.options;
    let outcome: Outcome | undefined;
    let failure: unknown;
    const run = (): void => {
      if (outcome !== undefined) throw ranTwice(claim);
      try {
        this.ahead = this.runSync(claim, context, claimAhead);
        outcome = 'completed';
      } catch (error) {
        this.options.table.claims.forgetLabel();
        failure = error;
        outcome = this.recordFailure(claim, error);
        throw error;
      }
    };
    this.callAround(claim, around, task, run, (error) => {
      if (outcome !== undefined) return error === failure;
      failure = error;
      outcome = this.recordFailure(claim, error);
      return true;
    });
    onSettled?.(task, outcome as unknown as Outcome, failure);
    return { task, outcome: outcome as unknown as Outcome };
  }

  /** Handler and completion in one transaction; gives what was claimed ahead in it. */
  private runSync(claim: Claim, context: Context, claimAhead: ClaimAhead | undefined): Claim | undefined {
    const { store, table, clock } = this.options;
    return store.transaction(() => {
      const { place, record } = claim;
      const task = record === undefined ? table.requireClaim(claim.id, claim.token) : undefined;
      if (record !== undefined) this.requireBundled(claim, record);
      const result = claim.definition.handler(payloadOf(claim), context);
      if (isThenable(result)) throw promiseReturned(claim, result);
      if (task !== undefined) table.complete(claim.id, task, clock());
      else table.completeBundled(place as BundledPlace);
      const next = claimAhead?.(record);
      if (record !== undefined && next === undefined) record.taskId = 0;
      return next;
    });
  }

  /** The fence for a bundled task. */
  private requireBundled(claim: Claim, record: WorkerRecord): void {
    if (!this.options.table.claims.holds(record, claim.id)) throw claimLost(claim.id);
  }

  /** The task's record, if it is claimed still; a bundled one gets one. In a transaction. */
  private requireTask(claim: Claim): TaskRecord {
    const { table, worker } = this.options;
    const { record } = claim;
    if (record === undefined) return table.requireClaim(claim.id, claim.token);
    this.requireBundled(claim, record);
    return table.unbundleRunning({ record, worker });
  }

  private startAsync(task: RunningTask, entry: ActiveRun): Run {
    const { claim } = entry;
    const run = (): Promise<Outcome> => {
      if (entry.finished !== undefined) throw ranTwice(claim);
      entry.finished = this.runAsync(task, entry);
      return entry.finished;
    };
    let outcome: Outcome | undefined;
    let failure: unknown;
    this.callAround(claim, this.options.around, task, run, (error) => {
      if (entry.finished !== undefined) return false;
      failure = error;
      outcome = this.recordFailure(claim, error);
      return true;
    });
    if (outcome === undefined) return { task, finished: entry.finished as unknown as Promise<Outcome> };
    this.options.onSettled?.(task, outcome, failure);
    return { task, outcome };
  }

  private async runAsync(task: RunningTask, entry: ActiveRun): Promise<Outcome> {
    const { claim, context } = entry;
    const { definition, token } = claim;
    const timer =
      definition.hangAfterMs === undefined
        ? undefined
        : setTimeout(() => context.abort(timeLimit(claim)), definition.hangAfterMs);
    let outcome: Outcome;
    let failure: unknown;
    try {
      await definition.handler(payloadOf(claim), context);
      outcome = this.recordCompletion(claim, context);
    } catch (error) {
      failure = error;
      outcome = context.isComplete ? 'completed' : this.recordFailure(claim, error);
    } finally {
      clearTimeout(timer);
      this.active.delete(token);
    }
    this.options.onSettled?.(task, outcome, failure);
    return outcome;
  }

  /** Calls `around`; `settle` says whether an error that comes out of it is dealt with. */
  private callAround(
    claim: Claim,
    around: Around | undefined,
    task: RunningTask,
    run: () => unknown,
    settle: (error: unknown) => boolean,
  ): void {
    let hasRun = false;
    const observed = (): unknown => {
      hasRun = true;
      return run();
    };
    try {
      if (around === undefined) observed();
      else around(task, observed);
      if (!hasRun) throw aroundSkipped(claim);
    } catch (error) {
      if (!settle(error)) throw error;
    }
  }

  private recordCompletion(claim: Claim, context: Context): Outcome {
    if (context.isComplete) return 'completed';
    try {
      context.complete(() => {});
      return 'completed';
    } catch (error) {
      if (isClaimLost(error, claim)) return 'lost';
      throw error;
    }
  }

  private recordFailure(claim: Claim, error: unknown): Outcome {
    if (isClaimLost(error, claim)) return 'lost';
    const { store, table, clock, random } = this.options;
    const { definition, id } = claim;
    try {
      return store.transaction(() => {
        const task = this.requireTask(claim);
        if (error instanceof SchedulerError && error.code === 'STOPPED') {
          table.release(id, task);
          return 'released';
        }
        return table.fail(id, task, describeError(error), definition, clock(), random);
      });
    } catch (problem) {
      if (isClaimLost(problem, claim)) return 'lost';
      throw problem;
    }
  }
}

class Context implements TaskContext {
  readonly taskId: number;
  readonly attempt: number;
  isComplete = false;
  private readonly store: ExecutorOptions['store'];
  private readonly table: TaskTable;
  private readonly claim: Claim;
  private readonly clock: Clock;
  private controller: AbortController | undefined;

  constructor(store: ExecutorOptions['store'], table: TaskTable, claim: Claim, clock: Clock) {
    this.store = store;
    this.table = table;
    this.claim = claim;
    this.clock = clock;
    this.taskId = claim.id;
    this.attempt = claim.attempt;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  abort(reason: SchedulerError): void {
    this.controller ??= new AbortController();
    this.controller.abort(reason);
  }

  complete<R>(effect: () => R): R {
    const { claim, table } = this;
    if (!claim.definition.isAsync) return this.store.transaction(effect);
    const result = this.store.transaction(() => {
      const task = table.requireClaim(claim.id, claim.token);
      const made = effect();
      if (isThenable(made)) throw promiseReturned(claim, made);
      table.complete(claim.id, task, this.clock());
      return made;
    });
    this.isComplete = true;
    return result;
  }
}

function payloadOf(claim: Claim): unknown {
  return claim.payload === '' ? undefined : JSON.parse(claim.payload);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** The fence's error about this very task; a handler may pass on the one of another task. */
function isClaimLost(error: unknown, claim: Claim): boolean {
  return error instanceof SchedulerError && error.code === 'CLAIM_LOST' && error.taskId === claim.id;
}

function describeError(error: unknown): string {
  return error instanceof Error && typeof error.stack === 'string' ? error.stack : inspect(error);
}

function promiseReturned(claim: Claim, promise: PromiseLike<unknown>): SchedulerError {
  // What becomes of the promise is of no account any more: this failure is what is recorded.
  promise.then(undefined, () => {});
  return new SchedulerError(
    'ASYNC_HANDLER',
    `task "${claim.name}" returned a promise from what runs as one transaction; what it stored was rolled back. ` +
      'Write the handler as an async function, or set async: true in its definition; inside complete() do no waiting.',
    { taskId: claim.id },
  );
}

function aroundSkipped(claim: Claim): SchedulerError {
  return new SchedulerError(
    'AROUND_SKIPPED',
    `around() returned without calling run() for task ${claim.id} ("${claim.name}"). It counts as failed. Call run() exactly once.`,
    { taskId: claim.id },
  );
}

function ranTwice(claim: Claim): Error {
  return new Error(
    `around() called run() twice for task ${claim.id} ("${claim.name}"). The first call counts. Call it once.`,
  );
}

function timeLimit(claim: Claim): SchedulerError {
  const { definition, id, name } = claim;
  return new SchedulerError(
    'TIME_LIMIT',
    `task ${id} ("${name}") has run longer than its ${definition.hangAfterMs} ms. It goes on if its handler ignores the signal. ` +
      'Raise hangAfter, or split the task.',
    { taskId: id },
  );
}
