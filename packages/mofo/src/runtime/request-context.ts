// The `ctx` of one request that may have effects: as the version's own, but it knows which request it is for. What its transaction returns as a Response is
// committed with the effects; whatever else may change something is said beforehand, so that the request is not run a second time for it.
//
// Not seen here: single calls on `ctx.state` outside a transaction, and what a handler does to the world outside the store.

import type { RequestCommit } from '../connections/index.ts';
import { type ContextServices, labelOf } from './module-context.ts';
import type { AnyContext, RunningVersion } from './running-version.ts';

type Callable = Readonly<Record<string, unknown>>;

/** Makes it. */
export function requestContext(version: RunningVersion, services: ContextServices, commit: RequestCommit): AnyContext {
  const base = version.context as unknown as Readonly<Record<string, unknown>> & {
    readonly exports: Callable;
    readonly uses: Callable;
    readonly tasks: Callable;
  };
  const { store, guard } = services;
  const label = labelOf(services, version, 'transaction');
  const around = (functions: Callable): Callable =>
    saying(functions, () => store.isInTransaction || commit.mayHaveEffects());
  const context = {
    ...base,
    // Most handlers ask for these inside their transaction, where nothing need be said.
    get exports(): Callable {
      return store.isInTransaction ? base.exports : around(base.exports);
    },
    get uses(): Callable {
      if (store.isInTransaction) return base.uses;
      return Object.fromEntries(Object.keys(base.uses).map((key) => [key, around(base.uses[key] as Callable)]));
    },
    get tasks(): Callable {
      return store.isInTransaction ? base.tasks : around(base.tasks);
    },
    transaction: <T>(change: () => T): T => {
      if (store.isInTransaction) return guard.run(label, () => store.transaction(change));
      const result = guard.run(label, () =>
        store.transaction(() => {
          const value = change();
          commit.prepare(value);
          return value;
        }),
      );
      commit.wasCommitted();
      return result;
    },
  };
  return Object.freeze(context) as unknown as AnyContext;
}

/** The same functions, which say something before they are called. */
function saying(functions: Callable, say: () => void): Callable {
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      const call = functions[name as string];
      if (typeof call !== 'function') return call;
      return (...parameters: readonly unknown[]): unknown => {
        say();
        return (call as (...all: readonly unknown[]) => unknown)(...parameters);
      };
    },
  });
}
