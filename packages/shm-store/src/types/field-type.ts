// What a stored value of one kind is: its size, how it is read and written, what it owns, and how the catalog describes it.
//
// Every field of a record, every element of a collection and every collection itself is a FieldType. One rule makes them fit together:
// words that are all zero own nothing and stand for the kind's plain default (0, '', absent, empty), so a fresh zeroed block is valid before
// `initialize`, `write` may be called on zeroed words, and `release` may be called on a value that was only half initialized.

import type { Memory } from '../memory.ts';

/** A type as the catalog stores it: plain JSON. Equal descriptions mean equal bytes. `default` does not count as part of the layout. */
export interface TypeDescription {
  /** Name of the kind: 'f64', 'text', 'struct', 'tree', … */
  readonly kind: string;
  readonly [key: string]: JsonValue | undefined;
}

/** What JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** A value with nothing stored behind it. */
export type ScalarValue = number | bigint | boolean | string | Uint8Array | null;

/** Told what a value holds, by {@link FieldType.visit}: for checkers and exporters. */
export interface Visitor {
  /** What follows, up to the matching `leave`, belongs to this field, element or part. */
  enter(name: string | number): void;
  /** Ends what the last `enter` began. */
  leave(): void;
  /** A plain value; `null` where an optional value is absent. */
  scalar(value: ScalarValue, type: TypeDescription): void;
  /** Parsed JSON. */
  json(value: unknown, type: TypeDescription): void;
  /** A block that belongs to the value, with the type of what it holds (for collections: of the collection). It has not been visited. */
  owned(block: number, type: TypeDescription): void;
  /** A ref; a stamp of 0 is a ref that was never set. Whether its target lives has not been looked at. */
  ref(block: number, stamp: number, type: TypeDescription): void;
  /** Something is wrong with this part of the value; the rest is visited all the same. */
  problem(error: unknown): void;
}

/**
 * One kind of stored value. `Out` is what reading gives, `In` what writing takes. Types are immutable and belong to no store.
 *
 * `word` is an index into the payload words of `block`; see memory.ts for how it becomes an index into `door.words`. A single- or
 * two-word value lies in one granule because it is aligned to its size; composite values may straddle granules, their parts do not.
 */
export interface FieldType<Out, In = Out> {
  /** Name of the kind. */
  readonly kind: string;
  /** Stored size in words. */
  readonly words: number;
  /** Alignment in words. */
  readonly alignWords: 1 | 2 | 4;
  /** True if a value may be left out when a record is made. */
  readonly hasDefault: boolean;
  /**
   * Reads the value, inside a read section or transaction of the caller. Bounded and total.
   *
   * @throws ShmStoreError CORRUPT on bytes that no writer leaves; DANGLING_REF.
   */
  read(memory: Memory, block: number, word: number): Out;
  /** What a field reads as that is absent from an older record. Left out: the field is made (in a transaction) when first read. */
  readAbsent?(memory: Memory): Out;
  /** What `toJSON` of a record shows, where that is not what `read` gives: refs, whose target may be gone. */
  readJson?(memory: Memory, block: number, word: number): unknown;
  /** Writes the first value into zeroed words, in a transaction; `undefined` is the default. Throws INVALID_VALUE. */
  initialize(memory: Memory, block: number, word: number, value: In | undefined): void;
  /** Replaces the value, in a transaction, and frees what the old one owned. Throws INVALID_VALUE before anything is changed. */
  write(memory: Memory, block: number, word: number, value: In): void;
  /** Frees what the value owns, in a transaction, before its block is freed. The words themselves are left as they are. */
  release(memory: Memory, block: number, word: number): void;
  /** Reports what the value holds. Never throws on bad bytes: they go to `visitor.problem`. */
  visit(memory: Memory, block: number, word: number, visitor: Visitor): void;
  /** Types of the values inside a value of this type or that it leads to, as the program declared them; left out: there are none. */
  parts?(): readonly FieldType<unknown, never>[];
  /** Plain JSON for the catalog. Types whose values stand in blocks of their own are named, not spelled out. */
  describe(): TypeDescription;
}

/** A type whose value must be given when a record is made. */
export type RequiredFieldType<Out, In = Out> = FieldType<Out, In> & { readonly hasDefault: false };

/** What reading a value of type `T` gives. */
export type OutputOf<T> = T extends FieldType<infer Out, infer _> ? Out : never;

/** What writing a value of type `T` takes. */
export type InputOf<T> = T extends FieldType<infer _, infer In> ? In : never;
