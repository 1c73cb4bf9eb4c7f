// The roots of the store that a module's state is: `accounts` of module `bank` is the root `bank.accounts`.

import type { RootDeclaration } from '@mofo/journal';
import type { ModuleDefinition } from '../define/index.ts';

/** Prefix of a module's roots in the store. */
export function rootName(module: string, field: string): string {
  return `${module}.${field}`;
}

/** What a module declares, under the names of its roots. */
export function rootDeclaration({ name, state }: Pick<ModuleDefinition, 'name' | 'state'>): RootDeclaration {
  return Object.fromEntries(Object.keys(state).map((field) => [rootName(name, field), state[field]])) as never;
}
