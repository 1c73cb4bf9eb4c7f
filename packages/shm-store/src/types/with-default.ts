// A scalar or text with a default of its own.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { FieldType, TypeDescription, Visitor } from './field-type.ts';

/** Kinds that can have a default, with a value of the type that each takes. */
const SCALAR_ZEROS: Readonly<Record<string, unknown>> = {
  __proto__: null,
  f64: 0,
  f32: 0,
  i8: 0,
  i16: 0,
  i32: 0,
  u8: 0,
  u16: 0,
  u32: 0,
  timestamp: 0,
  boolean: false,
  oneOf: '',
  text: '',
};

/**
 * `type`, but left out means `value` instead of the kind's own default. The default is written into the catalog, yet it is no part of
 * the layout: another default is the same type, and records made before keep what they have.
 *
 * @param value a boolean, a finite number or a string, as `type` takes it
 * @throws ShmStoreError INVALID_TYPE
 */
export function withDefault<T extends boolean | number | string>(type: FieldType<T>, value: NoInfer<T>): FieldType<T> {
  const fits = typeof value === 'boolean' || typeof value === 'string' || Number.isFinite(value);
  const zero = SCALAR_ZEROS[type.kind];
  if (!fits || typeof zero !== typeof value || Object.is(value, -0)) {
    throw new ShmStoreError(
      'INVALID_TYPE',
      'withDefault() takes a plain type and a boolean, finite number or string for it. No type was made.',
    );
  }
  return new DefaultedType(type, value);
}

class DefaultedType<T extends boolean | number | string> implements FieldType<T> {
  readonly kind: string;
  readonly words: number;
  readonly alignWords: 1 | 2 | 4;
  readonly hasDefault = true;
  private readonly inner: FieldType<T>;
  private readonly value: T;

  constructor(inner: FieldType<T>, value: T) {
    this.kind = inner.kind;
    this.words = inner.words;
    this.alignWords = inner.alignWords;
    this.inner = inner;
    this.value = value;
  }

  read(memory: Memory, block: number, word: number): T {
    return this.inner.read(memory, block, word);
  }

  readAbsent(): T {
    return this.value;
  }

  initialize(memory: Memory, block: number, word: number, value: T | undefined): void {
    this.inner.initialize(memory, block, word, value ?? this.value);
  }

  write(memory: Memory, block: number, word: number, value: T): void {
    this.inner.write(memory, block, word, value);
  }

  release(memory: Memory, block: number, word: number): void {
    this.inner.release(memory, block, word);
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    this.inner.visit(memory, block, word, visitor);
  }

  describe(): TypeDescription {
    return { ...this.inner.describe(), default: this.value };
  }
}
