// Plain tasks lie in bundles, many to a block. Everything that can become of a task can become of one of these, and order and counts do not show where it lies.

import { counter } from '@mofo/journal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openScheduler, type Scheduler } from '../src/index.ts';
import { openTrees } from '../src/storage.ts';
import { checkInvariants } from './check-invariants.ts';
import { privateStore } from './private-store.ts';

let store = privateStore();

beforeEach(() => {
  store = privateStore(16 * 2 ** 20);
});

afterEach(() => checkInvariants(store));

function bundleCount(): number {
  return openTrees(store).bundles.size;
}

describe('plain tasks', () => {
  test('run in the order of their priorities, then of their ids, whichever way they wait', () => {
    const ran: unknown[] = [];
    const scheduler = openScheduler(store, { tasks: { a: (n: number) => ran.push(n) } });
    const expected: [number, number][] = [];
    store.transaction(() => {
      for (let n = 0; n < 500; n++) {
        const priority = n % 3;
        // Every seventh is a record of its own.
        scheduler.enqueue('a', n, n % 7 === 0 ? { priority, deadline: '1h' } : { priority });
        expected.push([priority, n]);
      }
    });
    expect(scheduler.list('ready', { limit: 1000 }).length).toBe(500);
    expect(scheduler.runBatch(1000).length).toBe(500);
    expected.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    expect(ran).toEqual(expected.map(([, n]) => n));
    expect(scheduler.status).toMatchObject({ ready: 0, running: 0, completed: 500 });
    expect(bundleCount(), 'an empty one of priority 0 is kept').toBeLessThanOrEqual(1);
  });

  test.each([
    ['none', undefined],
    ['a number', 1.5],
    ['text beyond latin1', 'Grüße, 世界 🙂'],
    ['the longest that fits', 'x'.repeat(510)],
    ['one that does not fit', 'x'.repeat(511)],
    ['a long one', 'é'.repeat(10_000)],
  ])('keep their payload: %s', (_, payload) => {
    const got: unknown[] = [];
    const scheduler = openScheduler(store, { tasks: { a: (given: unknown) => got.push(given) } });
    const id = scheduler.enqueue('a', payload);
    expect(scheduler.get(id)).toMatchObject({ state: 'ready', payload, attempt: 0 });
    scheduler.runNext();
    expect(got).toEqual([payload]);
    expect(scheduler.get(id)).toBeUndefined();
  });

  test('of names that take turns, and of names beyond latin1, keep their name', () => {
    const ran: string[] = [];
    const names = ['one', 'two', 'drei ß', '四'];
    const tasks = Object.fromEntries(names.map((name) => [name, () => void ran.push(name)]));
    const scheduler = openScheduler(store, { tasks });
    for (let n = 0; n < 40; n++) scheduler.enqueue(names[n % 4] as string);
    scheduler.runBatch(100);
    expect(ran).toEqual(Array.from({ length: 40 }, (_, n) => names[n % 4]));
  });

  test('one after the other use one bundle again and again', () => {
    const scheduler = openScheduler(store, { tasks: { a: () => {} } });
    for (let n = 0; n < 300; n++) {
      scheduler.enqueue('a', n);
      scheduler.runNext();
    }
    expect(bundleCount()).toBe(1);
  });

  test('that a handler enqueues are seen in the same transaction', () => {
    const ran: number[] = [];
    const scheduler: Scheduler = openScheduler(store, {
      tasks: {
        a: (n: number) => {
          ran.push(n);
          if (n < 100) scheduler.enqueue('a', n + 1);
        },
      },
    }) as unknown as Scheduler;
    scheduler.enqueue('a', 0);
    expect(scheduler.runBatch(1000).length).toBe(101);
    expect(ran).toEqual(Array.from({ length: 101 }, (_, n) => n));
  });

  test('are cancelled where they wait; the others of the bundle go on', () => {
    const ran: number[] = [];
    const scheduler = openScheduler(store, { tasks: { a: (n: number) => ran.push(n) } });
    const ids = Array.from({ length: 10 }, (_, n) => scheduler.enqueue('a', n));
    for (const n of [0, 1, 5, 9]) expect(scheduler.cancel(ids[n] as number)).toBe('cancelled');
    expect(scheduler.cancel(ids[0] as number)).toBe('unknown');
    expect(scheduler.get(ids[5] as number)).toBeUndefined();
    scheduler.runBatch(100);
    expect(ran).toEqual([2, 3, 4, 6, 7, 8]);
    expect(scheduler.status).toMatchObject({ cancelled: 4, completed: 6, ready: 0 });
  });

  test('that throw undo themselves alone, and wait for their retry', () => {
    const { done } = store.addRoots({ done: counter() });
    const scheduler = openScheduler(store, {
      tasks: {
        a: {
          retries: 1,
          backoffDelay: '1h',
          handler: (n: number) => {
            done.add(1);
            if (n === 3) throw new Error('three');
          },
        },
      },
    });
    const ids = Array.from({ length: 6 }, (_, n) => scheduler.enqueue('a', n));
    expect(scheduler.runBatch(100).map(({ outcome }) => outcome)).toEqual([
      ...['completed', 'completed', 'completed', 'retry', 'completed', 'completed'],
    ]);
    expect(done.value).toBe(5);
    expect(scheduler.get(ids[3] as number)).toMatchObject({ state: 'delayed', failures: 1, attempt: 1 });
  });
});

describe('a task that is claimed ahead', () => {
  test.each(['everything', 'its name'])('is put back into its place when a hook pauses %s', (what) => {
    const ran: number[] = [];
    let scheduler: Scheduler | undefined;
    const open = openScheduler(store, {
      tasks: { a: (n: number) => ran.push(n) },
      onSettled: ({ id }) => {
        if (id === 1) scheduler?.pause(what === 'everything' ? undefined : 'a');
      },
    });
    scheduler = open as unknown as Scheduler;
    for (let n = 0; n < 4; n++) open.enqueue('a', n);
    expect(open.runBatch(100).length).toBe(1);
    expect(open.status).toMatchObject({ running: 0, completed: 1 });
    open.resume(what === 'everything' ? undefined : 'a');
    open.runBatch(100);
    expect(ran).toEqual([0, 1, 2, 3]);
  });

  test('is put back when its handler has become another one, and counts no attempt', () => {
    const ran: string[] = [];
    let version = 'v1';
    const definitions = ['v1', 'v2'].map((label) => ({
      version: label,
      handler: (_: unknown, { attempt }: { attempt: number }) => void ran.push(`${label} ${attempt}`),
    }));
    const scheduler = openScheduler(store, {
      resolve: () => definitions[version === 'v1' ? 0 : 1],
      onSettled: () => {
        version = 'v2';
      },
    });
    for (let n = 0; n < 3; n++) scheduler.enqueue('a');
    scheduler.runBatch(100);
    expect(ran).toEqual(['v1 1', 'v2 1', 'v2 1']);
  });

  test('is put back when a hook throws', async () => {
    let calls = 0;
    const scheduler = openScheduler(store, {
      tasks: { a: () => {} },
      around: (_, run) => {
        run();
        calls += 1;
        if (calls === 2) throw new Error('hook');
      },
    });
    for (let n = 0; n < 5; n++) scheduler.enqueue('a');
    await expect(scheduler.run()).rejects.toThrow('hook');
    expect(scheduler.status).toMatchObject({ running: 0, completed: 2, ready: 3 });
    expect(scheduler.recover()).toEqual([]);
  });
});

test('a worker that was thought dead cannot complete a bundled task: the task is another one’s by then', () => {
  const { done } = store.addRoots({ done: counter() });
  const other = openScheduler(store, {
    worker: { pid: 2, startTime: 1, slot: 0, instance: 0 },
    tasks: { a: () => done.add(1) },
  });
  const first = openScheduler(store, {
    worker: { pid: 1, startTime: 1, slot: 0, instance: 0 },
    tasks: { a: () => done.add(1) },
    around: (_, run) => {
      // Between claim and run: everybody thinks that this process is dead.
      expect(
        other.recover({ isAlive: ({ pid }) => pid !== 1 }).map(({ state, worker }) => [state, worker?.pid]),
      ).toEqual([['running', 1]]);
      expect(other.runNext().outcome).toBe('completed');
      return run();
    },
  });
  const id = first.enqueue('a');
  expect(first.runNext()).toMatchObject({ task: { id }, outcome: 'lost' });
  expect(done.value).toBe(1);
});

test('a handler that runs tasks itself has each of them run once', () => {
  const ran: string[] = [];
  const scheduler: Scheduler = openScheduler(store, {
    tasks: {
      outer: () => {
        ran.push('outer');
        scheduler.runNext();
      },
      inner: () => void ran.push('inner'),
    },
  }) as unknown as Scheduler;
  scheduler.enqueue('outer');
  scheduler.enqueue('inner');
  expect(scheduler.runBatch(10).length).toBe(1);
  expect(ran).toEqual(['outer', 'inner']);
  expect(scheduler.status).toMatchObject({ completed: 2, ready: 0, running: 0 });
});

describe('damaged words', () => {
  const values = [-1, 65, 0x7fffffff, -0x80000000];
  const places = [0, 1, 2, 3].flatMap((word) => values.map((value): [number, number] => [word, value]));
  test.each(places)('of a bundle give a code and change nothing: state word %i is %i', (word, value) => {
    const damaged = privateStore(2 ** 20);
    const scheduler = openScheduler(damaged, { tasks: { a: () => {} } });
    for (let n = 0; n < 10; n++) scheduler.enqueue('a', n);
    const { door } = damaged.memory;
    damaged.transaction(() => {
      const block = openTrees(damaged).bundles.first()?.[1] as number;
      const i = door.own(block, (block + 2) | 0, 1);
      door.words[i + word] = value;
    });
    // Whatever is asked, it ends; and what cannot be is told.
    const asked = [
      () => scheduler.enqueue('a', 1),
      () => scheduler.runBatch(100),
      () => scheduler.list('ready'),
      () => scheduler.cancel(5),
    ];
    const codes = asked.map((ask) => {
      try {
        ask();
        return 'done';
      } catch (error) {
        return (error as { code?: string }).code;
      }
    });
    expect(codes).toContain('CORRUPT');
    for (const code of codes) expect(['CORRUPT', 'done']).toContain(code);
  });
});
