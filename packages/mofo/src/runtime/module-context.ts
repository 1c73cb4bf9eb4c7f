// Builds the `ctx` of a loaded version. Everything that enters module code goes through the guard, so that the process's slot names the right
// module@version at every moment of synchronous code.

import type { Store } from '@mofo/journal';
import { ModuleFailure, type ModuleLog } from '../define/index.ts';
import { MofoError } from '../errors.ts';
import type { ModuleTable } from './module-table.ts';
import { rootDeclaration, rootName } from './root-declaration.ts';
import type { RunGuard, RunLabel } from './run-guard.ts';
import type { AnyContext, RunningVersion } from './running-version.ts';

/** Enqueues a task of a module. */
export type Enqueue = (
  module: string,
  task: string,
  payload: unknown,
  options: Readonly<Record<string, unknown>> | undefined,
) => number;

/** What contexts are made of. */
export interface ContextServices {
  readonly store: Store;
  readonly table: ModuleTable;
  readonly guard: RunGuard;
  readonly enqueue: Enqueue;
  readonly log: (version: RunningVersion) => ModuleLog;
  readonly now: () => number;
  /** Told of each call from module to module. */
  readonly onCall: (version: RunningVersion, error: unknown) => void;
}

/**
 * Opens the version's state (adding roots that are missing) and sets its context.
 *
 * @throws JournalError ROOT_MISMATCH, ShmStoreError LAYOUT_CHANGED and others of opening roots; then nothing has changed.
 */
export function openContext(version: RunningVersion, services: ContextServices): void {
  const { store, guard } = services;
  const { name } = version;
  const label = guard.label(`${version.title} transaction`);
  const context = {
    state: openState(version, store),
    uses: usesOf(version, services),
    exports: callable(services, () => version),
    tasks: {
      enqueue: (task: string, payload?: unknown, options?: Readonly<Record<string, unknown>>) =>
        enqueue(version, services, task, payload, options),
    },
    transaction: <T>(change: () => T): T => guard.run(label, () => store.transaction(change)),
    read: <T>(look: () => T): T => store.read(look),
    log: services.log(version),
    version: name,
    signal: version.dropped.signal,
    now: services.now,
    fail: (code: string, detail?: unknown): never => {
      throw new ModuleFailure(code, detail);
    },
  };
  version.context = Object.freeze(context) as unknown as AnyContext;
}

/** Calls an export of a version; outside a transaction it runs in one. */
function callExport(
  services: ContextServices,
  version: RunningVersion,
  name: string,
  parameters: readonly unknown[],
): unknown {
  const implementation = version.definition.exports[name] as
    | ((ctx: unknown, ...rest: readonly unknown[]) => unknown)
    | undefined;
  if (implementation === undefined) {
    const error = new MofoError(
      'EXPORT_MISSING',
      `${version.title} has no export "${name}"; it has ${Object.keys(version.definition.exports).join(', ') || 'none'}.`,
    );
    // The fault of who took it away, not of who calls it.
    services.onCall(version, error);
    throw error;
  }
  const { guard, store } = services;
  const body = (): unknown => implementation(version.context, ...parameters);
  try {
    const result = guard.run(labelOf(services, version, `export ${name}`), () =>
      store.isInTransaction || store.isInRead ? body() : store.transaction(body),
    );
    services.onCall(version, undefined);
    return result;
  } catch (error) {
    services.onCall(version, error);
    throw error;
  }
}

const labels = new WeakMap<RunningVersion, Map<string, RunLabel>>();

/** The label of one thing that a version does, made once. */
export function labelOf(services: { readonly guard: RunGuard }, version: RunningVersion, what: string): RunLabel {
  let known = labels.get(version);
  if (known === undefined) {
    known = new Map();
    labels.set(version, known);
  }
  let label = known.get(what);
  if (label === undefined) {
    label = services.guard.label(`${version.title} ${what}`);
    known.set(what, label);
  }
  return label;
}

function openState(version: RunningVersion, store: Store): Readonly<Record<string, unknown>> {
  const { state, name } = version.definition;
  const fields = Object.keys(state);
  const handles = store.addRoots(rootDeclaration(version.definition)) as Readonly<Record<string, unknown>>;
  const result = {};
  for (const field of fields) {
    Object.defineProperty(result, field, { enumerable: true, get: () => handles[rootName(name, field)] });
  }
  return Object.freeze(result);
}

function usesOf(version: RunningVersion, services: ContextServices): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {};
  for (const [key, use] of Object.entries(version.definition.uses)) {
    result[key] = callable(services, () => services.table.require(use.module ?? key));
  }
  return Object.freeze(result);
}

/** Functions by name, found when they are called: which exports there are is the business of the version that is called then. */
function callable(services: ContextServices, callee: () => RunningVersion): unknown {
  const functions = new Map<string | symbol, (...parameters: readonly unknown[]) => unknown>();
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      if (typeof name === 'symbol' || name === 'then') return undefined;
      let call = functions.get(name);
      if (call === undefined) {
        call = (...parameters) => callExport(services, callee(), name, parameters);
        functions.set(name, call);
      }
      return call;
    },
  });
}

function enqueue(
  version: RunningVersion,
  services: ContextServices,
  task: string,
  payload: unknown,
  options: Readonly<Record<string, unknown>> | undefined,
): number {
  const dot = task.indexOf('.');
  if (dot < 0) return services.enqueue(version.name.module, task, payload, options);
  const key = task.slice(0, dot);
  const use = version.definition.uses[key];
  if (use === undefined)
    throw new MofoError(
      'USES_MISSING',
      `${version.title} enqueues "${task}" but does not declare uses.${key}. Nothing was enqueued.`,
    );
  return services.enqueue(use.module ?? key, task.slice(dot + 1), payload, options);
}
