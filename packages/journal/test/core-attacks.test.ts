// Attacks on the seams of transactions: errors caught half-way, frees that cross levels, bytes that lie about themselves, handles closed or used at the wrong time.

import { destroyStore, f64, Heap, openPrivateStore, ShmStoreError, type StoreSegments, text } from '@mofo/shm-store';
import { afterAll, describe, expect, it } from 'vitest';
import { list } from '../src/collections/list.ts';
import { queue } from '../src/collections/queue.ts';
import { RedoDoor } from '../src/redo/redo-door.ts';
import { openStore, Store } from '../src/store.ts';
import { Transactions } from '../src/transaction.ts';
import { tree } from '../src/tree/tree-type.ts';
import { checkHeap, ownedBlocks } from './support/check-heap.ts';

const roots = { names: tree(text(), text()), lines: list(text()), numbers: list(f64()), waiting: queue(text()) };

function openTest(sizeBytes = 2 ** 20, change: (native: StoreSegments) => void = () => undefined) {
  const native = openPrivateStore({ sizeBytes });
  change(native);
  const store = new Store('attacked', native, roots);
  const check = (): string[] => {
    const { problems, live } = checkHeap(new Uint8Array(native.windows[0] as ArrayBuffer));
    const owned = ownedBlocks(store.memory, problems);
    for (const block of live) if (!owned.has(block)) problems.push(`block ${block} leaked`);
    for (const block of owned) if (!live.has(block)) problems.push(`block ${block} is owned and not live`);
    return problems;
  };
  return { native, store, check };
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String((error as Error).stack);

const full = (): never => {
  throw new ShmStoreError('SHM_FULL', 'planned');
};

describe('an error that is caught inside the transaction', () => {
  const changes: Record<string, (store: Store<typeof roots>) => void> = {
    'tree.set': (store) => void store.root.names.set('key', 'v'.repeat(500)),
    'tree.delete': (store) => void store.root.names.delete('name 7'),
    'list.push': (store) => void store.root.lines.push('v'.repeat(500)),
    'list.insert': (store) => void store.root.lines.insert(3, 'v'),
    'list.remove': (store) => void store.root.lines.remove(2),
    'queue.push': (store) => void store.root.waiting.push('v'.repeat(90)),
    'queue.shift': (store) => void store.root.waiting.shift(),
    'a large value': (store) => void store.root.lines.push('v'.repeat(50_000)),
  };
  const prepare = (store: Store<typeof roots>): void => {
    for (let k = 0; k < 62; k++) {
      store.root.names.set(`name ${k}`, `value ${k}`);
      store.root.lines.push(`line ${k}`);
      store.root.waiting.push(`task ${k}`);
    }
  };

  for (const [name, change] of Object.entries(changes)) {
    it(`never commits half of ${name}, whichever undo entry or image finds no memory`, () => {
      let failures = 0;
      for (let after = 0; after < 40; after++) {
        for (const nested of [false, true]) {
          const { store, check } = openTest();
          prepare(store);
          const before = store.root.lines.toArray();
          const door = store.memory.door as RedoDoor;
          const limits = door as unknown as { undoReservedEntries: number; journalReservedWords: number };
          const insides = door as unknown as { native: StoreSegments };
          insides.native = Object.assign(Object.create(insides.native) as StoreSegments, {
            reserveUndo: full,
            reserveJournal: full,
            reserveMain: full,
          });
          let caught = false;
          const attempt = (): void => {
            limits.undoReservedEntries = after % 20;
            limits.journalReservedWords = after < 20 ? 2 ** 16 : (after - 20) * 4;
            try {
              change(store);
            } catch (error) {
              expect(codeOf(error)).toBe('SHM_FULL');
              caught = true;
            }
          };
          let outcome = 'committed';
          try {
            store.transaction(() => {
              if (!nested) attempt();
              else {
                try {
                  store.transaction(attempt);
                } catch (error) {
                  expect(codeOf(error)).toBe('SHM_FULL');
                }
              }
            });
          } catch (error) {
            expect(codeOf(error)).toBe('SHM_FULL');
            outcome = 'rolled back';
          }
          if (caught) {
            failures++;
            if (!nested) expect(outcome).toBe('rolled back');
            expect(store.root.lines.toArray()).toEqual(before);
          }
          expect({ after, nested, problems: check() }).toEqual({ after, nested, problems: [] });
        }
      }
      expect(failures).toBeGreaterThan(0);
    });

    it(`never commits half of ${name}, cut short by a stack overflow`, () => {
      let overflows = 0;
      for (let turn = 0; turn < 12; turn++) {
        const { store, check } = openTest();
        prepare(store);
        // Down to the end of the stack, and on the way back one try a frame, each with a little more room than the one before.
        let done = false;
        const climb = (padding: number): void => {
          try {
            climb(padding);
          } catch {
            // The first error is the stack's end itself.
          }
          if (done) return;
          try {
            change(store);
            done = true;
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            overflows++;
          }
        };
        const shifted = (frames: number): void => (frames === 0 ? climb(turn) : shifted(frames - 1));
        try {
          store.transaction(() => shifted(turn));
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
        expect({ turn, problems: check() }).toEqual({ turn, problems: [] });
      }
      expect(overflows).toBeGreaterThan(0);
    });
  }

  it('leaves a queue sound when a value is refused', () => {
    const { store, check } = openTest();
    store.transaction(() => {
      expect(() => store.root.waiting.push(5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    });
    expect(check()).toEqual([]);
  });

  it('of an outer level is not forgotten when an inner one fails and is undone', () => {
    const { store, check } = openTest();
    const { heap } = store.memory;
    expect(() =>
      store.transaction(() => {
        expect(() => heap.allocate(64, 2 ** 22)).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
        expect(() =>
          store.transaction(() => {
            throw new Error('inner');
          }),
        ).toThrow('inner');
      }),
    ).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
    store.transaction(() => {
      expect(() => store.transaction(() => heap.allocate(64, 2 ** 22))).toThrow();
      store.root.lines.push('goes on');
    });
    expect(store.root.lines.toArray()).toEqual(['goes on']);
    expect(check()).toEqual([]);
  });
});

describe('frees', () => {
  it('a block freed by an inner level and again by the outer one never frees what was made in its place', () => {
    const { store } = openTest();
    const { heap } = store.memory;
    let again = 0;
    expect(() =>
      store.transaction(() => {
        const block = heap.allocate(64, 100);
        store.transaction(() => heap.free(block));
        heap.free(block);
        again = heap.allocate(64, 100);
        expect(again).toBe(block);
      }),
    ).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });
});

describe('bytes that lie', () => {
  function openRaw() {
    const native = openPrivateStore({ sizeBytes: 2 ** 20 });
    const door = new RedoDoor(native);
    const heap = new Heap(door);
    return {
      words: new Int32Array(native.windows[0] as ArrayBuffer),
      door,
      heap,
      transactions: new Transactions(native, door, heap),
    };
  }

  it('a header with an id of the future does not make its block fresh', () => {
    const { words, door, heap, transactions } = openRaw();
    const block = transactions.transaction(() => heap.allocate(64, 16));
    words[block * 4 + 2] = -1;
    words[block * 4 + 3] = (words[block * 4 + 3] as number) | 0xffff;
    expect(() =>
      transactions.transaction(() => {
        const i = door.own(block, block + 1, 1);
        door.words[i] = 5;
        expect(words[(block + 1) * 4]).toBe(0);
        expect(door.isFreshAtLevel(block)).toBe(false);
        throw new Error('planned');
      }),
    ).toThrow('planned');
    expect(words[(block + 1) * 4]).toBe(0);
  });

  it('a slab that says it has handed out more than it has proves no block beyond its end', () => {
    const { words, heap, transactions } = openRaw();
    const block = transactions.transaction(() => heap.allocate(64, 1300));
    const slab = block >>> 10;
    words[(256 + slab) * 4 + 1] = 0xffff << 16;
    const beyond = (slab << 10) + 12 * 85;
    for (let check = 0; check < 256; check++) {
      words[beyond * 4] = 64;
      words[beyond * 4 + 1] = 1;
      words[beyond * 4 + 3] = (0xaa << 16) | (check << 24);
      expect(heap.isLive(beyond, 1)).toBe(false);
    }
  });

  it('a heap that says it ends beyond the slab table is CORRUPT, not undefined bytes', () => {
    const { words, heap } = openRaw();
    words[25] = 0x7fffffff;
    for (const block of [2 ** 28, 2 ** 30, -5])
      expect(() => heap.prove(block)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it('a heap that says it ends before it begins is CORRUPT, also when it is to grow', () => {
    const { words, heap, transactions } = openRaw();
    for (const end of [-0x100000, -1, 0]) {
      words[25] = end;
      const grow = (): number => transactions.transaction(() => heap.allocate(64, 40_000));
      expect(grow).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    }
  });
});

describe('handles', () => {
  const names: string[] = [];
  const name = (): string => {
    names.push(`test-${process.pid}-attack-${names.length}`);
    return names.at(-1) as string;
  };
  afterAll(() => {
    for (const left of names) destroyStore(left, { force: true });
  });

  it('a store closed inside its own transaction refuses, stays open, and closes afterwards', () => {
    const store = openStore({ name: name(), sizeBytes: 2 ** 20, root: roots });
    store.transaction(() => {
      expect(() => store.close()).toThrow(expect.objectContaining({ code: 'IN_TRANSACTION' }));
      store.root.lines.push('kept');
    });
    expect(store.root.lines.length).toBe(1);
    expect(store.status.commitCount).toBeGreaterThan(0);
    store.close();
    store.close();
    expect(() => store.status).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(destroyStore(store.name)).toBe(true);
  });

  it('a private store closed inside its own transaction does the same', () => {
    const { store, native } = openTest();
    store.transaction(() => {
      expect(() => store.close()).toThrow(expect.objectContaining({ code: 'IN_TRANSACTION' }));
      expect(() => native.close()).toThrow(expect.objectContaining({ code: 'IN_TRANSACTION' }));
      expect(() => native.transaction(() => 0)).toThrow(expect.objectContaining({ code: 'IN_TRANSACTION' }));
    });
  });

  it('two handles of one thread: the second is told that the first is in a transaction, and neither loses anything', () => {
    const first = openStore({ name: name(), sizeBytes: 2 ** 20, root: roots });
    const second = openStore({ name: first.name, root: roots });
    first.transaction(() => {
      first.root.lines.push('one');
      expect(() => second.root.lines.push('two')).toThrow(expect.objectContaining({ code: 'IN_TRANSACTION' }));
      expect(second.root.lines.length).toBe(0);
      first.root.lines.push('three');
    });
    second.root.lines.push('four');
    expect(first.root.lines.toArray()).toEqual(['one', 'three', 'four']);
    first.close();
    second.close();
    destroyStore(first.name);
  });

  it('a watch that is closed by another watch is not called any more', async () => {
    const { store } = openTest();
    const called: string[] = [];
    const first = store.watch(() => {
      called.push('first');
      second.close();
      store.transaction(() => undefined);
      first.close();
    });
    const second = store.watch(() => called.push('second'));
    store.root.lines.push('x');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(called).toEqual(['first']);
  });
});
