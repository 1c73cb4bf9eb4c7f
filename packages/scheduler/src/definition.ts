// What a program says about a task: the function that runs it, and what happens when that fails.

import { invalidOption, requireInteger, requireOptions } from './arguments.ts';
import { BACKOFF_DEFAULT_MS, BACKOFF_MAX_DEFAULT_MS, JITTER_DEFAULT, RETRIES_MAX } from './constants.ts';
import { type Duration, durationOption } from './duration.ts';

/** Milliseconds since 1970. */
export type Clock = () => number;

/** What a handler gets beside its payload. */
export interface TaskContext {
  readonly taskId: number;
  /** Starts of this task so far, this one included: 1 at first. */
  readonly attempt: number;
  /** Aborted when the task is cancelled, its time limit has passed, or the scheduler stops. Synchronous handlers cannot see it change. */
  readonly signal: AbortSignal;
  /**
   * Runs `effect` and completes the task in the same transaction: both happen, once, or neither. For asynchronous handlers; a synchronous one
   * is a single transaction anyway, and there this only runs `effect`.
   *
   * @throws SchedulerError CLAIM_LOST when the task was given to another worker meanwhile (this one was thought dead), or is complete; `effect` has not run.
   */
  complete<R>(effect: () => R): R;
}

/** Runs a task. Synchronous: one transaction with its completion. Asynchronous: outside any transaction, at least once. */
export type Handler<P = never> = (payload: P, context: TaskContext) => unknown;

/** A task's handler with its options. */
export interface TaskDefinition<P = never> {
  readonly handler: Handler<P>;
  /** Whether the handler is asynchronous. Default: whether it was written as an `async` function. */
  readonly async?: boolean;
  /** How often it is run again after it failed, 0 to 100; then it is a dead letter. Default 0. */
  readonly retries?: number;
  /** How the wait before a retry grows: doubled each time, or always the same. Default 'exponential'. */
  readonly backoff?: 'exponential' | 'fixed';
  /** The first wait. Default '1s'. */
  readonly backoffDelay?: Duration;
  /** The longest wait. Default '1h'. */
  readonly backoffMax?: Duration;
  /** Share of the wait that chance may take away, 0 to 1. Default 0.5. */
  readonly jitter?: number;
  /** How many tasks of this name and the same concurrency key run at once, in all processes together. Default 1. */
  readonly concurrencyPerKey?: number;
  /** How long one run may take. Given to `around`, for a watchdog; an asynchronous handler's signal is aborted after it. Default: for ever. */
  readonly hangAfter?: Duration;
  /** Label of the version that this handler belongs to, for blame (`fees@a1f3d2`). Default none. */
  readonly version?: string;
}

/** Handlers by task name. */
export type TaskDefinitions = Readonly<Record<string, Handler | TaskDefinition>>;

/** The payload that a handler or definition takes. */
export type PayloadOf<T> = T extends (payload: infer P, context: TaskContext) => unknown
  ? P
  : T extends { readonly handler: (payload: infer P, context: TaskContext) => unknown }
    ? P
    : unknown;

/** A definition with all defaults. */
export interface Definition {
  readonly handler: Handler<unknown>;
  readonly isAsync: boolean;
  readonly retries: number;
  readonly isExponential: boolean;
  readonly backoffDelayMs: number;
  readonly backoffMaxMs: number;
  readonly jitter: number;
  readonly concurrencyPerKey: number;
  readonly hangAfterMs: number | undefined;
  readonly version: string;
}

const NAMES: ReadonlySet<string> = new Set([
  'handler',
  'async',
  'retries',
  'backoff',
  'backoffDelay',
  'backoffMax',
  'jitter',
  'concurrencyPerKey',
  'hangAfter',
  'version',
]);

const known = new WeakMap<object, Definition>();

/** Checks a handler or definition, and fills in the defaults. Throws INVALID_OPTION, UNKNOWN_OPTION. Repeated calls cost a look-up. */
export function definitionFrom(name: string, given: Handler | TaskDefinition): Definition {
  const before = known.get(given);
  if (before !== undefined) return before;
  const definition = complete(name, typeof given === 'function' ? { handler: given } : given);
  known.set(given, definition);
  return definition;
}

/** The wait before retry number `failures` in milliseconds. `random` gives 0 (inclusive) to 1 (exclusive). */
export function backoffMs(definition: Definition, failures: number, random: () => number): number {
  const { backoffDelayMs, backoffMaxMs, isExponential, jitter } = definition;
  const grown = isExponential ? backoffDelayMs * 2 ** Math.min(failures - 1, 100) : backoffDelayMs;
  return Math.round(Math.min(grown, backoffMaxMs) * (1 - jitter * random()));
}

function complete(name: string, given: TaskDefinition): Definition {
  const what = `task "${name}"`;
  requireOptions(what, given, NAMES);
  const {
    handler,
    retries = 0,
    backoff = 'exponential',
    jitter = JITTER_DEFAULT,
    concurrencyPerKey = 1,
    version = '',
  } = given;
  if (typeof handler !== 'function') throw invalidOption(`handler of ${what}`, 'must be a function');
  requireInteger(`retries of ${what}`, retries, 0, RETRIES_MAX);
  requireInteger(`concurrencyPerKey of ${what}`, concurrencyPerKey, 1, 2 ** 31);
  if (backoff !== 'exponential' && backoff !== 'fixed') {
    throw invalidOption(`backoff of ${what}`, "must be 'exponential' or 'fixed'");
  }
  if (!(jitter >= 0 && jitter <= 1)) throw invalidOption(`jitter of ${what}`, 'must be a number from 0 to 1');
  if (typeof version !== 'string') throw invalidOption(`version of ${what}`, 'must be a text');
  const { async: isAsync = handler.constructor.name === 'AsyncFunction', hangAfter } = given;
  return {
    handler: handler as Handler<unknown>,
    isAsync,
    retries,
    isExponential: backoff === 'exponential',
    backoffDelayMs: durationOption(`backoffDelay of ${what}`, given.backoffDelay ?? BACKOFF_DEFAULT_MS),
    backoffMaxMs: durationOption(`backoffMax of ${what}`, given.backoffMax ?? BACKOFF_MAX_DEFAULT_MS),
    jitter,
    concurrencyPerKey,
    hangAfterMs: hangAfter === undefined ? undefined : durationOption(`hangAfter of ${what}`, hangAfter, 1),
    version,
  };
}
