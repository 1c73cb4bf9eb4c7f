// The shape of a module as it is declared, stored in a bundle and loaded again. `defineModule` infers the five type
// parameters from one object; the order of its keys matters to the compiler: what a function uses stands above it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BaseContext, ExportContext, ModuleContext, TaskContext } from './context.ts';
import type { StateShape } from './fields.ts';
import type { TypedModule } from './module-types.ts';
import type { TaskOptions } from './task-options.ts';
import type { Uses } from './uses.ts';

/** A function that takes anything; for constraints only. */
export type AnyFunction = (...parameters: never) => unknown;

/** Modules used, by the name under which `ctx.uses` has them. */
export type UsesShape = Readonly<Record<string, Uses>>;

/** Exported functions: `(ctx, …) => …`. Called outside a transaction, each runs in one. */
// biome-ignore lint/suspicious/noExplicitAny: the parameters behind ctx are the module's own; any lets each function say them.
export type ExportsShape<C> = Readonly<Record<string, (ctx: C, ...rest: any[]) => unknown>>;

/** One task: its options and what it does. A synchronous `run` is one transaction; an async one opens its own. */
export interface TaskDefinition<C = BaseContext, P = void> extends TaskOptions {
  /** Does the work. */
  run(ctx: C, payload: P): unknown;
}

/** Tasks by name. */
// biome-ignore lint/suspicious/noExplicitAny: each task says its own payload type.
export type TasksShape<C> = Readonly<Record<string, TaskDefinition<C, any>>>;

/** The parameters of a path: `/users/:id/:tab` gives `{ id: string; tab: string }`. */
export type PathParams<P extends string> = P extends `${string} ${infer Path}` ? PathParams<Path> : ParamsOfPath<P>;

type ParamsOfPath<P extends string> = string extends P
  ? Readonly<Record<string, string>>
  : { readonly [K in ParamNames<P>]: string };

type ParamNames<P extends string> = P extends `${infer Head}/${infer Rest}`
  ? ParamName<Head> | ParamNames<Rest>
  : ParamName<P>;

type ParamName<Segment extends string> = Segment extends `:${infer Name}` ? Name : never;

/** A handler in web-standard form: a Request in, a Response out. */
export type WebHandler<C, Params = Readonly<Record<string, string>>> = (
  ctx: C,
  request: Request,
  params: Params,
) => Response | Promise<Response>;

/** A handler in Node's own form, for frameworks that want `(req, res)`. It answers through `res` alone. */
export interface NodeHandler<C> {
  /** Answers the request. */
  node(ctx: C, request: IncomingMessage, response: ServerResponse): unknown;
}

/** Handlers by `'METHOD /path/:param'`. */
export type HttpShape<C, H> = {
  readonly [K in keyof H]: WebHandler<C, PathParams<K & string>> | NodeHandler<C>;
};

/** Rewrites a record of an older layout; the key is `Type:layout` of what it takes. */
// biome-ignore lint/suspicious/noExplicitAny: the record of an older layout has a type that the code no longer has.
export type Migration = (old: any) => object;

/** What `defineModule` takes. Write the keys in this order: functions see exactly what is declared above them. */
export interface ModuleInput<N extends string, U, S, E, T, H> {
  /** Name of the module: a letter, then at most 63 letters, digits or hyphens. */
  readonly name: N;
  /** Other modules, by their types. */
  readonly uses?: U;
  /** Data in shared memory: field types by name. It outlives crashes and updates. */
  readonly state?: S;
  /** How records of older layouts become records of this one, by `Type:layout`. */
  readonly migrate?: Readonly<Record<`${string}:${number}`, Migration>>;
  /** Functions that other modules may call. */
  readonly exports?: E & ExportsShape<ExportContext<U, S>>;
  /** Work to be done at times, at intervals, or when it is enqueued. */
  readonly tasks?: T & TasksShape<TaskContext<U, S, E>>;
  /** Handlers by `'METHOD /path/:param'`. */
  readonly http?: HttpShape<ModuleContext<U, S, E, T>, H>;
  /** Says whether the module is well; asked while a version is on probation. */
  readonly health?: (ctx: ModuleContext<U, S, E, T>) => boolean | Promise<boolean>;
  /** Called after a version is loaded, before it serves. */
  start?(ctx: ModuleContext<U, S, E, T>): void | Promise<void>;
  /** Called before a version is dropped; `signal` is aborted when its time is up. */
  stop?(ctx: ModuleContext<U, S, E, T>, signal: AbortSignal): void | Promise<void>;
}

/** A declared module. Made by `defineModule` only; frozen. */
export interface ModuleDefinition<N extends string = string, U = unknown, S = unknown, E = unknown, T = unknown>
  extends TypedModule<U, S, E, T> {
  readonly name: N;
  readonly uses: UsesShape;
  readonly state: StateShape;
  readonly migrate: Readonly<Record<string, Migration>>;
  readonly exports: Readonly<Record<string, AnyFunction>>;
  readonly tasks: Readonly<Record<string, TaskDefinition<never, never>>>;
  readonly http: Readonly<Record<string, WebHandler<never, never> | NodeHandler<never>>>;
  readonly health: ((ctx: never) => boolean | Promise<boolean>) | undefined;
  readonly start: ((ctx: never) => void | Promise<void>) | undefined;
  readonly stop: ((ctx: never, signal: AbortSignal) => void | Promise<void>) | undefined;
}

/** The `ctx` of a module's HTTP handlers, `start` and `stop`, for functions that are written outside its declaration. */
export type ContextOf<M> =
  M extends TypedModule<infer U, infer S, infer E, infer T> ? ModuleContext<U, S, E, T> : never;
