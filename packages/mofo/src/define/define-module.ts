// One declaration per module: its types are inferred from it, and what the compiler cannot see (a module written in
// JavaScript, a value that is `any`) is checked when it runs, with every problem listed at once and by its path.

import { MofoError } from '../errors.ts';
import type { BaseContext } from './context.ts';
import type { StateField } from './fields.ts';
import type { AnyFunction, ModuleDefinition, ModuleInput, TaskDefinition } from './module-definition.ts';
import type { TaskOptions } from './task-options.ts';
import type { Uses } from './uses.ts';
import { validateModule } from './validate-module.ts';

/**
 * Declares a module: `export default defineModule({ name: 'fees', exports: { … } })`.
 *
 * Write the keys in the order name, uses, state, migrate, exports, tasks, http, health, start, stop: the compiler goes from
 * the top down, and a function sees exactly what stands above it.
 *
 * @param input The declaration; unknown keys are refused.
 * @returns A frozen definition. Nothing of it runs until a runtime loads it.
 * @throws MofoError MODULE_INVALID with `data.problems`, an array of `{ path, message }`: nothing was registered anywhere.
 */
export function defineModule<
  const N extends string,
  // biome-ignore lint/complexity/noBannedTypes: {} is "declares none"; Record<string, never> would accept every key.
  U extends Readonly<Record<string, Uses>> = {},
  // biome-ignore lint/complexity/noBannedTypes: as above.
  S extends Readonly<Record<string, StateField>> = {},
  // biome-ignore lint/complexity/noBannedTypes: as above.
  E extends Readonly<Record<string, AnyFunction>> = {},
  // biome-ignore lint/complexity/noBannedTypes: as above.
  T extends Readonly<Record<string, object>> = {},
  // biome-ignore lint/complexity/noBannedTypes: as above.
  H extends Readonly<Record<string, unknown>> = {},
>(input: ModuleInput<N, U, S, E, T, H>): ModuleDefinition<N, U, S, E, T> {
  const problems = validateModule(input);
  if (problems.length > 0) {
    const name = typeof input?.name === 'string' ? `module "${input.name}"` : 'a module';
    const list = problems.map((problem) => `\n  ${problem.path}: ${problem.message}`).join('');
    throw new MofoError(
      'MODULE_INVALID',
      `${name} is declared wrongly in ${problems.length} ${problems.length === 1 ? 'place' : 'places'}. ` +
        `It was not loaded; what ran before goes on. Correct this and save:${list}`,
      { data: { problems } },
    );
  }
  const definition: Record<keyof ModuleInput<N, U, S, E, T, H> | 'kind', unknown> = {
    kind: 'module',
    name: input.name,
    uses: frozenCopy(input.uses),
    state: frozenCopy(input.state),
    migrate: frozenCopy(input.migrate),
    exports: frozenCopy(input.exports),
    tasks: frozenCopy(input.tasks),
    http: frozenCopy(input.http),
    health: input.health,
    start: input.start,
    stop: input.stop,
  };
  definitions.add(definition);
  return Object.freeze(definition) as unknown as ModuleDefinition<N, U, S, E, T>;
}

/**
 * A task that is declared outside its module, with the context it needs:
 * `defineTask({ retries: 3 }, (ctx: BaseContext, mail: Mail) => …)`. Inside `defineModule({ tasks })` write the object
 * itself, `{ retries: 3, run(ctx, mail: Mail) { … } }`: there `ctx` is typed without a word.
 */
export function defineTask<P = void, C extends BaseContext = BaseContext>(
  options: TaskOptions,
  run: (ctx: C, payload: P) => unknown,
): TaskDefinition<C, P> {
  return { ...options, run };
}

/** Whether a value was made by this instance's `defineModule`. */
export function isModuleDefinition(value: unknown): value is ModuleDefinition {
  return typeof value === 'object' && value !== null && definitions.has(value);
}

// Weak: a replaced version must be collectable.
const definitions = new WeakSet<object>();

function frozenCopy(part: object | undefined): object {
  return Object.freeze({ ...part });
}
