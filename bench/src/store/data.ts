// Keys and values of the store bench: what kinds there are, and how the n-th one is made. Everything is made before the clock runs.

import { seededRandom } from './random.ts';

/** Kinds of keys: random 32-bit numbers, numbers in a row, texts of 20 characters in random order. */
export type KeyKind = 'int-random' | 'int-sequential' | 'string20';
/** Kinds of values: a number, a record of five fixed-size fields, 100 bytes. */
export type ValueKind = 'number' | 'record5' | 'bytes100';

/** A record of five fields. */
export interface Record5 {
  id: number;
  amount: number;
  rate: number;
  count: number;
  active: boolean;
}

/** A key. */
export type Key = number | string;
/** A value. */
export type Value = number | Record5 | Uint8Array;

const SEED = 20031103;
/** Different values of a kind; entry n has number n modulo this. Making an object for each entry would measure the garbage collector. */
const VALUE_COUNT = 1000;

/** `count` different keys. */
export function makeKeys(kind: KeyKind, count: number): Key[] {
  if (kind === 'int-sequential') return Array.from({ length: count }, (_, n) => n);
  const random = seededRandom(SEED);
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(random());
  const keys = [...numbers];
  return kind === 'int-random' ? keys : keys.map((key) => `account:${key.toString().padStart(12, '0')}`);
}

/** Gives the value of entry n. */
export function valueMaker(kind: ValueKind): (entry: number) => Value {
  if (kind === 'number') return (entry) => entry;
  const values: Value[] = Array.from({ length: VALUE_COUNT }, (_, n) =>
    kind === 'record5' ? makeRecord(n) : makeBytes(n),
  );
  return (entry) => values[entry % VALUE_COUNT] as Value;
}

/** A number that depends on all of a number, on every field of a record, on ends and length of bytes: what is read is used, and comparable. */
export function digest(value: Value): number {
  if (typeof value === 'number') return value;
  if (value instanceof Uint8Array) return value.length + (value[0] as number) + (value[value.length - 1] as number);
  return value.id + value.amount + value.rate + value.count + (value.active ? 1 : 0);
}

function makeRecord(n: number): Record5 {
  return { id: n, amount: n * 3, rate: n / 4, count: n & 255, active: n % 2 === 0 };
}

function makeBytes(n: number): Uint8Array {
  const bytes = new Uint8Array(100);
  for (let index = 0; index < bytes.length; index++) bytes[index] = n + index;
  return bytes;
}
