// Transactions over the heap: all or nothing, nested ones undo themselves alone, and the heap's words come back exactly.

import { Heap, openPrivateStore, type StoreSegments } from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RedoDoor } from '../src/redo/redo-door.ts';
import { Transactions } from '../src/transaction.ts';

const LAYOUT = 64;

interface Fixture {
  readonly native: StoreSegments;
  readonly door: RedoDoor;
  readonly heap: Heap;
  readonly transactions: Transactions;
}

function open(sizeBytes = 2 ** 21): Fixture {
  const native = openPrivateStore({ sizeBytes });
  const door = new RedoDoor(native);
  const heap = new Heap(door);
  return { native, door, heap, transactions: new Transactions(native, door, heap) };
}

function write(fixture: Fixture, block: number, value: number): void {
  const i = fixture.door.own(block, block + 1, 1);
  fixture.door.words[i] = value;
}

function read(fixture: Fixture, block: number): number {
  const i = fixture.door.at(block + 1);
  return fixture.door.words[i] as number;
}

/** Main's words but for the stamp counter (never rolled back) and the payload of free blocks (means nothing). */
function fingerprint(fixture: Fixture, live: Iterable<number>): string {
  const words = new Int32Array(fixture.native.windows[0] as ArrayBuffer);
  const table = Array.from(words.subarray(0, 2048)).filter((_, index) => index !== 22 && index !== 20 && index !== 21);
  const blocks = [...live].map((block) => `${block}:${words.subarray(block * 4, block * 4 + 8).join()}`);
  return `${table.join()}|${blocks.join(';')}`;
}

describe('a transaction', () => {
  test('keeps its changes when it returns, and none when it throws', () => {
    const fixture = open();
    const block = fixture.transactions.transaction(() => {
      const made = fixture.heap.allocate(LAYOUT, 100);
      write(fixture, made, 7);
      return made;
    });
    expect(read(fixture, block)).toBe(7);
    const before = fingerprint(fixture, [block]);
    expect(() =>
      fixture.transactions.transaction(() => {
        write(fixture, block, 8);
        expect(read(fixture, block)).toBe(8);
        for (let n = 0; n < 500; n++) fixture.heap.allocate(LAYOUT, 16 + n * 40);
        fixture.heap.free(block);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(fingerprint(fixture, [block])).toBe(before);
    expect(fixture.heap.isLive(block, fixture.heap.stampOf(block))).toBe(true);
  });

  test('refuses a promise and rolls back', () => {
    const fixture = open();
    const before = fingerprint(fixture, []);
    expect(() => fixture.transactions.transaction(async () => fixture.heap.allocate(LAYOUT, 8))).toThrow(
      expect.objectContaining({ code: 'ASYNC_TRANSACTION' }),
    );
    expect(fingerprint(fixture, [])).toBe(before);
  });

  test('is refused inside a read section', () => {
    const fixture = open();
    expect(() => fixture.transactions.read(() => fixture.transactions.transaction(() => 1))).toThrow(
      expect.objectContaining({ code: 'TRANSACTION_IN_READ' }),
    );
  });

  test('frees at the commit, clears the birth stamp, and the block is used again', () => {
    const fixture = open();
    const { heap, transactions } = fixture;
    const block = transactions.transaction(() => heap.allocate(LAYOUT, 100));
    const stamp = heap.stampOf(block);
    transactions.transaction(() => {
      heap.free(block);
      expect(heap.isLive(block, stamp)).toBe(true);
    });
    expect(heap.isLive(block, stamp)).toBe(false);
    expect(() => transactions.transaction(() => heap.free(block))).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    );
    const again = transactions.transaction(() => heap.allocate(LAYOUT, 100));
    expect(again).toBe(block);
    expect(heap.isLive(block, stamp)).toBe(false);
  });

  test('a block freed twice in one transaction is refused and everything is rolled back', () => {
    const fixture = open();
    const { heap, transactions } = fixture;
    const block = transactions.transaction(() => heap.allocate(LAYOUT, 100));
    expect(() =>
      transactions.transaction(() => {
        heap.free(block);
        heap.free(block);
      }),
    ).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(heap.isLive(block, heap.stampOf(block))).toBe(true);
  });
});

describe('a nested transaction', () => {
  test('that fails undoes itself alone, also in blocks the outer one made', () => {
    const fixture = open();
    const { transactions, heap } = fixture;
    const old = transactions.transaction(() => heap.allocate(LAYOUT, 16));
    transactions.transaction(() => write(fixture, old, 1));
    const made = transactions.transaction(() => {
      write(fixture, old, 2);
      const fresh = heap.allocate(LAYOUT, 16);
      write(fixture, fresh, 3);
      transactions.transaction(() => write(fixture, fresh, 4));
      expect(() =>
        transactions.transaction(() => {
          write(fixture, old, 5);
          write(fixture, fresh, 6);
          transactions.transaction(() => write(fixture, fresh, 60));
          heap.free(fresh);
          heap.free(heap.allocate(LAYOUT, 16));
          throw new Error('inner');
        }),
      ).toThrow('inner');
      expect(read(fixture, old)).toBe(2);
      expect(read(fixture, fresh)).toBe(4);
      return fresh;
    });
    expect([read(fixture, old), read(fixture, made)]).toEqual([2, 4]);
  });

  test('whose failure comes from a stack overflow leaves no half of itself behind', () => {
    const fixture = open();
    const { transactions, heap } = fixture;
    const block = transactions.transaction(() => heap.allocate(LAYOUT, 16));
    const deep = (): void => {
      write(fixture, block, read(fixture, block) + 1);
      deep();
    };
    let outcome = 'committed';
    try {
      transactions.transaction(() => {
        try {
          transactions.transaction(deep);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          outcome = 'inner failed';
        }
      });
    } catch {
      outcome = 'rolled back';
    }
    expect(outcome).not.toBe('committed');
    expect(read(fixture, block)).toBe(0);
  });
});

describe('model', () => {
  const operation = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('make' as const), bytes: fc.oneof(fc.nat(300), fc.nat(40_000)) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const), pick: fc.nat(), value: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('free' as const), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), fails: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
  );

  test.each(['begin', 'first-write'] as const)(
    'random nested transactions give what a map with copies gives, the lock taken at %s',
    (lock) => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
          const fixture = open(2 ** 24);
          const { transactions, heap } = fixture;
          let model = new Map<number, number>();
          let position = 0;
          const run = (depth: number): void => {
            while (position < operations.length) {
              const next = operations[position++] as (typeof operations)[number];
              if (next.kind === 'end' && depth > 0) return;
              if (next.kind === 'begin') {
                const copy = new Map(model);
                try {
                  transactions.transaction(() => {
                    run(depth + 1);
                    if (next.fails) throw new Error('planned');
                  }, lock);
                } catch (error) {
                  if (!(error instanceof Error) || error.message !== 'planned') throw error;
                  model = copy;
                }
                continue;
              }
              const keys = [...model.keys()];
              const step = (): void => {
                if (next.kind === 'make') {
                  const block = heap.allocate(LAYOUT, next.bytes + 4);
                  expect(model.has(block)).toBe(false);
                  expect(read(fixture, block)).toBe(0);
                  model.set(block, 0);
                } else if (next.kind === 'write' && keys.length > 0) {
                  const block = keys[next.pick % keys.length] as number;
                  write(fixture, block, next.value);
                  model.set(block, next.value);
                } else if (next.kind === 'free' && keys.length > 0) {
                  const block = keys[next.pick % keys.length] as number;
                  heap.free(block);
                  model.delete(block);
                }
              };
              transactions.transaction(step, lock);
              for (const [block, value] of model) {
                heap.check(block, LAYOUT);
                if (read(fixture, block) !== value)
                  throw new Error(`block ${block}: ${read(fixture, block)} instead of ${value}`);
              }
            }
          };
          run(0);
        }),
        { numRuns: 150 },
      );
    },
  );
});
