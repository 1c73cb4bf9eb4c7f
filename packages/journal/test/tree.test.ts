// The tree against a sorted model, for every kind of key, with nested rollbacks, and its structure proved after each sequence.

import {
  bytes,
  type FieldType,
  f64,
  i32,
  i64,
  LAYOUT_TREE_NODE,
  LAYOUT_TREE_SMALL_NODE,
  struct,
  text,
} from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import type { RangeOptions } from '../src/tree/range.ts';
import type { Tree } from '../src/tree/tree.ts';
import { tree } from '../src/tree/tree-type.ts';
import { type KeyType, tuple } from '../src/tree/tuple.ts';
import { openScratch, type Scratch } from './tree-support.ts';

interface Case<K> {
  readonly name: string;
  readonly type: KeyType<K>;
  readonly key: fc.Arbitrary<K>;
  readonly order: (a: K, b: K) => number;
}

const byNumber = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
const byText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

// Few distinct keys with shared beginnings, so that sequences hit the same nodes, split, grow, shrink and collapse them.
const shortText = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é', '😀'), maxLength: 4 }),
  fc.integer({ min: 0, max: 400 }).map((n) => `user${n}`),
);
const cases = [
  {
    name: 'f64',
    type: f64(),
    key: fc.oneof(
      fc.integer({ min: -300, max: 300 }),
      fc.double({ noNaN: true }).map((n) => n + 0),
    ),
    order: byNumber,
  },
  { name: 'i32', type: i32(), key: fc.integer({ min: -200, max: 300 }), order: byNumber },
  {
    name: 'i64',
    type: i64(),
    key: fc.bigInt({ min: -150n, max: 150n }),
    order: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  },
  { name: 'text', type: text(), key: shortText, order: byText },
  {
    name: 'bytes',
    type: bytes(),
    key: fc.array(fc.constantFrom(0, 1, 2, 254, 255), { maxLength: 4 }).map((list) => Uint8Array.from(list)),
    order: (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b),
  },
  {
    name: 'i32 of one node',
    type: i32(),
    // Its buckets are more than a small node has room for, and fewer after deletions.
    key: fc.integer({ min: 0, max: 255 }),
    order: byNumber,
  },
  {
    name: 'tuple',
    type: tuple(text(), i32()),
    key: fc.tuple(shortText, fc.integer({ min: -3, max: 3 })),
    order: (a: [string, number], b: [string, number]) => byText(a[0], b[0]) || byNumber(a[1], b[1]),
  },
] as unknown as readonly Case<unknown>[];

/** The naive twin: an array of entries in order. */
class Model<K> {
  entries: [K, number][] = [];
  readonly order: (a: K, b: K) => number;

  constructor(order: (a: K, b: K) => number) {
    this.order = order;
  }

  set(key: K, value: number): void {
    const at = this.entries.findIndex(([other]) => this.order(other, key) >= 0);
    if (at < 0) this.entries.push([key, value]);
    else if (this.order((this.entries[at] as [K, number])[0], key) === 0) (this.entries[at] as [K, number])[1] = value;
    else this.entries.splice(at, 0, [key, value]);
  }

  get(key: K): number | undefined {
    return this.entries.find(([other]) => this.order(other, key) === 0)?.[1];
  }

  delete(key: K): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter(([other]) => this.order(other, key) !== 0);
    return this.entries.length < before;
  }

  range({ gt, gte, lt, lte, reverse = false, limit = Infinity }: RangeOptions<K>): [K, number][] {
    const inside = this.entries.filter(
      ([key]) =>
        (gt === undefined || this.order(key, gt) > 0) &&
        (gte === undefined || this.order(key, gte) >= 0) &&
        (lt === undefined || this.order(key, lt) < 0) &&
        (lte === undefined || this.order(key, lte) <= 0),
    );
    return (reverse ? inside.reverse() : inside).slice(0, limit);
  }

  copy(): [K, number][] {
    return this.entries.map(([key, value]) => [key, value]);
  }
}

type Command<K> =
  | { readonly op: 'set' | 'delete' | 'get'; readonly key: K; readonly value: number }
  | { readonly op: 'many'; readonly keys: readonly K[]; readonly value: number; readonly remove: boolean }
  | { readonly op: 'range'; readonly range: RangeOptions<K> }
  | { readonly op: 'nested'; readonly body: readonly Command<K>[]; readonly fails: boolean }
  | { readonly op: 'clear' };

function commands<K>(key: fc.Arbitrary<K>): fc.Arbitrary<Command<K>[]> {
  const value = fc.integer();
  const range = fc.oneof(
    fc.record({ gt: key, lte: key, reverse: fc.boolean() }, { requiredKeys: [] }),
    fc.record(
      { gte: key, lt: key, reverse: fc.boolean(), limit: fc.integer({ min: 0, max: 90 }) },
      { requiredKeys: [] },
    ),
  );
  return fc.letrec<{ command: Command<K>; body: Command<K>[] }>((tie) => ({
    command: fc.oneof(
      { depthSize: 'small', maxDepth: 3 },
      {
        weight: 30,
        arbitrary: fc.record({ op: fc.constantFrom('set', 'delete', 'get'), key, value }) as fc.Arbitrary<Command<K>>,
      },
      {
        weight: 20,
        arbitrary: fc.record({
          op: fc.constant('many'),
          keys: fc.array(key, { minLength: 20, maxLength: 120 }),
          value,
          remove: fc.boolean(),
        }) as fc.Arbitrary<Command<K>>,
      },
      { weight: 10, arbitrary: fc.record({ op: fc.constant('range'), range }) as unknown as fc.Arbitrary<Command<K>> },
      {
        weight: 10,
        arbitrary: fc.record({ op: fc.constant('nested'), body: tie('body'), fails: fc.boolean() }) as fc.Arbitrary<
          Command<K>
        >,
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('clear') }) as fc.Arbitrary<Command<K>> },
    ),
    body: fc.array(tie('command'), { maxLength: 8 }),
  })).body;
}

class Rollback extends Error {}

function run<K>(scratch: Scratch, subject: Tree<K, number>, model: Model<K>, list: readonly Command<K>[]): void {
  for (const command of list) {
    switch (command.op) {
      case 'set':
        subject.set(command.key, command.value);
        model.set(command.key, command.value);
        break;
      case 'delete':
        expect(subject.delete(command.key)).toBe(model.delete(command.key));
        break;
      case 'get':
        expect(subject.get(command.key)).toBe(model.get(command.key));
        expect(subject.has(command.key)).toBe(model.get(command.key) !== undefined);
        break;
      case 'many':
        scratch.transaction(() => {
          for (const key of command.keys) {
            if (command.remove) expect(subject.delete(key)).toBe(model.delete(key));
            else {
              subject.set(key, command.value);
              model.set(key, command.value);
            }
          }
        });
        break;
      case 'range':
        expect([...subject.range(command.range)]).toEqual(model.range(command.range));
        expect(subject.countRange(command.range)).toBe(model.range(command.range).length);
        break;
      case 'clear':
        subject.clear();
        model.entries = [];
        break;
      case 'nested': {
        const before = model.copy();
        const attempt = (): void =>
          scratch.transaction(() => {
            run(scratch, subject, model, command.body);
            expect([...subject]).toEqual(model.entries);
            if (command.fails) throw new Rollback();
          });
        if (command.fails) {
          expect(attempt).toThrow(Rollback);
          model.entries = before;
        } else attempt();
        break;
      }
    }
    expect(subject.size).toBe(model.entries.length);
  }
}

describe.each(cases)('a tree with $name keys', ({ type, key, order }) => {
  it('does what a sorted map does, through nested and failing transactions, and stays sound', () => {
    fc.assert(
      fc.property(commands(key), (list) => {
        const scratch = openScratch(2 * 2 ** 20);
        const treeType = tree(type, f64() as FieldType<number>);
        const blocksBefore = scratch.liveBlocks();
        const { handle, header } = scratch.make(treeType);
        const model = new Model(order);
        run(scratch, handle, model, list);
        expect([...handle]).toEqual(model.entries);
        expect([...handle.keys({ reverse: true })]).toEqual(model.range({ reverse: true }).map(([k]) => k));
        expect([...handle.values()]).toEqual(model.entries.map(([, value]) => value));
        expect(handle.first()).toEqual(model.entries[0]);
        expect(handle.last()).toEqual(model.entries.at(-1));
        const walk = scratch.walk(treeType, header);
        expect(walk.problems).toEqual([]);
        expect(scratch.liveBlocks()).toBe(blocksBefore + walk.owned.length);
        scratch.release(treeType, header);
        expect(scratch.liveBlocks()).toBe(blocksBefore);
      }),
      { numRuns: 40 },
    );
  });

  it('seeks from any key, in the tree or not', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 100 }), fc.array(key, { maxLength: 20 }), (keys, targets) => {
        const { handle } = openScratch(2 * 2 ** 20).make(tree(type, f64() as FieldType<number>));
        const model = new Model(order);
        handle.load(keys.map((k, index) => [k, index]));
        for (const [index, k] of keys.entries()) model.set(k, index);
        for (const target of targets) {
          expect(handle.seek(target)).toEqual(model.range({ gte: target, limit: 1 })[0]);
          const iterator = handle.range({ reverse: true });
          iterator.next();
          iterator.seek(target);
          expect(iterator.next().value).toEqual(model.range({ lte: target, reverse: true, limit: 1 })[0]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('many entries', () => {
  const kinds = [
    { name: 'numbers in slots', type: tree(f64(), f64()), key: (n: number) => n * 7.25 },
    { name: 'texts in leaves', type: tree(text(), f64()), key: (n: number) => `account:${n}` },
    {
      name: 'small integers with texts',
      type: tree(i32(), text()),
      key: (n: number) => n,
      value: (n: number) => `v${n}`,
    },
  ] as unknown as readonly {
    readonly name: string;
    readonly type: FieldType<Tree<unknown, unknown>, undefined>;
    readonly key: (n: number) => unknown;
    readonly value?: (n: number) => unknown;
  }[];

  it.each(kinds)(
    '$name: added and deleted by the hundred in one transaction, over and over',
    ({ type, key, value }) => {
      const scratch = openScratch(2 ** 25);
      const { handle, header } = scratch.make(type);
      const model = new Map<unknown, unknown>();
      const random = seeded(5);
      const valueFor = value ?? ((n: number) => n);
      for (let turn = 0; turn < 60; turn++) {
        // Filling, emptying, and both, in random places and in a row, so that buckets split, merge and shrink within one transaction too.
        const mode = turn % 6;
        const first = random(4000);
        scratch.transaction(() => {
          for (let k = 0; k < 400; k++) {
            const n = turn % 2 === 0 ? random(4000) : (first + k) % 4000;
            if (mode < 2 || (mode < 4 && random(2) === 0)) {
              handle.set(key(n), valueFor(turn + k));
              model.set(key(n), valueFor(turn + k));
            } else expect(handle.delete(key(n))).toBe(model.delete(key(n)));
          }
        });
        expect(scratch.walk(type, header).problems).toEqual([]);
        expect(handle.size).toBe(model.size);
      }
      for (const [k, v] of model) expect(handle.get(k)).toBe(v);
      scratch.transaction(() => {
        for (const k of model.keys()) expect(handle.delete(k)).toBe(true);
      });
      expect([...handle]).toEqual([]);
      expect(scratch.walk(type, header).problems).toEqual([]);
    },
  );
});

describe('forms of nodes', () => {
  const formsOf = (scratch: Scratch, type: FieldType<unknown, undefined>, header: number) => {
    const walk = scratch.walk(type, header);
    expect(walk.problems).toEqual([]);
    const layouts = walk.owned.map((block) => scratch.memory.heap.layoutOf(block));
    return {
      small: layouts.filter((layout) => layout === LAYOUT_TREE_SMALL_NODE).length,
      full: layouts.filter((layout) => layout === LAYOUT_TREE_NODE).length,
    };
  };
  const numbers = Array.from({ length: 256 }, (_, n) => (n * 167) % 256);

  it.each(['each in a transaction', 'all in one'])(
    'a ninth bucket makes a node full, six make it small again (%s)',
    (how) => {
      const scratch = openScratch();
      const type = tree(i32(), f64());
      const { handle, header } = scratch.make(type);
      const all = (body: () => void): void => (how === 'all in one' ? scratch.transaction(body) : body());
      all(() => {
        for (const n of numbers.slice(0, 60)) handle.set(n, n);
      });
      expect(formsOf(scratch, type, header)).toEqual({ small: 1, full: 0 });
      all(() => {
        for (const n of numbers) handle.set(n, n);
      });
      expect(formsOf(scratch, type, header)).toEqual({ small: 0, full: 1 });
      expect([...handle.keys()]).toEqual(Array.from({ length: 256 }, (_, n) => n));
      all(() => {
        for (const n of numbers.slice(50)) handle.delete(n);
      });
      expect(formsOf(scratch, type, header)).toEqual({ small: 1, full: 0 });
      expect([...handle.keys()]).toEqual(numbers.slice(0, 50).sort(byNumber));
    },
  );

  it('a bucket that becomes a node makes the node above full, also where that was not the root', () => {
    const scratch = openScratch();
    const type = tree(bytes(), f64());
    const { handle, header } = scratch.make(type);
    const fill = (first: number, second: number): void => {
      for (let n = 0; n < 40; n++) handle.set(Uint8Array.of(first, second, n * 6), n);
    };
    fill(0x10, 0x01);
    fill(0x20, 0x01);
    expect(formsOf(scratch, type, header)).toEqual({ small: 2, full: 1 });
    fill(0x10, 0x02);
    expect(formsOf(scratch, type, header)).toEqual({ small: 3, full: 2 });
    for (let n = 0; n < 40; n++) handle.delete(Uint8Array.of(0x10, 0x01, n * 6));
    for (let n = 0; n < 40; n++) handle.delete(Uint8Array.of(0x20, 0x01, n * 6));
    expect(formsOf(scratch, type, header)).toEqual({ small: 1, full: 0 });
  });

  it('a change of form is undone with its level', () => {
    const scratch = openScratch();
    const type = tree(i32(), f64());
    const { handle, header } = scratch.make(type);
    for (const n of numbers.slice(0, 60)) handle.set(n, n);
    const before = scratch.liveBlocks();
    scratch.transaction(() => {
      const attempt = (): void => {
        for (const n of numbers) handle.set(n, n);
        expect(formsOf(scratch, type, header).full).toBe(1);
        throw new Rollback();
      };
      expect(() => scratch.transaction(attempt)).toThrow(Rollback);
    });
    expect(formsOf(scratch, type, header)).toEqual({ small: 1, full: 0 });
    expect(scratch.liveBlocks()).toBe(before);
  });

  it('a bucket that ends where the store ends is read like others', () => {
    const scratch = openScratch(2 ** 20);
    const { heap } = scratch.memory;
    const type = tree(text(), f64());
    scratch.make(type).handle.set('z', 1);
    const { handle, header } = scratch.make(type);
    const blocks: number[] = [];
    const SMALLEST_BUCKET_BYTES = 64;
    for (const many of [64, 1]) {
      const take = (): void => {
        for (;;)
          blocks.push(
            ...scratch.transaction(() =>
              Array.from({ length: many }, () => heap.allocate(64, SMALLEST_BUCKET_BYTES - 16)),
            ),
          );
      };
      expect(take).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
    }
    const last = Math.max(...blocks);
    expect(last + SMALLEST_BUCKET_BYTES / 16).toBe(scratch.door.heapFirst + scratch.door.heapSpan);
    scratch.transaction(() => heap.free(last));
    handle.set('a', 1);
    handle.set('b', 2);
    expect(scratch.walk(type, header).owned).toContain(last);
    expect([handle.get('a'), handle.get('b'), handle.get('c')]).toEqual([1, 2, undefined]);
    expect(handle.delete('a')).toBe(true);
  });
});

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) % below;
  };
}

describe('prefixes', () => {
  it('of text, both ways', () => {
    fc.assert(
      fc.property(
        fc.array(shortText, { maxLength: 150 }),
        fc.string({ unit: fc.constantFrom('a', 'b', 'u', 's', 'é'), maxLength: 2 }),
        (keys, prefix) => {
          const { handle } = openScratch(2 * 2 ** 20).make(tree(text(), f64()));
          handle.load(keys.map((k) => [k, 1]));
          const expected = [...new Set(keys)].filter((k) => k.startsWith(prefix)).sort(byText);
          expect([...handle.keys({ prefix })]).toEqual(expected);
          expect([...handle.keys({ prefix, reverse: true })]).toEqual(expected.reverse());
          expect(handle.countRange({ prefix })).toBe(expected.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of tuples are their first elements', () => {
    const { handle } = openScratch().make(tree(tuple(text(), i32()), f64()));
    handle.load([
      [['b', 1], 1],
      [['a', -1], 2],
      [['a', 2], 3],
      [['ab', 0], 4],
    ]);
    expect([...handle.keys({ prefix: ['a'] })]).toEqual([
      ['a', -1],
      ['a', 2],
    ]);
    expect([...handle.keys({ prefix: [], reverse: true })]).toEqual([
      ['b', 1],
      ['ab', 0],
      ['a', 2],
      ['a', -1],
    ]);
  });
});

describe('iteration while the tree changes', () => {
  const fill = (scratch: Scratch, count: number): Tree<number, number> => {
    const { handle } = scratch.make(tree(f64(), f64()));
    handle.load(Array.from({ length: count }, (_, k) => [k, k]));
    return handle;
  };

  it.each(['inside', 'outside'])('sees the thread’s own changes at once (%s a transaction)', (place) => {
    const scratch = openScratch();
    const subject = fill(scratch, 300);
    const body = (): void => {
      const seen: number[] = [];
      for (const [key] of subject) {
        seen.push(key);
        subject.delete(key);
        subject.delete(key + 1);
        if (key === 100) subject.set(102.5, 1);
      }
      expect(seen).toEqual(
        [
          ...Array.from({ length: 51 }, (_, k) => 2 * k),
          102,
          102.5,
          ...Array.from({ length: 98 }, (_, k) => 104 + 2 * k),
        ].filter((k) => k < 300),
      );
      expect(subject.size).toBe(0);
    };
    if (place === 'inside') scratch.transaction(body);
    else body();
  });

  it('forgets what it read ahead in a nested transaction that was rolled back', () => {
    const scratch = openScratch();
    const subject = fill(scratch, 100);
    scratch.transaction(() => {
      const iterator = subject.keys();
      expect(() =>
        scratch.transaction(() => {
          for (let k = 0; k < 100; k++) subject.delete(k);
          subject.set(0.5, 1);
          subject.set(0.7, 1);
          expect(iterator.next().value).toBe(0.5);
          throw new Rollback();
        }),
      ).toThrow(Rollback);
      expect(iterator.next().value).toBe(1);
    });
  });

  it('goes on after the key that was handed out, though the program changed that object', () => {
    const { handle } = openScratch().make(tree(bytes(), f64()));
    handle.load([1, 2, 3].map((k) => [Uint8Array.of(k), k]));
    const seen: number[] = [];
    for (const [key, value] of handle) {
      seen.push(value);
      key[0] = 9;
      handle.set(Uint8Array.of(0), 0);
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  it('is not led astray by a check of another tree in between', () => {
    const scratch = openScratch();
    const type = tree(f64(), f64());
    const subject = fill(scratch, 500);
    const other = scratch.make(type);
    other.handle.load(Array.from({ length: 500 }, (_, k) => [-k, k]));
    const seen: number[] = [];
    for (const key of subject.keys()) {
      seen.push(key);
      if (seen.length % 5 === 0) expect(scratch.walk(type, other.header).problems).toEqual([]);
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, k) => k));
  });

  it.each([
    ['numbers', f64() as KeyType<unknown>, (k: number): unknown => k],
    ['text', text() as KeyType<unknown>, (k: number): unknown => `key ${String(k).padStart(6, '0')}`],
  ])('forEach gives what a loop over the range would, also when its body changes the tree: %s', (_, keyType, keyOf) => {
    const { handle } = openScratch().make(tree(keyType, f64()));
    handle.load(Array.from({ length: 1000 }, (_, k) => [keyOf(k), k]));
    const range = { gt: keyOf(99), lte: keyOf(700), limit: 500 };
    for (const reverse of [false, true]) {
      const seen: unknown[] = [];
      handle.forEach(
        (value, key) => {
          seen.push([key, value]);
        },
        { ...range, reverse },
      );
      expect(seen).toEqual([...handle.range({ ...range, reverse })]);
      expect(seen).toHaveLength(500);
    }
    const seen: number[] = [];
    handle.forEach((value) => {
      seen.push(value);
      handle.delete(keyOf(value + 1));
    });
    expect(seen).toEqual(Array.from({ length: 500 }, (_, k) => k * 2));
  });

  it('gives two equal keys of a damaged bucket for no order: CORRUPT', () => {
    const scratch = openScratch();
    const { handle, header } = scratch.make(tree(f64(), f64()));
    handle.load([
      [1, 10],
      [2, 20],
    ]);
    const { door } = scratch;
    const root = door.words[door.at(header + 1)] as number;
    const key = door.at(root + 4) + 2;
    const second = door.at(root + 5) + 2;
    for (let n = 0; n < 2; n++) door.words[second + n] = door.words[key + n] as number;
    expect(() => [...handle.keys()]).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(() => handle.forEach(() => {})).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it('ends when the tree is deleted, with DANGLING_REF', () => {
    const scratch = openScratch();
    const type = tree(f64(), f64());
    const { handle, header } = scratch.make(type);
    handle.load(Array.from({ length: 100 }, (_, k) => [k, k]));
    const iterator = handle.keys();
    iterator.next();
    scratch.release(type, header);
    expect(() => Array.from(iterator)).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
    expect(() => handle.get(1)).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
    expect(() => handle.set(1, 1)).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
  });
});

describe('values', () => {
  const Account = struct('Account', { owner: text(), balance: f64() });

  it('of a struct are records, replaced and freed with all they own', () => {
    const scratch = openScratch();
    const type = tree(text(), Account);
    const { handle, header } = scratch.make(type);
    handle.set('alice', { owner: 'Alice', balance: 100 });
    const before = scratch.liveBlocks();
    scratch.transaction(() => {
      const account = handle.get('alice');
      if (account === undefined) throw new Error('alice is missing');
      account.balance += 5;
    });
    expect(handle.get('alice')?.balance).toBe(105);
    handle.set('alice', { owner: 'Alice II', balance: 1 });
    handle.update('alice', (account) => ({ owner: account?.owner ?? '', balance: 2 }));
    expect(handle.get('alice')).toMatchObject({ owner: 'Alice II', balance: 2 });
    expect(scratch.liveBlocks()).toBe(before);
    expect(() => handle.set('bob', { owner: 1, balance: 1 } as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
    expect(scratch.liveBlocks()).toBe(before);
    const walk = scratch.walk(type, header);
    expect(walk.problems).toEqual([]);
    expect(new Set(walk.scalars)).toEqual(new Set(['Alice II', 2]));
    expect(handle.delete('alice')).toBe(true);
    expect(scratch.walk(type, header).owned).toEqual([header]);
  });

  it('may be trees and counters, made by ensure and freed with their owner', () => {
    const scratch = openScratch();
    const type = tree(text(), tree(f64(), counter()));
    const { handle, header } = scratch.make(type);
    const empty = scratch.liveBlocks();
    scratch.transaction(() => {
      for (const name of ['a', 'b']) for (let k = 0; k < 30; k++) handle.ensure(name).ensure(k).add(k);
    });
    expect(handle.get('a')?.get(7)?.value).toBe(7);
    expect(scratch.walk(type, header).problems).toEqual([]);
    handle.set('a', undefined);
    expect(handle.get('a')?.size).toBe(0);
    handle.clear();
    expect(scratch.liveBlocks()).toBe(empty);
  });

  it('whose making changes the same tree find their place all the same', () => {
    const scratch = openScratch();
    const type = tree(text(), Account);
    const { handle, header } = scratch.make(type);
    handle.set('m', { owner: 'M', balance: 0 });
    const input = {
      balance: 1,
      get owner(): string {
        for (let k = 0; k < 40; k++) handle.set(`m${k}`, { owner: 'inner', balance: k });
        handle.delete('m');
        return 'outer';
      },
    };
    handle.set('ma', input);
    expect(handle.get('ma')?.owner).toBe('outer');
    expect(handle.size).toBe(41);
    expect(scratch.walk(type, header).problems).toEqual([]);
  });
});

describe('refusals', () => {
  it.each([
    ['an unknown option', { from: 1 }],
    ['gt with gte', { gt: 1, gte: 1 }],
    ['a negative limit', { limit: -1 }],
    ['a prefix of numbers', { prefix: 1 }],
  ])('%s: RANGE_INVALID', (_, range) => {
    const { handle } = openScratch().make(tree(f64(), f64()));
    expect(() => handle.range(range as never)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }));
  });

  it('a key that is refused changes nothing', () => {
    const { handle } = openScratch().make(tree(f64(), f64()));
    expect(() => handle.set(Number.NaN, 1)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    expect(handle.size).toBe(0);
  });

  it('writing inside a read section: TRANSACTION_IN_READ', () => {
    const scratch = openScratch();
    const { handle } = scratch.make(tree(f64(), f64()));
    expect(() => scratch.read(() => handle.set(1, 1))).toThrow(
      expect.objectContaining({ code: 'TRANSACTION_IN_READ' }),
    );
  });

  it('a full store fails the level it filled, and the program may go on around that level', () => {
    const scratch = openScratch(2 ** 20);
    const type = tree(f64(), text());
    const { handle, header } = scratch.make(type);
    scratch.transaction(() => {
      let key = 0;
      const overfill = (): void => {
        for (;;) handle.set(key++, 'x'.repeat(200));
      };
      expect(() => scratch.transaction(overfill)).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
      expect(handle.size).toBe(0);
      handle.set(-1, 'goes on');
    });
    expect([...handle]).toEqual([[-1, 'goes on']]);
    const walk = scratch.walk(type, header);
    expect(walk.problems).toEqual([]);
    expect(scratch.liveBlocks()).toBe(walk.owned.length);
  });
});
