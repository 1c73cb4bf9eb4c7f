// Transactions far beyond one step of the journal's reservation, over thousands of trees, and what other processes are told of commits.

import { f64, struct, text } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { destroyStore } from '../src/index.ts';
import { openStore } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';
import { ChildProgram } from './support/child-program.ts';

const MIB = 2 ** 20;
let count = 0;
let name: string;
const children: ChildProgram[] = [];
const stores: { close(): void }[] = [];

beforeEach(() => {
  name = `test-${process.pid}-large-${count++}`;
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  for (const store of stores.splice(0)) store.close();
  destroyStore(name, { force: true });
});

describe('a transaction', { timeout: 60_000 }, () => {
  test('of 112 MiB of journal happens as a whole, and one that fails at its end not at all', () => {
    const store = openStore({ name, sizeBytes: 256 * MIB });
    stores.push(store);
    const { door, heap } = store.memory;
    const BLOCKS = 14;
    const blocks = store.transaction(() => Array.from({ length: BLOCKS }, () => heap.allocate(64, 8 * MIB - 16)));
    const granules = (8 * MIB - 16) / 16;
    const fill = (value: number): void => {
      for (const block of blocks) {
        const i = door.own(block, block + 1, granules);
        door.words.fill(value, i, i + granules * 4);
      }
    };
    const values = (): Set<number> => {
      const seen = new Set<number>();
      for (const block of blocks) {
        const i = door.at(block + 1);
        for (let k = 0; k < granules * 4; k += 1021) seen.add(door.words[i + k] as number);
        seen.add(door.words[i + granules * 4 - 1] as number);
      }
      return seen;
    };
    store.transaction(() => fill(7));
    expect(values()).toEqual(new Set([7]));
    expect(() =>
      store.transaction(() => {
        fill(8);
        expect(values()).toEqual(new Set([8]));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(values()).toEqual(new Set([7]));
    store.transaction(() => {
      expect(() =>
        store.transaction(() => {
          fill(9);
          throw new Error('inner');
        }),
      ).toThrow('inner');
      fill(10);
    });
    expect(values()).toEqual(new Set([10]));
  });

  test('that touches 5,000 trees changes all of them or none', () => {
    const store = openStore({ name, sizeBytes: 64 * MIB, root: { trees: tree(f64(), tree(text(), f64())) } });
    stores.push(store);
    const { trees } = store.root;
    const TREES = 5000;
    store.transaction(() => {
      for (let k = 0; k < TREES; k++) trees.ensure(k).set('first', k);
    });
    const sum = (key: string): number =>
      store.read(() => [...trees.values()].reduce((total, inner) => total + (inner.get(key) ?? 0), 0));
    const change = (): void => {
      for (let k = 0; k < TREES; k++) {
        trees
          .get(k)
          ?.set('first', k + 1)
          .set('second', 1);
      }
    };
    const before = sum('first');
    expect(() =>
      store.transaction(() => {
        change();
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([sum('first'), sum('second')]).toEqual([before, 0]);
    store.transaction(change);
    expect([sum('first'), sum('second')]).toEqual([before + TREES, TREES]);
  });
});

describe('what another process commits', { timeout: 60_000 }, () => {
  const Account = struct('Account', { balance: f64() });
  const roots = { accounts: tree(text(), Account), total: counter(), other: counter() };

  test('is told to who watches: everything, or what may have changed a root', async () => {
    const store = openStore({ name, sizeBytes: MIB, root: roots });
    stores.push(store);
    store.root.accounts.set('alice', {});
    const calls = { any: 0, total: 0, accounts: 0 };
    store.watch(() => calls.any++);
    store.watch('total', () => calls.total++);
    const ended = store.watch('accounts', () => calls.accounts++);
    const child = new ChildProgram('change-on-demand.mjs', [name]);
    children.push(child);
    await child.next();
    const changed = async (what: string): Promise<typeof calls> => {
      const before = calls.any;
      child.say(what);
      await child.next();
      await expect.poll(() => calls.any).toBeGreaterThan(before);
      return { ...calls };
    };
    // What the child did while it opened the store is told by now or together with the first.
    const first = await changed('other');
    expect(first.total).toBe(0);
    const second = await changed('total');
    expect(second.total).toBe(1);
    const third = await changed('account');
    expect(third.total).toBe(1);
    expect(third.accounts).toBeGreaterThan(second.accounts);
    ended.close();
    const fourth = await changed('other');
    expect(fourth).toMatchObject({ total: 1, accounts: third.accounts });
  });

  test('cannot be watched under a name that is no declared root', () => {
    const store = openStore({ name, sizeBytes: MIB, root: roots });
    stores.push(store);
    expect(() => store.watch('nothing' as 'total', () => undefined)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ROOT' }),
    );
  });
});
