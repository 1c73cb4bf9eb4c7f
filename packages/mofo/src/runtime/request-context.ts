// The `ctx` of one request that may have effects: as the version's own, but it knows which request it is for. What its transaction returns as a Response is
// committed with the effects; whatever else may change something is said beforehand, so that the request is not run a second time for it.
//
// Not seen here: calls on a collection inside another one outside a transaction (`ctx.state.lists.get('a').push(1)`), and what a handler does to the world
// outside the store.

import type { RequestCommit } from '../connections/index.ts';
import { type ContextServices, labelOf } from './module-context.ts';
import type { AnyContext, RunningVersion } from './running-version.ts';

type Members = Readonly<Record<string, unknown>>;

/** Methods of collections that change nothing. Whatever is not listed may do so. */
const lookingMethods: ReadonlySet<string | symbol> = new Set<string | symbol>([
  ...[
    'get',
    'has',
    'first',
    'last',
    'seek',
    'range',
    'entries',
    'keys',
    'values',
    'countRange',
    'peek',
    'toArray',
    'toJSON',
  ],
  Symbol.iterator,
]);

const none: ReadonlySet<string | symbol> = new Set();

/** Makes it. */
export function requestContext(version: RunningVersion, services: ContextServices, commit: RequestCommit): AnyContext {
  const base = version.context as unknown as Members & {
    readonly state: Members;
    readonly exports: Members;
    readonly uses: Members;
    readonly tasks: Members;
  };
  const { store, guard } = services;
  const label = labelOf(services, version, 'transaction');
  const say = (): void => {
    if (!store.isInTransaction) commit.mayHaveEffects();
  };
  const each = (members: Members, harmless: ReadonlySet<string | symbol>): Members =>
    Object.fromEntries(Object.keys(members).map((key) => [key, saying(members[key] as object, harmless, say)]));
  const context = {
    ...base,
    // Most handlers ask for these inside their transaction, where nothing need be said.
    get state(): Members {
      return store.isInTransaction ? base.state : each(base.state, lookingMethods);
    },
    get exports(): object {
      return store.isInTransaction ? base.exports : saying(base.exports, none, say);
    },
    get uses(): Members {
      return store.isInTransaction ? base.uses : each(base.uses, none);
    },
    get tasks(): object {
      return store.isInTransaction ? base.tasks : saying(base.tasks, none, say);
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

/** The same object, which says something before any of its methods is called but the harmless ones. */
function saying(target: object, harmless: ReadonlySet<string | symbol>, say: () => void): object {
  if (typeof target !== 'object' || target === null) return target;
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...parameters: readonly unknown[]): unknown => {
        if (!harmless.has(name)) say();
        return Reflect.apply(member, target, parameters);
      };
    },
  });
}
