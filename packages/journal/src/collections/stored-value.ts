// How values lie in a collection: at most one granule each. Structs do not lie inline: each is a record of its own, so that it can be referred to and
// stays where it is when the collection is rearranged; the collection holds an owning link to it.

import { elementType, type FieldType, type Memory, toPlain } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';

/** A value of a collection: `type` stores it; the rest says what the collection must know of it. */
export interface StoredValue {
  /** Stores the value itself, or the link to its record. */
  readonly type: FieldType<unknown, unknown>;
  /** True if writing a value runs no code of the program and no other collection's. */
  readonly isPlain: boolean;
  /** True for values that are collections themselves. */
  readonly isCollection: boolean;
  /** Reads a value that is about to be released: a record becomes a plain object. */
  detach(memory: Memory, block: number, word: number): unknown;
}

const PLAIN_KINDS: ReadonlySet<string> = new Set([
  ...[
    'f64',
    'f32',
    'i8',
    'i16',
    'i32',
    'u8',
    'u16',
    'u32',
    'i64',
    'u64',
    'boolean',
    'timestamp',
    'oneOf',
    'text',
    'bytes',
  ],
]);
const COLLECTION_KINDS: ReadonlySet<string> = new Set(['tree', 'list', 'queue', 'counter']);

/** How values declared as `type` are stored. Throws VALUE_TYPE_INVALID. */
export function storedValue(type: FieldType<unknown, never>): StoredValue {
  const { kind } = type;
  const isRecord = kind === 'struct' || kind === 'record';
  const stored = elementType(type as FieldType<unknown, unknown>);
  if (!(stored.words >= 1 && stored.words <= 4)) {
    throw new JournalError(
      'VALUE_TYPE_INVALID',
      `A value of a collection has at most 16 bytes; one of type ${kind} has ${stored.words * 4}. Put it into a struct.`,
    );
  }
  return {
    type: stored,
    isPlain: PLAIN_KINDS.has(kind),
    isCollection: COLLECTION_KINDS.has(kind),
    detach(memory, block, word) {
      const value = stored.read(memory, block, word);
      return isRecord ? toPlain(value as object) : value;
    },
  };
}
