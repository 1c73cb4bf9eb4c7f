// Numbers of fixed size. Doubles take two words, everything else one; small integers are stored in a whole word, because what is
// journalled is granules, and a word is read without shifting.

import { corruptValue } from './corrupt.ts';
import type { FieldType } from './field-type.ts';
import { invalidValue } from './invalid-value.ts';
import { scalarType } from './scalar-type.ts';
import { readDouble, readWord, writeDouble, writeWord } from './words.ts';

const singleFloat = new Float32Array(1);
const singleFloatBits = new Int32Array(singleFloat.buffer);

const F64: FieldType<number> = scalarType<number>({
  description: { kind: 'f64' },
  words: 2,
  zero: 0,
  read: (memory, block, word) => readDouble(memory.door, block, word),
  write(memory, block, word, value) {
    if (typeof value !== 'number') throw invalidValue('a number', value);
    writeDouble(memory.door, block, word, value);
  },
});

const TIMESTAMP: FieldType<number> = scalarType<number>({
  description: { kind: 'timestamp' },
  words: 2,
  zero: 0,
  read: (memory, block, word) => readDouble(memory.door, block, word),
  write(memory, block, word, value) {
    if (typeof value !== 'number' || Number.isNaN(value))
      throw invalidValue('milliseconds since 1970 as a number', value);
    writeDouble(memory.door, block, word, value);
  },
});

const F32: FieldType<number> = scalarType<number>({
  description: { kind: 'f32' },
  words: 1,
  zero: 0,
  read(memory, block, word) {
    singleFloatBits[0] = readWord(memory.door, block, word);
    return singleFloat[0] as number;
  },
  write(memory, block, word, value) {
    if (typeof value !== 'number') throw invalidValue('a number', value);
    singleFloat[0] = value;
    writeWord(memory.door, block, word, singleFloatBits[0] as number);
  },
});

const BOOLEAN: FieldType<boolean> = scalarType<boolean>({
  description: { kind: 'boolean' },
  words: 1,
  zero: false,
  read(memory, block, word) {
    const stored = readWord(memory.door, block, word);
    if (stored !== 0 && stored !== 1) throw corruptValue(block, word, `${stored} as a boolean`);
    return stored === 1;
  },
  write(memory, block, word, value) {
    if (typeof value !== 'boolean') throw invalidValue('true or false', value);
    writeWord(memory.door, block, word, value ? 1 : 0);
  },
});

function integerType(kind: string, minimum: number, maximum: number): FieldType<number> {
  const expected = `an integer from ${minimum} to ${maximum}`;
  const unsigned = minimum === 0;
  return scalarType<number>({
    description: { kind },
    words: 1,
    zero: 0,
    read(memory, block, word) {
      const stored = readWord(memory.door, block, word);
      const value = unsigned ? stored >>> 0 : stored;
      if (value < minimum || value > maximum) throw corruptValue(block, word, `${value} as ${kind}`);
      return value;
    },
    write(memory, block, word, value) {
      if (!Number.isInteger(value) || value < minimum || value > maximum) throw invalidValue(expected, value);
      writeWord(memory.door, block, word, value | 0);
    },
  });
}

const I8: FieldType<number> = integerType('i8', -128, 127);
const I16: FieldType<number> = integerType('i16', -32768, 32767);
const I32: FieldType<number> = integerType('i32', -2147483648, 2147483647);
const U8: FieldType<number> = integerType('u8', 0, 255);
const U16: FieldType<number> = integerType('u16', 0, 65535);
const U32: FieldType<number> = integerType('u32', 0, 4294967295);

/** A double: every JavaScript number, NaN, -0 and the infinities included. Default 0. */
export function f64(): FieldType<number> {
  return F64;
}

/** A single-precision float: what is written is rounded to it. Default 0. */
export function f32(): FieldType<number> {
  return F32;
}

/** An integer from -128 to 127. Default 0. */
export function i8(): FieldType<number> {
  return I8;
}

/** An integer from -32,768 to 32,767. Default 0. */
export function i16(): FieldType<number> {
  return I16;
}

/** An integer from -2,147,483,648 to 2,147,483,647. Default 0. */
export function i32(): FieldType<number> {
  return I32;
}

/** An integer from 0 to 255. Default 0. */
export function u8(): FieldType<number> {
  return U8;
}

/** An integer from 0 to 65,535. Default 0. */
export function u16(): FieldType<number> {
  return U16;
}

/** An integer from 0 to 4,294,967,295. Default 0. */
export function u32(): FieldType<number> {
  return U32;
}

/** True or false. Default false. */
export function boolean(): FieldType<boolean> {
  return BOOLEAN;
}

/** Milliseconds since 1970 as a double, as `Date.now()` gives them; not NaN. Default 0. */
export function timestamp(): FieldType<number> {
  return TIMESTAMP;
}
