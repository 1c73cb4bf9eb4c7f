// Keys: encoding keeps order, loses nothing, and no key begins another.

import { boolean, bytes, f64, i8, i32, i64, text, u16, u32, u64 } from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY_BYTES_MAX, KeyBuffer } from '../src/tree/key-buffer.ts';
import { keyCodecOf } from '../src/tree/key-codec.ts';
import { type KeyType, tuple } from '../src/tree/tuple.ts';

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(0, -0, 1, -1, 5e-324, -5e-324, Infinity, -Infinity),
);
const unicode = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'é', '\uffff', '😀'), maxLength: 6 }),
);
const byteArray = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 1, 2, 255), { maxLength: 6 }).map((list) => Uint8Array.from(list)),
);

interface Case<K> {
  readonly name: string;
  readonly type: KeyType<K>;
  readonly arbitrary: fc.Arbitrary<K>;
  readonly order: (a: K, b: K) => number;
}

const byNumber = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
const byBigInt = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const byText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const byBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

const cases: readonly Case<never>[] = [
  { name: 'f64', type: f64(), arbitrary: number, order: byNumber },
  { name: 'i64', type: i64(), arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), order: byBigInt },
  { name: 'u64', type: u64(), arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), order: byBigInt },
  { name: 'i32', type: i32(), arbitrary: fc.integer(), order: byNumber },
  { name: 'u32', type: u32(), arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }), order: byNumber },
  { name: 'u16', type: u16(), arbitrary: fc.integer({ min: 0, max: 65535 }), order: byNumber },
  { name: 'i8', type: i8(), arbitrary: fc.integer({ min: -128, max: 127 }), order: byNumber },
  {
    name: 'boolean',
    type: boolean(),
    arbitrary: fc.boolean(),
    order: (a: boolean, b: boolean) => Number(a) - Number(b),
  },
  { name: 'text', type: text(), arbitrary: unicode, order: byText },
  { name: 'bytes', type: bytes(), arbitrary: byteArray, order: byBytes },
  {
    name: 'tuple',
    type: tuple(text(), f64(), bytes(), i64()),
    arbitrary: fc.tuple(unicode, number, byteArray, fc.bigInt({ min: -5n, max: 5n })),
    order: (a: [string, number, Uint8Array, bigint], b: [string, number, Uint8Array, bigint]) =>
      byText(a[0], b[0]) || byNumber(a[1], b[1]) || byBytes(a[2], b[2]) || byBigInt(a[3], b[3]),
  },
] as unknown as readonly Case<never>[];

function encode(type: { kind: string }, key: unknown): KeyBuffer {
  const buffer = new KeyBuffer();
  keyCodecOf(type).encode(key, buffer);
  return buffer;
}

function bytesOf(key: KeyBuffer): Buffer {
  key.unpack();
  return Buffer.from(key.bytes.subarray(0, key.length));
}

describe.each(cases)('$name keys', ({ type, arbitrary, order }) => {
  it('keep their order as bytes and as packed words', () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const [first, second] = [encode(type, a), encode(type, b)];
        const expected = Math.sign(order(a, b));
        expect(first.compare(second)).toBe(expected);
        expect(Math.sign(Buffer.compare(bytesOf(first), bytesOf(second)))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('come back as they were (-0 as 0)', () => {
    fc.assert(
      fc.property(arbitrary, (key) => {
        const plusZero = (value: unknown): unknown =>
          value === 0 ? 0 : Array.isArray(value) ? value.map(plusZero) : value;
        expect(keyCodecOf(type).decode(encode(type, key))).toEqual(plusZero(key));
      }),
      { numRuns: 500 },
    );
  });

  it('never begin another key, and have the fixed length if there is one', () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const [first, second] = [bytesOf(encode(type, a)), bytesOf(encode(type, b))];
        if (order(a, b) !== 0) expect(second.subarray(0, first.length).equals(first)).toBe(false);
        const { fixedBytes } = keyCodecOf(type);
        if (fixedBytes > 0) expect(first.length).toBe(fixedBytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe('prefixes', () => {
  it('bound exactly the texts that begin with them', () => {
    fc.assert(
      fc.property(unicode, unicode, (prefix, key) => {
        const lower = new KeyBuffer();
        keyCodecOf(text()).encodePrefix(prefix, lower);
        const upper = new KeyBuffer();
        upper.copyFrom(lower);
        const bounded = upper.toSuccessor();
        const encoded = encode(text(), key);
        const inside = encoded.compare(lower) >= 0 && (!bounded || encoded.compare(upper) < 0);
        expect(inside).toBe(key.startsWith(prefix));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('refused keys', () => {
  it.each([
    ['NaN', f64(), Number.NaN, 'KEY_INVALID'],
    ['a string as f64', f64(), '1', 'KEY_INVALID'],
    ['a lone surrogate', text(), 'a\ud800', 'KEY_INVALID'],
    ['a bigint beyond i64', i64(), 2n ** 63n, 'KEY_INVALID'],
    ['a fraction as i32', i32(), 1.5, 'KEY_INVALID'],
    ['a short tuple', tuple(text(), f64()), ['a'], 'KEY_INVALID'],
    ['NaN in a tuple', tuple(text(), f64()), ['a', Number.NaN], 'KEY_INVALID'],
    ['ASCII text that is too long', text(), 'x'.repeat(KEY_BYTES_MAX), 'KEY_TOO_LONG'],
    ['other text that is too long', text(), 'é'.repeat(KEY_BYTES_MAX / 2), 'KEY_TOO_LONG'],
    ['bytes that escapes make too long', bytes(), new Uint8Array(KEY_BYTES_MAX / 2), 'KEY_TOO_LONG'],
  ] as const)('%s: %s', (_, type, key, code) => {
    expect(() => encode(type, key)).toThrow(expect.objectContaining({ code }));
  });

  it('the longest key that fits is taken', () => {
    expect(encode(text(), 'x'.repeat(KEY_BYTES_MAX - 1)).length).toBe(KEY_BYTES_MAX);
  });

  it('a type without order: KEY_TYPE_INVALID', () => {
    expect(() => keyCodecOf({ kind: 'json' })).toThrow(expect.objectContaining({ code: 'KEY_TYPE_INVALID' }));
    expect(() => tuple()).toThrow(expect.objectContaining({ code: 'KEY_TYPE_INVALID' }));
  });
});

describe('hostile key bytes', () => {
  it.each(cases)('$name: decode or CORRUPT', ({ type }) => {
    const codec = keyCodecOf(type);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (raw) => {
        const key = new KeyBuffer();
        key.startBytes();
        for (const byte of codec.fixedBytes > 0
          ? new Uint8Array(codec.fixedBytes).map((_, k) => raw[k % raw.length] as number)
          : raw)
          key.push(byte);
        key.pack();
        try {
          codec.decode(key);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CORRUPT' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
