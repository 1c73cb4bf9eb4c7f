// Transactions that take the write lock at their first write: no update is lost, the body runs twice at most, and whoever only reads locks nobody out.

import { readFileSync } from 'node:fs';
import { f64, text } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { destroyStore } from '../src/index.ts';
import { openStore, type Store } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';
import { ChildProgram } from './support/child-program.ts';

const roots = { total: counter(), names: tree(text(), f64()), lines: list(text()) };
const LATER = { lock: 'first-write' } as const;

let count = 0;
let name: string;
/** The store under test, and a second handle that plays the other process: it commits in the middle of a body. */
let store: Store<typeof roots>;
let other: Store<typeof roots>;
const children: ChildProgram[] = [];

beforeEach(() => {
  name = `test-${process.pid}-lock-${count++}`;
  store = openStore({ name, sizeBytes: 2 ** 20, root: roots });
  other = openStore({ name, root: roots });
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  store.close();
  other.close();
  destroyStore(name, { force: true });
});

const code = (value: string): unknown => expect.objectContaining({ code: value });

describe('two processes that read, then write', { timeout: 60_000 }, () => {
  beforeEach(() => {
    programs = 0;
  });
  let programs = 0;
  const add = async (way: string, times: number): Promise<number> => {
    programs += 2;
    const adders = [0, 1].map(() => new ChildProgram('add-after-reading.mjs', [name, times, way, programs]));
    children.push(...adders);
    const reports = await Promise.all(adders.map((adder) => adder.next()));
    expect(await Promise.all(adders.map((adder) => adder.ended))).toEqual(['0', '0']);
    return reports.reduce((sum, { again }) => sum + (again as number), 0);
  };

  test('lose no update, though bodies ran again', async () => {
    const again = await add('careful', 30_000);
    expect(store.root.total.value).toBe(60_000);
    expect(again).toBeGreaterThan(0);
    expect(again).toBeLessThanOrEqual(60_000);
  });

  test('planted bug: not looking for a commit after the lock was taken loses updates', async () => {
    // It takes two processes that really run at the same time, which a busy machine may not give at once.
    let added = 0;
    do {
      await add('careless', 30_000);
      added += 60_000;
    } while (store.root.total.value === added && added < 600_000);
    expect(store.root.total.value).toBeLessThan(added);
  });
});

describe('a body beside which somebody commits', () => {
  test('after its first read and before its first write runs once more, under the lock, and its second run counts', () => {
    const { total } = store.root;
    const seen: number[] = [];
    const result = store.transaction(() => {
      seen.push(total.value);
      if (seen.length === 1) other.root.total.add(10);
      total.set(total.value + 1);
      return total.value;
    }, LATER);
    expect({ result, seen, value: total.value }).toEqual({ result: 11, seen: [0, 10], value: 11 });
  });

  test('runs twice at most: the second run has the lock from its start', () => {
    let runs = 0;
    expect(() =>
      store.transaction(() => {
        runs++;
        store.root.total.value;
        other.root.total.add(10);
        store.root.total.add(1);
      }, LATER),
    ).toThrow(code('IN_TRANSACTION'));
    expect(runs).toBe(2);
    expect(store.root.total.value).toBe(10);
  });

  test('and which swallows what its writes throw is refused every one and runs again', () => {
    const { total, names, lines } = store.root;
    const refused: string[] = [];
    let runs = 0;
    const writes = [
      () => total.add(1),
      () => names.set('a', 1),
      () => lines.push('x'),
      () => store.transaction(() => total.add(5), LATER),
    ];
    const result = store.transaction(() => {
      const first = ++runs === 1;
      total.value;
      if (first) other.root.total.add(10);
      for (const write of writes) {
        try {
          write();
        } catch (error) {
          refused.push((error as Error).name);
        }
      }
      return `run ${runs}`;
    }, LATER);
    expect({ result, runs, refused }).toEqual({ result: 'run 2', runs: 2, refused: writes.map(() => 'ReadRestart') });
    expect([total.value, names.size, lines.length]).toEqual([16, 1, 1]);
  });

  test('while it reads sees one moment, whatever it does with the errors', () => {
    const { total, names } = store.root;
    const seen: [number, number][] = [];
    store.transaction(() => {
      const before = total.value;
      if (seen.length === 0) other.transaction(() => other.root.names.set(`${other.root.total.add(1)}`, 1));
      seen.push([before, names.size]);
    }, LATER);
    expect(seen.at(-1)).toEqual([1, 1]);
    expect(seen.length).toBe(2);
  });

  test('and which throws because of what it saw runs again', () => {
    let runs = 0;
    const result = store.transaction(() => {
      const before = store.root.total.value;
      if (runs++ === 0) other.root.total.add(1);
      if (store.root.total.value !== before) throw new Error('half of two moments');
      return before;
    }, LATER);
    expect([result, runs]).toEqual([1, 2]);
  });
});

describe('a body that takes the lock later', () => {
  test('and never writes takes none: it ends beside a stopped writer, and commits nothing', async () => {
    const writer = new ChildProgram('stop-in-transaction.mjs', [name]);
    children.push(writer);
    while (!isStopped(writer)) await new Promise((resolve) => setImmediate(resolve));
    const before = store.status;
    expect(store.transaction(() => store.root.total.value + store.root.names.size, LATER)).toBe(0);
    expect(store.status).toEqual(before);
    writer.process.kill('SIGCONT');
    expect(await writer.ended).toBe('0');
    expect(store.root.total.value).toBe(1000);
  });

  test('says that it is a transaction, and no read section, before and after its first write', () => {
    const states = (): boolean[] => [store.isInTransaction, store.isInRead];
    expect(states()).toEqual([false, false]);
    store.transaction(() => {
      expect(states()).toEqual([true, false]);
      expect(() => store.close()).toThrow(code('IN_TRANSACTION'));
      store.root.total.add(1);
      expect(states()).toEqual([true, false]);
    }, LATER);
    expect(states()).toEqual([false, false]);
  });

  test('rolls back what it wrote when it throws, and lets errors out also when it wrote nothing', () => {
    for (const writes of [false, true]) {
      expect(() =>
        store.transaction(() => {
          if (writes) store.root.total.add(1);
          throw new Error('no');
        }, LATER),
      ).toThrow('no');
      expect(store.root.total.value).toBe(0);
      expect(() => store.transaction(async () => writes && store.root.total.add(1), LATER)).toThrow(
        code('ASYNC_TRANSACTION'),
      );
      expect(store.root.total.value).toBe(0);
    }
    store.root.total.add(1);
  });

  test('and writes first in a nested transaction: that one undoes itself alone', () => {
    const { total, lines } = store.root;
    store.transaction(() => {
      lines.length;
      expect(() =>
        store.transaction(() => {
          store.transaction(() => lines.push('inner'), LATER);
          total.add(7);
          throw new Error('no');
        }, LATER),
      ).toThrow('no');
      expect([total.value, lines.length]).toEqual([0, 0]);
      store.transaction(() => total.add(1), LATER);
    }, LATER);
    expect([total.value, lines.length]).toEqual([1, 0]);
  });

  test('takes it at once for a nested transaction that wants it at its begin', () => {
    const { total } = store.root;
    let runs = 0;
    store.transaction(() => {
      runs++;
      total.value;
      store.transaction(() => {
        expect(() => other.root.total.add(1)).toThrow(code('IN_TRANSACTION'));
      });
      total.add(1);
    }, LATER);
    expect([runs, total.value]).toEqual([1, 1]);
  });

  test('is refused inside a read section, and other options are', () => {
    expect(() => store.read(() => store.transaction(() => 1, LATER))).toThrow(code('TRANSACTION_IN_READ'));
    expect(() => store.transaction(() => 1, { lock: 'never' as 'begin' })).toThrow(TypeError);
    expect(() => store.transaction(() => 1, { wait: 1 } as never)).toThrow(TypeError);
  });

  test('of stack overflows before, at and after its first write none leaves anything behind', () => {
    const { total, lines } = store.root;
    let begun = 0;
    let failed = 0;
    const overflow = (): number => overflow() + 1;
    const descend = (every: number, writes: boolean): number => {
      let frames: number;
      try {
        frames = descend(every, writes) + 1;
      } catch {
        return 0;
      }
      if (frames % every === 0 && frames <= every * 40) {
        try {
          store.transaction(() => {
            begun++;
            if (writes) lines.push(`${total.value}`);
            return overflow();
          }, LATER);
        } catch {
          failed++;
        }
      }
      return frames;
    };
    for (const every of [1, 2, 3, 5, 8, 13, 21, 34]) {
      descend(every, every % 2 === 0);
      expect([store.isInTransaction, store.isInRead, lines.length]).toEqual([false, false, 0]);
      other.root.total.add(1);
      store.root.total.add(1);
    }
    expect(failed).toBe(320);
    expect(begun).toBeGreaterThan(50);
    expect(total.value).toBe(16);
  });

  test('in a worker that is terminated before, at and after its first write leaves the lock free', {
    timeout: 60_000,
  }, async () => {
    const program = new ChildProgram('end-while-reading.mjs', [name]);
    children.push(program);
    expect(await program.next()).toEqual({ total: 6 });
    expect(await program.ended).toBe('0');
  });
});

function isStopped(child: ChildProgram): boolean {
  if (!child.isRunning) throw new Error(child.errors);
  const stat = readFileSync(`/proc/${child.process.pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}
