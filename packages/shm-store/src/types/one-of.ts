// One of a few fixed strings, stored as its place in the list.

import { ShmStoreError } from '../errors.ts';
import { corruptValue } from './corrupt.ts';
import type { FieldType } from './field-type.ts';
import { invalidValue } from './invalid-value.ts';
import { scalarType } from './scalar-type.ts';
import { readWord, writeWord } from './words.ts';

/** Most values of one {@link oneOf}. They stand in the catalog entry of every type that uses them. */
export const ONE_OF_VALUES_MAX: number = 256;

/**
 * One of these strings (1 to 256, all different); the first is the default. The list is part of the layout: another list is another
 * type, because older code would meet a value that it does not know.
 *
 * @throws ShmStoreError INVALID_TYPE
 */
export function oneOf<const T extends string>(...values: readonly T[]): FieldType<T> {
  const places = new Map<unknown, number>(values.map((value, index) => [value, index]));
  const wrong = values.some((value) => typeof value !== 'string');
  if (values.length === 0 || values.length > ONE_OF_VALUES_MAX || places.size !== values.length || wrong) {
    throw new ShmStoreError(
      'INVALID_TYPE',
      `oneOf() takes 1 to ${ONE_OF_VALUES_MAX} different strings. No type was made. Correct the call.`,
    );
  }
  const list = Object.freeze([...values]);
  const expected = `one of ${list.map((value) => JSON.stringify(value)).join(', ')}`;
  return scalarType<T>({
    description: { kind: 'oneOf', values: list },
    words: 1,
    zero: list[0] as T,
    read(memory, block, word) {
      const place = readWord(memory.door, block, word);
      const value = list[place];
      if (value === undefined) throw corruptValue(block, word, `${place} as ${expected}`);
      return value;
    },
    write(memory, block, word, value) {
      const place = places.get(value);
      if (place === undefined) throw invalidValue(expected, value);
      writeWord(memory.door, block, word, place);
    },
  });
}
