// A rehearsal runs everything but the handler, and nothing of it stays.

import { counter } from '@mofo/journal';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openScheduler, type RunningTask } from '../src/index.ts';
import { checkInvariants } from './check-invariants.ts';
import { privateStore } from './private-store.ts';

let store = privateStore();

beforeEach(() => {
  store = privateStore();
});

afterEach(() => checkInvariants(store));

test('passes through `around` and leaves queue, counts and ids as they were', () => {
  const around: RunningTask[] = [];
  const settled: RunningTask[] = [];
  let handled = 0;
  const scheduler = openScheduler(store, {
    tasks: { a: () => void handled++, b: { async: true, handler: async () => void handled++ } },
    around: (task, run) => {
      around.push(task);
      return run();
    },
    onSettled: (task) => settled.push(task),
  });
  const before = scheduler.enqueue('a');
  const status = scheduler.status;
  const list = JSON.stringify(scheduler.list());
  expect(scheduler.rehearse('a')).toBe(true);
  expect(scheduler.rehearse('b')).toBe(true);
  expect(around.map(({ name, isAsync }) => [name, isAsync])).toEqual([
    ['a', false],
    ['b', false],
  ]);
  expect([handled, settled.length]).toEqual([0, 0]);
  expect(scheduler.status).toEqual(status);
  expect(JSON.stringify(scheduler.list())).toBe(list);
  expect(scheduler.runNext()).toMatchObject({ task: { id: before }, outcome: 'completed' });
  expect(scheduler.enqueue('a')).toBe(before + 1);
});

test('never runs a task of somebody else that goes before', () => {
  let handled = 0;
  const scheduler = openScheduler(store, { tasks: { a: () => void handled++ } });
  const before = scheduler.enqueue('a', undefined, { priority: 1000 });
  expect(scheduler.rehearse('a')).toBe(false);
  expect(handled).toBe(0);
  expect(scheduler.get(before)).toMatchObject({ state: 'ready', attempt: 0 });
});

test('is not played while tasks are paused, or for a name without a handler', () => {
  const scheduler = openScheduler(store, { tasks: { a: () => {} } });
  scheduler.pause();
  expect(scheduler.rehearse('a')).toBe(false);
  scheduler.resume();
  expect(scheduler.rehearse('other')).toBe(false);
  expect(scheduler.rehearse('a')).toBe(true);
});

test('undoes only itself inside a transaction', () => {
  const { done } = store.addRoots({ done: counter() });
  const scheduler = openScheduler(store, { tasks: { a: () => {} } });
  store.transaction(() => {
    done.add(1);
    expect(scheduler.rehearse('a')).toBe(true);
    done.add(1);
  });
  expect(done.value).toBe(2);
  expect(scheduler.status).toMatchObject({ ready: 0, completed: 0 });
});

test('leaves nothing either when `around` throws', () => {
  const scheduler = openScheduler(store, {
    tasks: { a: () => {} },
    around: () => {
      throw new Error('not now');
    },
  });
  scheduler.rehearse('a');
  expect(scheduler.status).toMatchObject({ ready: 0, running: 0, failures: 0, dead: 0 });
});
