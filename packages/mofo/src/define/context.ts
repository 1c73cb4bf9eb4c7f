// What a module's functions get as `ctx`. The types are exact for what the module declared: its state, the modules that it
// uses, its own exports and tasks. The runtime builds one context per loaded version; it holds no data of its own.

import type { Duration } from './duration.ts';
import type { StateOf } from './fields.ts';
import type { AnyModule, ModuleTypes } from './module-types.ts';
import type { Uses } from './uses.ts';

/** Writes lines of a module, in the shape of pino's logger: an optional object of facts, then a message. */
export interface ModuleLog {
  debug(facts: object, message?: string): void;
  debug(message: string): void;
  info(facts: object, message?: string): void;
  info(message: string): void;
  warn(facts: object, message?: string): void;
  warn(message: string): void;
  error(facts: object, message?: string): void;
  error(message: string): void;
}

/** The version that is running: `fees@a1f3d2`. */
export interface RunningVersion {
  /** Name of the module. */
  readonly module: string;
  /** Full content hash. */
  readonly hash: string;
  /** Short id that people see. */
  readonly id: string;
}

/** How one enqueued task differs from its declaration. */
export interface EnqueueOptions {
  /** How long until it first runs; default: the task's own `delay`. */
  readonly delay?: Duration;
  /** Higher runs first. */
  readonly priority?: number;
  /** A second task with the same key is not enqueued while the first waits. */
  readonly dedupeKey?: string;
}

/** What every function of every module has, whatever the module declares. */
export interface BaseContext {
  /** Runs `change` as one transaction: all of it or nothing, against exceptions and against SIGKILL at any instruction. */
  transaction<R>(change: () => R): R;
  /** Runs `look` over one consistent state; it may be run again when a writer committed meanwhile, so it must have no effects. */
  read<R>(look: () => R): R;
  /** Writes lines to the terminal and the log file. */
  readonly log: ModuleLog;
  /** The version of the module that is running. */
  readonly version: RunningVersion;
  /** Aborted when this version is being stopped, the request's client is gone, or the task's deadline has passed. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970; the same clock everywhere, so that tests can set it. */
  now(): number;
  /** Throws a {@link ModuleFailure}: a refusal that the module decided, not a fault. The transaction is rolled back. */
  fail(code: string, detail?: unknown): never;
}

/** The functions of `E` without their first parameter `ctx`: how they are called from outside. */
export type CallableExports<E> = {
  readonly [K in keyof E]: E[K] extends (ctx: never, ...rest: infer A) => infer R ? (...rest: A) => R : never;
};

/** The exports of each used module, always of the version that runs now. */
export type UsesOf<U> = {
  readonly [K in keyof U]: U[K] extends Uses<infer M> ? CallableExports<ModuleTypes<M>['exports']> : never;
};

/** What the `run` of a task takes as payload; `undefined` if it takes none. */
export type PayloadOf<T> = T extends { run(ctx: never, payload: infer P): unknown }
  ? unknown extends P
    ? undefined
    : P
  : never;

type UsedTasks<U> = {
  [K in keyof U & string]: U[K] extends Uses<infer M extends AnyModule>
    ? { [L in keyof ModuleTypes<M>['tasks'] & string as `${K}.${L}`]: PayloadOf<ModuleTypes<M>['tasks'][L]> }
    : never;
}[keyof U & string];

type UnionToIntersection<T> = (T extends unknown ? (part: T) => void : never) extends (whole: infer I) => void
  ? I
  : never;

/** Every task that a module can enqueue with its payload: its own by name, those of used modules as `fees.collect`. */
export type EnqueueableTasks<U, T> = { [K in keyof T & string]: PayloadOf<T[K]> } & ([keyof U & string] extends [never]
  ? unknown
  : UnionToIntersection<UsedTasks<U>>);

/** Puts tasks into the store's queue. Inside a transaction the task is part of it. */
export interface TaskQueue<P> {
  /**
   * Enqueues a task.
   *
   * @param task Name of a task of this module, or `module.task` of a module in `uses`.
   * @param payload What its `run` takes; left out if it takes nothing. It is stored as JSON.
   * @returns The number of the task, unique in the store.
   */
  enqueue<K extends keyof P & string>(
    task: K,
    ...payload: undefined extends P[K]
      ? [payload?: P[K], options?: EnqueueOptions]
      : [payload: P[K], options?: EnqueueOptions]
  ): number;
}

/** Inside `exports` and `tasks` a module's own tasks are not known yet to the compiler, so any name and payload is taken. */
export interface OpenTaskQueue {
  /** Enqueues a task of this module or of a used one (`module.task`); checked when it is called. */
  enqueue(task: string, payload?: unknown, options?: EnqueueOptions): number;
}

/** `ctx` of exported functions: own exports are not known yet; call them as plain functions. */
export interface ExportContext<U, S> extends BaseContext {
  /** The module's data in shared memory. */
  readonly state: StateOf<S>;
  /** Exports of other modules, always of the version that runs now. */
  readonly uses: UsesOf<U>;
  /** The queue of tasks. */
  readonly tasks: OpenTaskQueue;
}

/** `ctx` of tasks: as in exports, and the module's own exports. */
export interface TaskContext<U, S, E> extends ExportContext<U, S> {
  /** The module's own exports. */
  readonly exports: CallableExports<E>;
  /**
   * Runs `effect` and completes the task in one transaction: both happen, once, or neither. For asynchronous tasks; a synchronous one is a
   * single transaction anyway.
   */
  complete<R>(effect: () => R): R;
}

/** `ctx` of HTTP handlers, `health`, `start` and `stop`: everything. */
export interface ModuleContext<U, S, E, T> extends BaseContext {
  /** The module's data in shared memory. */
  readonly state: StateOf<S>;
  /** Exports of other modules, always of the version that runs now. */
  readonly uses: UsesOf<U>;
  /** The module's own exports. */
  readonly exports: CallableExports<E>;
  /** The queue of tasks. */
  readonly tasks: TaskQueue<EnqueueableTasks<U, T>>;
}
