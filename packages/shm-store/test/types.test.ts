// Field types: every value comes back exactly as it was written, and garbage is refused with a code.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRecord, freeRecord, newRecord, toPlain } from '../src/records/create-record.ts';
import { openRecord, requirePlace } from '../src/records/open-record.ts';
import { i64, u64 } from '../src/types/big-integers.ts';
import { bytes, json, text } from '../src/types/blob-type.ts';
import type { FieldType } from '../src/types/field-type.ts';
import { boolean, f32, f64, i8, i16, i32, timestamp, u8, u16, u32 } from '../src/types/numbers.ts';
import { oneOf } from '../src/types/one-of.ts';
import { optional } from '../src/types/optional.ts';
import { packFields } from '../src/types/pack-fields.ts';
import { record } from '../src/types/record-link.ts';
import { struct } from '../src/types/struct.ts';
import type { Fields, StructType } from '../src/types/struct-type.ts';
import { withDefault } from '../src/types/with-default.ts';
import { code, liveBlocks, openStore } from './types-fixture.ts';

type AnyType = FieldType<unknown, unknown>;
interface Case {
  readonly type: () => AnyType;
  readonly values: fc.Arbitrary<unknown>;
}

const f32Values = fc.float();
const wildText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  maxLength: 80,
});
const latin1Text = fc.string({
  unit: fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit)),
  maxLength: 80,
});

const cases: Record<string, Case> = {
  f64: { type: f64 as () => AnyType, values: fc.double() },
  f32: { type: f32 as () => AnyType, values: f32Values },
  i8: { type: i8 as () => AnyType, values: fc.integer({ min: -128, max: 127 }) },
  i16: { type: i16 as () => AnyType, values: fc.integer({ min: -32768, max: 32767 }) },
  i32: { type: i32 as () => AnyType, values: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
  u8: { type: u8 as () => AnyType, values: fc.integer({ min: 0, max: 255 }) },
  u16: { type: u16 as () => AnyType, values: fc.integer({ min: 0, max: 65535 }) },
  u32: { type: u32 as () => AnyType, values: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
  i64: { type: i64 as () => AnyType, values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  u64: { type: u64 as () => AnyType, values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  boolean: { type: boolean as () => AnyType, values: fc.boolean() },
  timestamp: { type: timestamp as () => AnyType, values: fc.double({ noNaN: true }) },
  oneOf: { type: () => oneOf('a', 'b', 'ç') as AnyType, values: fc.constantFrom('a', 'b', 'ç') },
  latin1: { type: text as () => AnyType, values: latin1Text },
  text: { type: text as () => AnyType, values: wildText },
  bytes: { type: bytes as () => AnyType, values: fc.uint8Array({ maxLength: 100 }) },
  json: {
    type: json as () => AnyType,
    values: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  },
};

/** A random type with random values of it. */
const anyCase: fc.Arbitrary<Case> = fc.letrec<{ case: Case; leaf: Case }>((tie) => ({
  leaf: fc.constantFrom(...Object.values(cases)),
  case: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { arbitrary: tie('leaf'), weight: 6 },
    {
      arbitrary: tie('case').map(({ type, values }): Case => {
        const inner = type();
        const wrapped = inner.kind === 'optional' ? inner : (optional(inner) as AnyType);
        return { type: () => wrapped, values: fc.oneof(values, fc.constant(undefined)) };
      }),
      weight: 2,
    },
    {
      arbitrary: fc.tuple(fc.boolean(), fc.array(tie('case'), { maxLength: 5 })).map(([owned, inner]): Case => {
        const fields: Record<string, AnyType> = {};
        const values: Record<string, fc.Arbitrary<unknown>> = {};
        inner.forEach((item, index) => {
          fields[`f${index}`] = item.type();
          values[`f${index}`] = item.values;
        });
        const inside = struct(owned ? `Owned${hash(fields)}` : 'Inside', fields) as unknown as StructType;
        const type = (owned ? record(inside) : inside) as AnyType;
        return { type: () => type, values: fc.record(values, { noNullPrototype: true }) };
      }),
      weight: 2,
    },
  ),
})).case;

/** A name of its own for each layout, because the catalog keeps one layout a name. */
function hash(fields: Record<string, AnyType>): string {
  let h = 0;
  for (const unit of JSON.stringify(Object.entries(fields).map(([name, type]) => [name, type.describe()])))
    h = (h * 31 + unit.charCodeAt(0)) | 0;
  return (h >>> 0).toString(36);
}

describe('every value comes back as it was written', () => {
  for (const [name, { type, values }] of Object.entries(cases)) {
    test(`${name}, made with the record, written later, and after the store was opened anew`, () => {
      const { memory } = openStore();
      const One = struct('One', { before: u8(), value: type(), after: u8() });
      fc.assert(
        fc.property(values, values, (first, second) => {
          const made = memory.run(() => newRecord(memory, One, { before: 1, value: first as never, after: 2 }));
          expect(made.value).toStrictEqual(first);
          memory.run(() => {
            made.value = second as never;
            expect(made.value).toStrictEqual(second);
          });
          expect(openRecord(memory, One, requirePlace(made).block).value).toStrictEqual(second);
          expect([made.before, made.after]).toEqual([1, 2]);
          memory.run(() => freeRecord(memory, requirePlace(made).block));
        }),
        { numRuns: 60 },
      );
    });
  }

  test('random structs of random values, and deleting them leaves nothing behind', () => {
    fc.assert(
      fc.property(
        fc.array(anyCase, { minLength: 1, maxLength: 12 }).chain((list) => {
          return fc.tuple(
            fc.constant(list),
            fc.tuple(...list.map((item) => item.values)),
            fc.tuple(...list.map((item) => item.values)),
          );
        }),
        ([list, first, second]) => {
          const { memory, native } = openStore();
          const fields: Record<string, AnyType> = {};
          list.forEach((item, index) => {
            fields[`field${index}`] = item.type();
          });
          const Random = struct('Random', fields) as unknown as StructType<Fields>;
          const input = (values: readonly unknown[]) =>
            Object.fromEntries(values.map((value, index) => [`field${index}`, value]));
          // The catalog entries stay; these records make them.
          for (const values of [first, second])
            memory.run(() => freeRecord(memory, createRecord(memory, Random, input(values))));
          const before = liveBlocks(native);
          const made = memory.run(() => newRecord(memory, Random, input(first)));
          expect(toPlain(made)).toStrictEqual(input(first));
          memory.run(() => Object.assign(made, input(second)));
          expect(toPlain(made)).toStrictEqual(input(second));
          memory.run(() => freeRecord(memory, requirePlace(made).block));
          expect(liveBlocks(native)).toBe(before);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('long text and bytes, in both encodings', () => {
    const { memory } = openStore(2 ** 25);
    const Long = struct('Long', { text: text(), bytes: bytes() });
    for (const length of [23, 24, 25, 26, 8159, 8160, 8161, 100_000, 2_000_000]) {
      const raw = Uint8Array.from({ length }, (_, index) => index * 7);
      for (const unit of ['é', '€', '\ud800']) {
        const made = memory.run(() => newRecord(memory, Long, { text: unit.repeat(length), bytes: raw }));
        expect(made.text === unit.repeat(length)).toBe(true);
        expect(Buffer.compare(made.bytes, raw)).toBe(0);
        memory.run(() => freeRecord(memory, requirePlace(made).block));
      }
    }
  });

  test('what is read is a copy: changing it changes nothing stored', () => {
    const { memory } = openStore();
    const Copy = struct('Copy', { bytes: bytes(), json: json<{ list: number[] }>() });
    const raw = Uint8Array.of(1, 2, 3);
    const made = memory.run(() => newRecord(memory, Copy, { bytes: raw, json: { list: [1] } }));
    raw[0] = 9;
    made.bytes[1] = 9;
    made.json.list.push(2);
    expect(made.bytes).toEqual(Uint8Array.of(1, 2, 3));
    expect(made.json).toEqual({ list: [1] });
  });
});

describe('a type refuses', () => {
  const refused: [string, AnyType, unknown[]][] = [
    ['f64', f64() as AnyType, ['1', 1n, null, true]],
    ['i8', i8() as AnyType, [128, -129, 0.5, Number.NaN, '1']],
    ['u32', u32() as AnyType, [-1, 2 ** 32, Number.POSITIVE_INFINITY]],
    ['i64', i64() as AnyType, [1, 2n ** 63n, -(2n ** 63n) - 1n]],
    ['u64', u64() as AnyType, [-1n, 2n ** 64n]],
    ['boolean', boolean() as AnyType, [0, 1, 'true', null]],
    ['timestamp', timestamp() as AnyType, [Number.NaN, new Date(0)]],
    ['oneOf', oneOf('a') as AnyType, ['b', 0, '__proto__']],
    ['text', text() as AnyType, [1, null, Buffer.from('x')]],
    ['bytes', bytes() as AnyType, ['x', [1], new ArrayBuffer(1)]],
    ['json', json() as AnyType, [() => 1, Symbol('x'), 1n, cyclic()]],
    ['optional', optional(f64()) as AnyType, ['1', null]],
  ];
  for (const [name, type, values] of refused) {
    test(`values that are no ${name}, and changes nothing`, () => {
      const { memory, native } = openStore();
      const One = struct('One', { value: type });
      const made = memory.run(() => newRecord(memory, One));
      const before = made.value;
      const blocks = liveBlocks(native);
      for (const value of values) {
        memory.run(() => {
          expect(() => createRecord(memory, One, { value })).toThrow(code('INVALID_VALUE', 'One.value'));
          expect(() => {
            made.value = value;
          }).toThrow(code('INVALID_VALUE', 'One.value'));
        });
      }
      expect(made.value).toStrictEqual(before);
      expect(liveBlocks(native)).toBe(blocks);
    });
  }

  test('declarations that make no sense', () => {
    const wrong: (() => unknown)[] = [
      () => struct('', {}),
      () => struct('1a', {}),
      () => struct('a'.repeat(129), {}),
      () => struct('A', { 'b-c': f64() }),
      () => struct('A', { constructor: f64() }),
      () => struct('A', { toJSON: f64() }),
      () => struct('A', { a: 1 as never }),
      () => struct('A', {}, { version: 0 }),
      () => struct('A', Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`f${n}`, u8()]))),
      () => oneOf(),
      () => oneOf('a', 'a'),
      () => optional(optional(f64())),
      () => withDefault(f64(), Number.NaN),
    ];
    for (const declare of wrong) expect(declare).toThrow(code('INVALID_TYPE'));
    expect(() => struct('A', {}, { versoin: 1 } as never)).toThrow(code('UNKNOWN_OPTION'));
  });
});

describe('fields are packed', () => {
  test('without overlap, aligned, in the same way whatever their order', () => {
    const kinds: AnyType[] = [
      u8(),
      f64(),
      optional(f64()),
      text(),
      optional(u8()),
      struct('S', { a: f64(), b: u8() }),
    ] as unknown as AnyType[];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 30 }), fc.nat(3), (types, first) => {
        const fields = types.map((type, index): [string, AnyType] => [`f${index}`, type]);
        const packed = packFields(fields, first);
        const taken = new Set<number>();
        for (const [name, type] of fields) {
          const word = packed.words.get(name) as number;
          expect(word % type.alignWords).toBe(0);
          expect(word).toBeGreaterThanOrEqual(first);
          for (let w = word; w < word + type.words; w++) {
            expect(taken.has(w)).toBe(false);
            taken.add(w);
          }
          expect(word + type.words).toBeLessThanOrEqual(packed.end);
        }
        expect([...packFields([...fields].reverse(), first).words].sort()).toEqual([...packed.words].sort());
      }),
    );
  });
});

describe('garbage in a record is CORRUPT, never a wrong value or a hang', () => {
  test('for any words in any field', () => {
    const Inner = struct('Inner', { n: f64() });
    const All = struct('All', {
      text: text(),
      bytes: bytes(),
      json: json(),
      flag: boolean(),
      small: i8(),
      choice: oneOf('a', 'b'),
      maybe: optional(text()),
      owned: record(Inner),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.nat(4000)), { minLength: 16, maxLength: 16 }), (garbage) => {
        const { memory } = openStore(2 ** 20);
        const made = memory.run(() => newRecord(memory, All, { text: 'text', maybe: 'x' }));
        const { block } = requirePlace(made);
        memory.run(() => {
          for (let k = 0; k < memory.heap.capacityBytes(block) / 4; k++) {
            const i = memory.door.own(block, block + 1 + (k >> 2), 1) + (k & 3);
            memory.door.words[i] = garbage[k % garbage.length] as number;
          }
        });
        for (const name of Object.keys(All.fields) as (keyof typeof All.fields)[]) {
          try {
            void made[name];
          } catch (error) {
            expect(['CORRUPT', 'WRONG_TYPE']).toContain((error as { code: string }).code);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}
