// Which structs a declaration leads to: a program that uses a tree of accounts uses accounts, and whatever those own or refer to.

import type { FieldType } from './field-type.ts';
import type { StructType } from './struct-type.ts';

/** All structs among `types` and their parts, each once, in the order of the declaration. */
export function declaredStructs(types: Iterable<FieldType<unknown, never>>): StructType[] {
  const seen = new Set<FieldType<unknown, never>>();
  const todo = [...types].reverse();
  for (let type = todo.pop(); type !== undefined; type = todo.pop()) {
    if (seen.has(type)) continue;
    seen.add(type);
    todo.push(...[...(type.parts?.() ?? [])].reverse());
  }
  return [...seen].filter((type) => type.kind === 'struct') as unknown as StructType[];
}
