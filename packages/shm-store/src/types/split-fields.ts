// Which fields of a struct lie in its records and which in an extension block, when the records already lie somewhere.
//
// A migration leaves each record in its block, so that refs and owning links to it stay good, and the block has the size that the old layout
// needed. What does not fit becomes an extension from the start. A field without a default cannot: an extension begins with defaults.

import { ShmStoreError } from '../errors.ts';
import type { FieldType } from './field-type.ts';
import { packFields } from './pack-fields.ts';

type NamedType = readonly [string, FieldType<unknown, unknown>];

/** The fields in two groups; the first fits into `wordsMax` payload words from word 1 on. Throws INVALID_TYPE if one without a default does not. */
export function splitFields(
  name: string,
  fields: readonly NamedType[],
  wordsMax: number,
): { readonly inside: readonly NamedType[]; readonly outside: readonly NamedType[] } {
  if (packFields(fields, 1).end <= wordsMax) return { inside: fields, outside: [] };
  const inside: NamedType[] = [];
  const outside: NamedType[] = [];
  // Those without a default first: they have no other place.
  for (const field of [...fields].sort(([, a], [, b]) => Number(a.hasDefault) - Number(b.hasDefault))) {
    if (packFields([...inside, field], 1).end <= wordsMax) inside.push(field);
    else if (field[1].hasDefault) outside.push(field);
    else {
      throw new ShmStoreError(
        'INVALID_TYPE',
        `The field ${field[0]} has no default and does not fit into the ${wordsMax} words of the records of ${name} that are there. ` +
          'Nothing was changed. Make it optional.',
      );
    }
  }
  return { inside, outside };
}
