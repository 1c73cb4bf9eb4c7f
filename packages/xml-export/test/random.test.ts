// Random types and random data: what an independent reader finds in the XML is what was stored, a check finds nothing, and the XML is valid.

import {
  boolean,
  bytes,
  f64,
  i32,
  i64,
  json,
  list,
  optional,
  queue,
  record,
  struct,
  text,
  tree,
  tuple,
  u64,
} from '@mofo/journal';
import type { FieldType } from '@mofo/shm-store';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkStore } from '../src/index.ts';
import { exported, openTestStore, rootsOf, validated } from './support.ts';

/** A type, and how to make values of it. */
interface Shape {
  readonly type: FieldType<never, never>;
  readonly values: fc.Arbitrary<unknown>;
}

/** What cannot be told apart from what was written: JSON has no -0, keys have no -0 either. */
const jsonValues = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  maxLength: 12,
});
const keyText = fc.string({ unit: 'binary', maxLength: 8 }).filter((value) => !/\p{Surrogate}/u.test(value));

function shape(type: unknown, values: fc.Arbitrary<unknown>): Shape {
  return { type: type as FieldType<never, never>, values };
}

const scalars: readonly Shape[] = [
  shape(f64(), fc.double()),
  shape(i32(), fc.integer()),
  shape(i64(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  shape(u64(), fc.bigInt(0n, 2n ** 64n - 1n)),
  shape(boolean(), fc.boolean()),
  shape(text(), anyText),
  shape(bytes(), fc.uint8Array({ maxLength: 40 })),
  shape(json(), jsonValues),
];
const keys: readonly Shape[] = [
  shape(text(), keyText),
  shape(
    f64(),
    fc.double({ noNaN: true }).map((value) => value + 0),
  ),
  shape(i64(), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  shape(bytes(), fc.uint8Array({ maxLength: 6 })),
  shape(tuple(text(), i32()), fc.tuple(keyText, fc.integer())),
];

let nextName = 0;

/** A struct of random fields; its values may hold structs and records of further random structs. */
const structs = fc.letrec<{ struct: Shape; field: Shape }>((tie) => ({
  struct: fc
    .dictionary(fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/), tie('field'), { minKeys: 1, maxKeys: 5 })
    .map((fields) => {
      const names = Object.keys(fields);
      const types = Object.fromEntries(names.map((name) => [name, fields[name]?.type as never]));
      const values = Object.fromEntries(names.map((name) => [name, fields[name]?.values as fc.Arbitrary<unknown>]));
      return shape(struct(`S${nextName++}`, types), fc.record(values));
    }),
  field: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...scalars),
    fc.constantFrom(...scalars).map(({ type, values }) => shape(optional(type), fc.option(values, { nil: undefined }))),
    tie('struct'),
    tie('struct').map(({ type, values }) => shape(record(type as never), values)),
  ),
})).struct;

const elements = fc.oneof(fc.constantFrom(...scalars), structs);

const cases = fc.tuple(fc.constantFrom(...keys), elements, elements, elements).chain(([key, a, b, c]) => {
  const rows = fc.uniqueArray(fc.tuple(key.values, a.values), { maxLength: 20, selector: ([value]) => inspect(value) });
  return fc.record({
    types: fc.constant({ key, a, b, c }),
    rows,
    items: fc.array(b.values, { maxLength: 8 }),
    waiting: fc.array(c.values, { maxLength: 8 }),
  });
});

test('an export of random data of random types is that data', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ types, rows, items, waiting }) => {
      const { store } = openTestStore({
        rows: tree(types.key.type, types.a.type),
        items: list(types.b.type),
        waiting: queue(types.c.type),
      });
      store.transaction(() => {
        for (const [key, value] of rows) store.root.rows.set(key as never, value as never);
        for (const value of items) store.root.items.push(value as never);
        for (const value of waiting) store.root.waiting.push(value as never);
      });
      expect(checkStore(store).findings).toEqual([]);
      const { xml, stream } = await exported(store);
      expect(stream.findings).toEqual([]);
      const found = validated(xml, rootsOf) as { rows: [unknown, unknown][]; items: unknown[]; waiting: unknown[] };
      const byKey = new Map(rows.map(([key, value]) => [inspect(key), value]));
      expect(found.rows).toHaveLength(byKey.size);
      for (const [key, value] of found.rows) expect(inspect(value)).toBe(inspect(byKey.get(inspect(key))));
      expect(found.items.map(inspect)).toEqual(items.map(inspect));
      expect(found.waiting.map(inspect)).toEqual(waiting.map(inspect));
    }),
    { numRuns: 150 },
  );
});

/** A value as text in which different values differ: -0, bigints, bytes and absent fields too. Ids of objects are left out. */
function inspect(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `[${value.map(inspect).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const entries = Object.entries(value).filter(([name]) => name !== '$id');
  return `{${entries
    .map(([name, inner]) => `${JSON.stringify(name)}:${inspect(inner)}`)
    .sort()
    .join()}}`;
}
