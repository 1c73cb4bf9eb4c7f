// Keys of fixed length: numbers, 64-bit integers and booleans. The bytes are big-endian, with the sign arranged so that unsigned order is
// numeric order.

import { ShmStoreError } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import type { KeyBuffer } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';

const SIGN = -0x80000000;
const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);
const signed = new BigInt64Array(float.buffer);
const unsigned = new BigUint64Array(float.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;

class F64Codec implements KeyCodec {
  readonly fixedBytes = 8;
  readonly isMutable = false;

  encode(key: unknown, target: KeyBuffer): void {
    if (typeof key !== 'number' || Number.isNaN(key)) throw keyInvalid('a number other than NaN', key);
    float[0] = key + 0;
    const high = floatWords[HIGH] as number;
    const flip = high >> 31;
    target.words[0] = high ^ (flip | SIGN);
    target.words[1] = (floatWords[LOW] as number) ^ flip;
    target.length = 8;
  }

  decode(source: KeyBuffer): number {
    return toNumber(source.words[0] as number, source.words[1] as number);
  }

  decodeAll(words: Int32Array, first: number, count: number, target: unknown[], at: number): void {
    for (let n = 0, w = first; n < count; n++, w += 2)
      target[at + n] = toNumber(words[w] as number, words[w + 1] as number);
  }

  append(key: unknown, target: KeyBuffer): void {
    if (typeof key !== 'number' || Number.isNaN(key)) throw keyInvalid('a number other than NaN', key);
    float[0] = key + 0;
    const high = floatWords[HIGH] as number;
    const low = floatWords[LOW] as number;
    const flip = high >> 31;
    target.pushWord(high ^ (flip | SIGN));
    target.pushWord(low ^ flip);
  }

  take(source: KeyBuffer): number {
    const high = takeInteger(source, 4) | 0;
    return toNumber(high, takeInteger(source, 4) | 0);
  }

  encodePrefix(): void {
    throw noPrefix('Numbers');
  }
}

class BigIntCodec implements KeyCodec {
  readonly fixedBytes = 8;
  readonly isMutable = false;
  private readonly flip: number;
  private readonly min: bigint;
  private readonly max: bigint;

  constructor(isSigned: boolean) {
    this.flip = isSigned ? SIGN : 0;
    this.min = isSigned ? -(2n ** 63n) : 0n;
    this.max = isSigned ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  }

  encode(key: unknown, target: KeyBuffer): void {
    this.pun(key);
    target.words[0] = (floatWords[HIGH] as number) ^ this.flip;
    target.words[1] = floatWords[LOW] as number;
    target.length = 8;
  }

  decode(source: KeyBuffer): bigint {
    return this.toBigInt(source.words[0] as number, source.words[1] as number);
  }

  append(key: unknown, target: KeyBuffer): void {
    this.pun(key);
    const low = floatWords[LOW] as number;
    target.pushWord((floatWords[HIGH] as number) ^ this.flip);
    target.pushWord(low);
  }

  take(source: KeyBuffer): bigint {
    const high = takeInteger(source, 4);
    return this.toBigInt(high, takeInteger(source, 4));
  }

  encodePrefix(): void {
    throw noPrefix('Integers');
  }

  private pun(key: unknown): void {
    if (typeof key !== 'bigint' || key < this.min || key > this.max)
      throw keyInvalid(`a bigint from ${this.min} to ${this.max}`, key);
    unsigned[0] = key;
  }

  private toBigInt(high: number, low: number): bigint {
    floatWords[HIGH] = high ^ this.flip;
    floatWords[LOW] = low;
    return (this.flip === 0 ? unsigned[0] : signed[0]) as bigint;
  }
}

class IntegerCodec implements KeyCodec {
  readonly fixedBytes: number;
  readonly isMutable = false;
  private readonly min: number;
  private readonly max: number;
  private readonly shift: number;

  constructor(isSigned: boolean, widthBytes: number) {
    this.fixedBytes = widthBytes;
    this.min = isSigned ? -(2 ** (widthBytes * 8 - 1)) : 0;
    this.max = this.min + 2 ** (widthBytes * 8) - 1;
    this.shift = 32 - widthBytes * 8;
  }

  encode(key: unknown, target: KeyBuffer): void {
    target.words[0] = this.distance(key) << this.shift;
    target.length = this.fixedBytes;
  }

  decode(source: KeyBuffer): number {
    return ((source.words[0] as number) >>> this.shift) + this.min;
  }

  append(key: unknown, target: KeyBuffer): void {
    const distance = this.distance(key);
    for (let shift = this.fixedBytes * 8 - 8; shift >= 0; shift -= 8) target.push((distance >>> shift) & 0xff);
  }

  take(source: KeyBuffer): number {
    return takeInteger(source, this.fixedBytes) + this.min;
  }

  encodePrefix(): void {
    throw noPrefix('Integers');
  }

  private distance(key: unknown): number {
    if (typeof key !== 'number' || !Number.isInteger(key) || key < this.min || key > this.max) {
      throw keyInvalid(`an integer from ${this.min} to ${this.max}`, key);
    }
    return key - this.min;
  }
}

class BooleanCodec implements KeyCodec {
  readonly fixedBytes = 1;
  readonly isMutable = false;

  encode(key: unknown, target: KeyBuffer): void {
    target.words[0] = byteOf(key) << 24;
    target.length = 1;
  }

  decode(source: KeyBuffer): boolean {
    return booleanOf((source.words[0] as number) >>> 24);
  }

  append(key: unknown, target: KeyBuffer): void {
    target.push(byteOf(key));
  }

  take(source: KeyBuffer): boolean {
    return booleanOf(takeInteger(source, 1));
  }

  encodePrefix(): void {
    throw noPrefix('Booleans');
  }
}

/** Codec of f64 keys. */
export const f64Codec: KeyCodec = new F64Codec();
/** Codec of bool keys: false before true. */
export const booleanCodec: KeyCodec = new BooleanCodec();

/** Codec of i64 or u64 keys. */
export function bigIntCodec(isSigned: boolean): KeyCodec {
  return new BigIntCodec(isSigned);
}

/** Codec of integer keys of 1, 2 or 4 bytes. */
export function integerCodec(isSigned: boolean, widthBytes: number): KeyCodec {
  return new IntegerCodec(isSigned, widthBytes);
}

/** The error for a key that its declared type does not allow. */
export function keyInvalid(wanted: string, got: unknown): JournalError {
  const shown =
    typeof got === 'number' || typeof got === 'bigint' || typeof got === 'boolean' ? String(got) : typeof got;
  return new JournalError('KEY_INVALID', `A key must be ${wanted}, not ${shown}. Nothing was changed.`);
}

/** The error for a prefix of keys that have none. */
export function noPrefix(what: string): JournalError {
  return new JournalError('RANGE_INVALID', `${what} have no prefixes. Nothing was read. Use gt, gte, lt or lte.`);
}

/** The error for key bytes that no key encodes to. */
export function corruptKey(): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    'A leaf of a tree holds bytes that are no key of its type. Nothing was changed. Run a check of the store.',
  );
}

function takeInteger(source: KeyBuffer, widthBytes: number): number {
  if (source.position + widthBytes > source.length) throw corruptKey();
  let value = 0;
  for (let k = 0; k < widthBytes; k++) value = (value << 8) | (source.bytes[source.position++] as number);
  return value >>> 0;
}

function toNumber(high: number, low: number): number {
  const flip = high < 0 ? 0 : -1;
  floatWords[HIGH] = high ^ (flip | SIGN);
  floatWords[LOW] = low ^ flip;
  const value = float[0] as number;
  if (Number.isNaN(value)) throw corruptKey();
  return value;
}

function byteOf(key: unknown): number {
  if (typeof key !== 'boolean') throw keyInvalid('true or false', key);
  return key ? 1 : 0;
}

function booleanOf(byte: number): boolean {
  if (byte > 1) throw corruptKey();
  return byte === 1;
}
