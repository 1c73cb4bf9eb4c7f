// `uses<typeof fees>()`: the type of another module without its code. The import is of the type only and vanishes in the
// bundle, so the two are built, loaded and replaced separately; a call goes to whatever version runs at that moment.

import type { AnyModule } from './module-types.ts';

declare const moduleType: unique symbol;

/** A declared use of another module. */
export interface Uses<M extends AnyModule = AnyModule> {
  readonly kind: 'uses';
  /** Name of the module used; undefined: the key under `uses` is its name. */
  readonly module: string | undefined;
  /** Carries the type only; never there at run time. */
  readonly [moduleType]?: M;
}

/**
 * Declares that a module uses another one, by its type: `uses: { fees: uses<typeof fees>() }`.
 *
 * @param module Name of the module, if it differs from the key under `uses`.
 * @returns A declaration for `defineModule({ uses })`; it holds no code of the other module.
 */
export function uses<M extends AnyModule>(module?: string): Uses<M> {
  return Object.freeze({ kind: 'uses', module }) as Uses<M>;
}
