// Where the fields of a struct lie. Large alignments first, then large sizes, then names: the order of the declaration does not matter, so
// two programs that declare the same fields agree. Each field takes the first free place, so single words fill the gaps.

import { ShmStoreError } from '../errors.ts';
import type { FieldType } from './field-type.ts';

/** Most payload words of one record (64 KiB); larger values belong into collections. */
export const RECORD_WORDS_MAX: number = 16384;
/** Most fields of one struct; each is a closure and a line in the catalog. */
export const FIELD_COUNT_MAX: number = 1024;

/** Places of fields. */
export interface PackedFields {
  /** Word of each field. */
  readonly words: ReadonlyMap<string, number>;
  /** First word behind the last field. */
  readonly end: number;
}

/** Packs `fields` from word `first` on. Throws INVALID_TYPE beyond the limits. */
export function packFields(
  fields: Iterable<readonly [string, FieldType<unknown, unknown>]>,
  first: number,
): PackedFields {
  const sorted = [...fields].sort(([a, typeA], [b, typeB]) => {
    return typeB.alignWords - typeA.alignWords || typeB.words - typeA.words || (a < b ? -1 : 1);
  });
  const taken = new Uint8Array(RECORD_WORDS_MAX);
  taken.fill(1, 0, first);
  const words = new Map<string, number>();
  let end = first;
  let full = first;
  for (const [name, type] of sorted) {
    while (full < taken.length && taken[full] === 1) full++;
    const word = firstFree(taken, full, type);
    if (word < 0)
      throw new ShmStoreError(
        'INVALID_TYPE',
        `A struct takes at most ${RECORD_WORDS_MAX} words. No type was made. Use collections.`,
      );
    taken.fill(1, word, word + type.words);
    words.set(name, word);
    end = Math.max(end, word + type.words);
  }
  return { words, end };
}

function firstFree(taken: Uint8Array, from: number, type: FieldType<unknown, unknown>): number {
  const step = type.alignWords;
  search: for (let word = Math.ceil(from / step) * step; word + type.words <= taken.length; word += step) {
    for (let w = word; w < word + type.words; w++) if (taken[w] === 1) continue search;
    return word;
  }
  return -1;
}
