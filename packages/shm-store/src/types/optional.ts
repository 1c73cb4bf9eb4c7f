// A value that may be absent: the value's own words, then a presence word (0 absent, 1 present). Absent means that the value's words are
// zero, so they own nothing.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import { corruptValue } from './corrupt.ts';
import type { FieldType, TypeDescription, Visitor } from './field-type.ts';
import { clearWords, readWord, writeWord } from './words.ts';

/**
 * `type`, or `undefined` (the default). Costs one word more than `type`. An optional ref that was set and whose target is gone reads as
 * DANGLING_REF, not as `undefined`: a lost target must be seen.
 *
 * @throws ShmStoreError INVALID_TYPE for an optional of an optional
 */
export function optional<Out, In>(type: FieldType<Out, In>): FieldType<Out | undefined, In | undefined> {
  if (type.kind === 'optional') {
    throw new ShmStoreError(
      'INVALID_TYPE',
      'optional() was given an optional type. No type was made. Leave one of them out.',
    );
  }
  return new OptionalType(type);
}

/** The type inside an optional; any other type itself. */
export function unwrapOptional(type: FieldType<unknown, unknown>): FieldType<unknown, unknown> {
  return type instanceof OptionalType ? (type.inner as FieldType<unknown, unknown>) : type;
}

class OptionalType<Out, In> implements FieldType<Out | undefined, In | undefined> {
  readonly kind = 'optional';
  readonly words: number;
  readonly alignWords: 1 | 2 | 4;
  readonly hasDefault = true;
  readonly inner: FieldType<Out, In>;

  constructor(inner: FieldType<Out, In>) {
    this.inner = inner;
    this.words = inner.words + 1;
    this.alignWords = inner.alignWords;
  }

  read(memory: Memory, block: number, word: number): Out | undefined {
    return this.isPresent(memory, block, word) ? this.inner.read(memory, block, word) : undefined;
  }

  readAbsent(): undefined {}

  readJson(memory: Memory, block: number, word: number): unknown {
    if (!this.isPresent(memory, block, word)) return undefined;
    const { inner } = this;
    return inner.readJson === undefined ? inner.read(memory, block, word) : inner.readJson(memory, block, word);
  }

  initialize(memory: Memory, block: number, word: number, value: In | undefined): void {
    if (value === undefined) return;
    this.inner.initialize(memory, block, word, value);
    writeWord(memory.door, block, word + this.inner.words, 1);
  }

  write(memory: Memory, block: number, word: number, value: In | undefined): void {
    const { inner } = this;
    const present = this.isPresent(memory, block, word);
    if (value !== undefined) {
      if (present) inner.write(memory, block, word, value);
      else this.initialize(memory, block, word, value);
    } else if (present) {
      inner.release(memory, block, word);
      clearWords(memory.door, block, word, this.words);
    }
  }

  release(memory: Memory, block: number, word: number): void {
    this.inner.release(memory, block, word);
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    try {
      if (!this.isPresent(memory, block, word)) {
        visitor.scalar(null, this.describe());
        return;
      }
    } catch (error) {
      visitor.problem(error);
      return;
    }
    this.inner.visit(memory, block, word, visitor);
  }

  parts(): readonly FieldType<unknown, never>[] {
    return [this.inner];
  }

  describe(): TypeDescription {
    return { kind: 'optional', of: this.inner.describe() };
  }

  private isPresent(memory: Memory, block: number, word: number): boolean {
    const presence = readWord(memory.door, block, word + this.inner.words);
    if (presence !== 0 && presence !== 1)
      throw corruptValue(block, word + this.inner.words, `${presence} as a presence word`);
    return presence === 1;
  }
}
