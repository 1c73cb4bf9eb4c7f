// Snapshots against a model: random changes, snapshots and iterators over two handles of one database, beside maps that are copied for each snapshot.

import { bytes, openStore, tree } from '@mofo/journal';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MofoLevel } from '../src/index.ts';
import { makeLocation, openDatabase } from './support/database.ts';
import { countSnapshots } from './support/snapshot-count.ts';

const KEYS = ['', 'a', 'aa', 'ab', 'b', 'b\0', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
const handle = fc.nat({ max: 1 });
const bound = fc.option(key, { nil: undefined });
const range = fc.record({ gte: bound, lt: bound, reverse: fc.boolean(), limit: fc.constantFrom(-1, 0, 1, 3) });

const step = fc.oneof(
  fc.record({ do: fc.constant('put' as const), handle, key }),
  fc.record({ do: fc.constant('del' as const), handle, key }),
  fc.record({ do: fc.constant('batch' as const), handle, keys: fc.array(key, { maxLength: 5 }) }),
  fc.record({ do: fc.constant('clear' as const), handle, range, at: fc.nat() }),
  { arbitrary: fc.record({ do: fc.constant('snapshot' as const), handle }), weight: 2 },
  fc.record({ do: fc.constant('iterate' as const), handle }),
  { arbitrary: fc.record({ do: fc.constant('close' as const), at: fc.nat() }), weight: 2 },
  fc.record({ do: fc.constant('look' as const), at: fc.nat(), range, key }),
  fc.record({ do: fc.constant('around' as const), key }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Taken {
  readonly handle: number;
  readonly snapshot: ReturnType<MofoLevel['snapshot']>;
  readonly model: ReadonlyMap<string, string>;
}

function sliceOf(model: ReadonlyMap<string, string>, { gte, lt, reverse, limit }: RangeOf): [string, string][] {
  const found = [...model]
    .filter(([name]) => (gte === undefined || name >= gte) && (lt === undefined || name < lt))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (reverse) found.reverse();
  return limit === -1 ? found : found.slice(0, limit);
}
type RangeOf = typeof range extends fc.Arbitrary<infer T> ? T : never;

/** abstract-level takes a bound that is undefined for the key `undefined`, so those are left out. */
function optionsOf({ gte, lt, ...rest }: RangeOf): object {
  return { ...(gte === undefined ? {} : { gte }), ...(lt === undefined ? {} : { lt }), ...rest };
}

/** Runs the steps; `around` changes the entries past the database, as no program may: a planted bug. */
async function run(location: string, steps: readonly Step[], allowAround: boolean): Promise<void> {
  const handles = [await openDatabase(location), await openDatabase(location)] as const;
  const model = new Map<string, string>();
  const taken: Taken[] = [];
  const iterators: { iterator: ReturnType<MofoLevel['iterator']>; expected: [string, string][] }[] = [];
  let count = 0;
  const compare = async (
    { handle: at, snapshot, model: then }: Taken,
    options: RangeOf,
    name: string,
  ): Promise<void> => {
    const database = handles[at] as MofoLevel;
    expect(await database.iterator({ ...optionsOf(options), snapshot }).all()).toEqual(sliceOf(then, options));
    expect(await database.keys({ ...optionsOf(options), snapshot }).all()).toEqual(
      sliceOf(then, options).map(([k]) => k),
    );
    expect(await database.getMany(KEYS, { snapshot })).toEqual(KEYS.map((k) => then.get(k)));
    expect(await database.hasMany(KEYS, { snapshot })).toEqual(KEYS.map((k) => then.has(k)));
    expect(database.getSync(name, { snapshot })).toBe(then.get(name));
  };
  for (const one of steps) {
    const value = String(count++);
    const database = handles['handle' in one ? one.handle : 0] as MofoLevel;
    const some = 'at' in one && taken.length > 0 ? taken[one.at % taken.length] : undefined;
    if (one.do === 'put') {
      await database.put(one.key, value);
      model.set(one.key, value);
    } else if (one.do === 'del') {
      await database.del(one.key);
      model.delete(one.key);
    } else if (one.do === 'batch') {
      // Every other key is deleted; a key may come twice.
      await database.batch(
        one.keys.map((k, n) => (n % 2 === 0 ? { type: 'put', key: k, value } : { type: 'del', key: k })),
      );
      for (const [n, k] of one.keys.entries()) n % 2 === 0 ? model.set(k, value) : model.delete(k);
    } else if (one.do === 'clear') {
      const snapshot = some?.handle === one.handle ? some.snapshot : undefined;
      await database.clear({ ...optionsOf(one.range), ...(snapshot === undefined ? {} : { snapshot }) });
      for (const [k] of sliceOf(snapshot === undefined ? model : (some as Taken).model, one.range)) model.delete(k);
    } else if (one.do === 'snapshot') {
      taken.push({ handle: one.handle, snapshot: database.snapshot(), model: new Map(model) });
    } else if (one.do === 'iterate') {
      iterators.push({ iterator: database.iterator(), expected: sliceOf(model, ALL) });
    } else if (one.do === 'close') {
      if (some === undefined) continue;
      taken.splice(taken.indexOf(some), 1);
      await some.snapshot.close();
    } else if (one.do === 'look') {
      if (some !== undefined) await compare(some, one.range, one.key);
      expect(await handles[1].iterator(optionsOf(one.range)).all()).toEqual(sliceOf(model, one.range));
    } else if (allowAround) {
      const store = openStore({ name: location, root: { 'level.entries': tree(bytes(), bytes()) } });
      store.root['level.entries'].set(Buffer.from(one.key), Buffer.from(value));
      store.close();
      model.set(one.key, value);
    }
  }
  for (const one of taken) await compare(one, ALL, 'a');
  for (const { iterator, expected } of iterators) expect(await iterator.all()).toEqual(expected);
  for (const { snapshot } of taken) await snapshot.close();
  expect(await handles[0].iterator().all()).toEqual(sliceOf(model, ALL));
  expect(countSnapshots(location)).toEqual({ snapshots: 0, kept: 0 });
  for (const database of handles) await database.close();
}
const ALL: RangeOf = { gte: undefined, lt: undefined, reverse: false, limit: -1 };

async function check(allowAround: boolean, numRuns: number): Promise<void> {
  const seed = Number(process.env.MOFO_SEED ?? Date.now() % 2 ** 31);
  const steps = fc.array(step, { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const location = makeLocation();
      try {
        await run(location, list, allowAround);
      } finally {
        await MofoLevel.destroy(location, { force: true });
      }
    }),
    { numRuns, seed, endOnFailure: allowAround },
  );
}

describe('snapshots and iterators of two handles', { timeout: 120_000 }, () => {
  test('hold what a copied map holds, and leave nothing behind', () => check(false, 60));

  test('planted bug: a change that is not kept for them is caught', async () => {
    await expect(check(true, 300)).rejects.toThrow('Property failed');
  });
});

test('a walk over many entries goes on right while they are changed behind and before it', {
  timeout: 60_000,
}, async () => {
  const database = await openDatabase(makeLocation(), { sizeBytes: 2 ** 24 });
  const names = Array.from({ length: 2000 }, (_, k) => `key ${String(k).padStart(5, '0')}`);
  await database.batch(names.map((name) => ({ type: 'put', key: name, value: 'old' })));
  for (const reverse of [false, true]) {
    const iterator = database.iterator({ reverse });
    onTestFinished(() => iterator.close());
    const found: [string, string][] = [];
    for (let k = 0; ; k++) {
      const entries = k % 2 === 0 ? await iterator.nextv(1 + (k % 7) * 50) : [await iterator.next()];
      if (entries.length === 0 || entries[0] === undefined) break;
      found.push(...(entries as [string, string][]));
      await database.batch([
        { type: 'del', key: names[(k * 37) % 2000] as string },
        { type: 'put', key: names[(k * 61) % 2000] as string, value: 'new' },
        { type: 'put', key: `key ${k} more`, value: 'new' },
      ]);
    }
    expect(found.map(([name]) => name)).toEqual(reverse ? [...names].reverse() : names);
    expect(found.every(([, value]) => value === 'old')).toBe(true);
    await iterator.close();
    await database.clear();
    await database.batch(names.map((name) => ({ type: 'put', key: name, value: 'old' })));
  }
});
