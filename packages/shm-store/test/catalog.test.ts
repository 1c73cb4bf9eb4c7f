// The catalog in the store: the same for every program, and input that is checked.

import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAIN_CATALOG_HEAD, MAIN_NEXT_LAYOUT_ID } from '../src/layout.ts';
import { freeRecord, newRecord, toPlain } from '../src/records/create-record.ts';
import { openRecord, requirePlace } from '../src/records/open-record.ts';
import { readAsPlain } from '../src/records/read-as-plain.ts';
import { i64 } from '../src/types/big-integers.ts';
import { bytes, json, text } from '../src/types/blob-type.ts';
import { Catalog } from '../src/types/catalog.ts';
import { layoutKey } from '../src/types/description.ts';
import type { FieldType } from '../src/types/field-type.ts';
import { boolean, f32, f64, u8 } from '../src/types/numbers.ts';
import { oneOf } from '../src/types/one-of.ts';
import { optional } from '../src/types/optional.ts';
import { record } from '../src/types/record-link.ts';
import { ref } from '../src/types/ref.ts';
import { struct } from '../src/types/struct.ts';
import type { StructType } from '../src/types/struct-type.ts';
import { extendKinds, standardKinds, typeFromDescription } from '../src/types/type-kinds.ts';
import { visitBlock } from '../src/types/visit-block.ts';
import { withDefault } from '../src/types/with-default.ts';
import { attach, code, openStore, Recorder } from './types-fixture.ts';

const Inner = struct('Inner', { a: f64(), b: text() });
const All = struct('All', {
  number: f64(),
  single: f32(),
  big: i64(),
  flag: boolean(),
  choice: oneOf('x', 'y'),
  text: text(),
  bytes: bytes(),
  json: json(),
  maybe: optional(text()),
  inside: Inner,
  owned: record(Inner),
  friend: optional(ref(() => Inner)),
  ten: withDefault(u8(), 10),
});
const layout = (struct: unknown): StructType => struct as StructType;

describe('the catalog', () => {
  test('gives every program the same layout id, in whatever order they come', () => {
    const { memory, native } = openStore();
    const other = attach(native).memory;
    const A = struct('A', { x: f64() });
    const B = struct('B', { y: text() });
    const a = memory.catalog.resolve(layout(A));
    const b = other.catalog.resolve(layout(B));
    expect(b).toBe(a + 1);
    expect(other.catalog.resolve(layout(struct('A', { x: f64() })))).toBe(a);
    expect(memory.catalog.resolve(layout(B))).toBe(b);
    expect(
      attach(native)
        .memory.catalog.entries()
        .map(({ name }) => name),
    ).toEqual(['B', 'A']);
  });

  test('describes every kind so that a record is read without its declaration', () => {
    const { memory, native } = openStore();
    const made = memory.run(() => {
      const friend = newRecord(memory, Inner, { b: 'friend' });
      return newRecord(memory, All, {
        number: 1.5,
        big: -7n,
        flag: true,
        choice: 'y',
        text: 'text',
        bytes: Uint8Array.of(1),
        json: [1, { a: 2 }],
        maybe: 'there',
        inside: { a: 2 },
        owned: { b: 'own' },
        friend,
      });
    });
    const plain = readAsPlain(attach(native).memory, requirePlace(made).block);
    const { friend, ...rest } = plain.value;
    expect(rest).toEqual({ ...toPlain(made), friend: undefined });
    expect((friend as { b: string }).b).toBe('friend');
  });

  test('every description makes a type with the same description', () => {
    for (const type of Object.values(All.fields) as FieldType<unknown, unknown>[]) {
      expect(
        layoutKey(typeFromDescription(JSON.parse(JSON.stringify(type.describe())), standardKinds).describe()),
      ).toBe(layoutKey(type.describe()));
    }
  });

  test('has its own kinds of types when they are passed', () => {
    const { memory } = openStore();
    const { door, heap, run } = memory;
    const centimetres: FieldType<number> = {
      ...bound(f64()),
      kind: 'centimetres',
      describe: () => ({ kind: 'centimetres' }),
    };
    const Ruler = struct('Ruler', { length: centimetres });
    const known = new Catalog({
      door,
      heap,
      run,
      kinds: extendKinds(standardKinds, { types: [['centimetres', () => centimetres as FieldType<unknown, unknown>]] }),
    });
    const made = run(() => newRecord({ door, heap, run, catalog: known }, Ruler, { length: 30 }));
    expect(made.length).toBe(30);
    const { block } = requirePlace(made);
    expect(() => run(() => freeRecord(memory, block))).toThrow(code('TYPE_UNKNOWN', 'centimetres'));
    expect(() => readAsPlain(memory, block)).toThrow(code('TYPE_UNKNOWN', 'centimetres'));
    expect(made.length).toBe(30);
    expect(readAsPlain({ door, heap, run, catalog: known }, block).value).toEqual({ length: 30 });
    run(() => freeRecord({ door, heap, run, catalog: known }, block));
  });

  test('uses a kind that the program declared without a table', () => {
    const { memory } = openStore();
    const inches: FieldType<number> = { ...bound(f64()), kind: 'inches', describe: () => ({ kind: 'inches' }) };
    const Ruler = struct('Ruler', { length: inches });
    const made = memory.run(() => newRecord(memory, Ruler, { length: 12 }));
    memory.run(() => {
      made.length += 1;
    });
    expect(readAsPlain(memory, requirePlace(made).block).value).toEqual({ length: 13 });
    memory.run(() => freeRecord(memory, requirePlace(made).block));
  });

  test('with an extension whose fields lie outside its block is CORRUPT, before anything is written there', () => {
    const { memory, native } = openStore();
    memory.run(() => newRecord(memory, struct('Grown', { a: f64() })));
    const Grown = struct('Grown', { a: f64(), b: f64() });
    const made = memory.run(() => newRecord(memory, Grown, { b: 1 }));
    const { bytes } = memory.door;
    const at = Buffer.from(bytes.buffer).indexOf('"b":{"at":2');
    bytes[at + 10] = '3'.charCodeAt(0);
    const head = memory.catalog.entries()[0] as { block: number };
    const i = memory.door.at(head.block + 1);
    const length = memory.door.words[i + 4] as number;
    memory.door.words[i + 3] = crc32(bytes.slice(i * 4 + 32, i * 4 + 32 + length)) | 0;
    expect(() => openRecord(attach(native).memory, Grown, requirePlace(made).block)).toThrow(code('CORRUPT'));
  });

  test('keeps many types apart', () => {
    const { memory, native } = openStore();
    const structs = Array.from({ length: 200 }, (_, n) =>
      layout(struct(`Type${n}`, { [`field${n}`]: n % 2 === 0 ? f64() : text() })),
    );
    memory.run(() => {
      for (const one of structs) memory.catalog.resolve(one);
    });
    const other = attach(native).memory;
    expect(structs.map((one) => other.catalog.resolve(one))).toEqual(structs.map((one) => memory.catalog.resolve(one)));
    expect(new Set(structs.map((one) => other.catalog.resolve(one))).size).toBe(200);
  });
});

describe('a damaged catalog', () => {
  /** A store with three types and the words of its catalog's newest entry. */
  function damaged(): {
    native: ReturnType<typeof openStore>['native'];
    words: Int32Array;
    entry: number;
    block: number;
  } {
    const { memory, native } = openStore();
    for (const name of ['A', 'B', 'C']) memory.catalog.resolve(layout(struct(name, { x: f64() })));
    const made = memory.run(() => newRecord(memory, struct('C', { x: f64() }), { x: 1 }));
    const words = new Int32Array(native.windows[0] as ArrayBuffer);
    return {
      native,
      words,
      entry: ((words[MAIN_CATALOG_HEAD / 4] as number) + 1) * 4,
      block: requirePlace(made).block,
    };
  }

  test('that leads in a circle is CORRUPT', () => {
    const { native, words, entry } = damaged();
    words[entry] = words[MAIN_CATALOG_HEAD / 4] as number;
    expect(() => attach(native).memory.catalog.entries()).toThrow(code('CORRUPT'));
  });

  test('with a head that is no entry is CORRUPT', () => {
    const { native, words, block } = damaged();
    for (const head of [1, -1, block, 0x7fffffff]) {
      words[MAIN_CATALOG_HEAD / 4] = head;
      expect(() => attach(native).memory.catalog.entries()).toThrow(code('CORRUPT'));
    }
  });

  test('with ids that were not given yet is CORRUPT', () => {
    const { native, words } = damaged();
    words[MAIN_NEXT_LAYOUT_ID / 4] = 64;
    expect(() => attach(native).memory.catalog.entries()).toThrow(code('CORRUPT'));
  });

  test('in any single bit of an entry is CORRUPT, or harmless', () => {
    fc.assert(
      fc.property(fc.nat(8 * 32 + 8 * 60), (bit) => {
        const { native, words, entry, block } = damaged();
        words[entry + (bit >> 5)] = (words[entry + (bit >> 5)] as number) ^ (1 << (bit & 31));
        try {
          expect(openRecord(attach(native).memory, struct('C', { x: f64() }), block).x).toBe(1);
        } catch (error) {
          expect(['CORRUPT', 'TYPE_UNKNOWN']).toContain((error as { code: string }).code);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('descriptions that make no sense are CORRUPT or unknown, never a crash', () => {
    const wrong: unknown[] = [
      null,
      [],
      { kind: 1 },
      { kind: 'optional' },
      { kind: 'optional', of: { kind: 'optional', of: { kind: 'f64' } } },
      { kind: 'oneOf', values: [] },
      { kind: 'oneOf', values: 'abc' },
      { kind: 'struct', name: 'A', words: 1, fields: null },
      { kind: 'struct', name: 'A', words: 9, fields: { x: { at: 5, type: { kind: 'u8' } } } },
      { kind: 'struct', name: '__proto__', words: 1, fields: {} },
      { kind: 'f64', default: 'text' },
      { kind: 'toString' },
      JSON.parse(`${'{"kind":"optional","of":'.repeat(2000)}{"kind":"f64"}${'}'.repeat(2000)}`),
    ];
    for (const description of wrong) {
      expect(
        () => typeFromDescription(description as never, standardKinds),
        JSON.stringify(description)?.slice(0, 80),
      ).toThrow(expect.objectContaining({ code: expect.stringMatching(/^(CORRUPT|TYPE_UNKNOWN|INVALID_TYPE)$/) }));
    }
  });
});

describe('visiting', () => {
  test('reports scalars, refs and what is owned, and goes on after damage', () => {
    const { memory } = openStore();
    const made = memory.run(() =>
      newRecord(memory, All, { text: 'abc', maybe: undefined, owned: { a: 1 }, friend: newRecord(memory, Inner) }),
    );
    const { block } = requirePlace(made);
    const sound = new Recorder();
    visitBlock(memory, block, undefined, sound);
    expect(sound.problems).toEqual([]);
    expect(sound.scalars).toMatchObject({
      number: 0,
      text: 'abc',
      maybe: null,
      'inside.a': 0,
      ten: 10,
      choice: 'x',
      json: null,
    });
    expect(sound.owns.map(({ path }) => path).sort()).toEqual(['owned', 'text']);
    expect(sound.refs.map(({ path }) => path)).toEqual(['friend']);
    const { word } = memory.catalog
      .storedFields(memory.catalog.entry(memory.heap.layoutOf(block)))
      .find(({ name }) => name === 'text') as { word: number };
    memory.run(() => {
      const i = memory.door.own(block, block + 1 + (word >> 2), 1) + (word & 3);
      memory.door.words[i] = 12345;
    });
    const broken = new Recorder();
    visitBlock(memory, block, undefined, broken);
    expect(broken.problems).toEqual([{ path: 'text', code: 'CORRUPT' }]);
    expect(broken.scalars).toMatchObject({ number: 0, 'inside.a': 0 });
  });

  test('of what is no block, or of an unknown kind, is a problem', () => {
    const { memory } = openStore();
    const unknown = memory.run(() => memory.heap.allocate(33, 16));
    const recorder = new Recorder();
    visitBlock(memory, 3, undefined, recorder);
    visitBlock(memory, unknown, undefined, recorder);
    expect(recorder.problems.map((problem) => problem.code)).toEqual(['CORRUPT', 'TYPE_UNKNOWN']);
  });
});

/** A type's methods as own properties, so that it can be spread. */
function bound<T>(type: FieldType<T>): FieldType<T> {
  const { words, alignWords, hasDefault, kind } = type;
  return {
    words,
    alignWords,
    hasDefault,
    kind,
    read: (...a) => type.read(...a),
    readAbsent: (memory) => type.readAbsent?.(memory) as T,
    initialize: (...a) => type.initialize(...a),
    write: (...a) => type.write(...a),
    release: (...a) => type.release(...a),
    visit: (...a) => type.visit(...a),
    describe: () => type.describe(),
  };
}
