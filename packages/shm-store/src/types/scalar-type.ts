// What all types share whose values lie in their own words and own nothing: writing is initializing, releasing does nothing.

import type { Memory } from '../memory.ts';
import type { FieldType, ScalarValue, TypeDescription, Visitor } from './field-type.ts';

/** How one scalar kind is stored. */
export interface ScalarKind<T> {
  readonly description: TypeDescription;
  readonly words: 1 | 2;
  /** What zeroed words read as. */
  readonly zero: T;
  read(memory: Memory, block: number, word: number): T;
  /** Throws INVALID_VALUE, before writing. */
  write(memory: Memory, block: number, word: number, value: T): void;
}

/** Makes the field type of a scalar kind. */
export function scalarType<T extends ScalarValue>(kind: ScalarKind<T>): FieldType<T> {
  return new ScalarType(kind);
}

class ScalarType<T extends ScalarValue> implements FieldType<T> {
  readonly kind: string;
  readonly words: 1 | 2;
  readonly alignWords: 1 | 2;
  readonly hasDefault = true;
  readonly read: (memory: Memory, block: number, word: number) => T;
  readonly write: (memory: Memory, block: number, word: number, value: T) => void;
  private readonly description: TypeDescription;
  private readonly zero: T;

  constructor(kind: ScalarKind<T>) {
    this.kind = kind.description.kind;
    this.words = kind.words;
    this.alignWords = kind.words;
    this.read = kind.read;
    this.write = kind.write;
    this.description = kind.description;
    this.zero = kind.zero;
  }

  readAbsent(): T {
    return this.zero;
  }

  initialize(memory: Memory, block: number, word: number, value: T | undefined): void {
    if (value !== undefined) this.write(memory, block, word, value);
  }

  release(): void {}

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    try {
      visitor.scalar(this.read(memory, block, word), this.description);
    } catch (error) {
      visitor.problem(error);
    }
  }

  describe(): TypeDescription {
    return this.description;
  }
}
