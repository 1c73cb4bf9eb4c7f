// Declaring tuples as keys.

import type { Memory, TypeDescription } from '@mofo/shm-store';
import { keyCodecOf } from './key-codec.ts';

/** A type whose values can be the keys of a tree: text, bytes, numbers, boolean, timestamp, or a tuple of these. */
export interface KeyType<K> {
  readonly kind: string;
  read?(memory: Memory, block: number, word: number): K;
  describe(): TypeDescription;
}

/** What keys of a type are. */
export type KeyOf<T> = T extends KeyType<infer K> ? K : never;

/** A tuple of key types. */
export interface TupleType<K> extends KeyType<K> {
  readonly kind: 'tuple';
  readonly elements: readonly KeyType<unknown>[];
}

/**
 * Keys that are arrays of fixed length, ordered by their first element, then by the second, and so on.
 *
 * @throws JournalError KEY_TYPE_INVALID for no elements, too many, or one that has no order
 * @example
 * const byDay = tree(tuple(text(), i32()), Account);
 * for (const [[name, day], account] of byDay.range({ prefix: ['alice'] })) …
 */
export function tuple<const E extends readonly KeyType<unknown>[]>(
  ...elements: E
): TupleType<{ -readonly [I in keyof E]: KeyOf<E[I]> }> {
  const type = {
    kind: 'tuple',
    elements,
    describe: () => ({ kind: 'tuple', elements: elements.map((element) => element.describe()) }),
  } as const;
  keyCodecOf(type);
  return type;
}
