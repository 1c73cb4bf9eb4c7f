// Planted bugs: each breaks on purpose what a claim rests on, and must be seen. (An effect committed apart from the completion: crash.test.ts.)

import { counter } from '@mofo/journal';
import { afterEach, expect, test, vi } from 'vitest';
import { openScheduler } from '../src/index.ts';
import { TaskTable } from '../src/task-table.ts';
import { WorkerClaims } from '../src/worker-claims.ts';
import { checkInvariants } from './check-invariants.ts';
import { privateStore } from './private-store.ts';

afterEach(() => vi.restoreAllMocks());

/** Everybody thinks that the first worker is dead between its claim and its run; another one runs the task; then the first goes on. */
function effectsOfZombie(): number {
  const store = privateStore(2 ** 20);
  const { done } = store.addRoots({ done: counter() });
  const tasks = { a: () => done.add(1) };
  const other = openScheduler(store, { worker: { pid: 2, startTime: 1, slot: 0, instance: 0 }, tasks });
  const first = openScheduler(store, {
    worker: { pid: 1, startTime: 1, slot: 0, instance: 0 },
    tasks,
    around: (_, run) => {
      other.recover({ isAlive: ({ pid }) => pid !== 1 });
      other.runNext();
      return run();
    },
  });
  // Three, so that the bundle outlives what a broken fence does to its counts: they are a fence too.
  for (let n = 0; n < 3; n++) first.enqueue('a');
  try {
    first.runNext();
  } catch {
    // A broken fence may also end in CORRUPT; what counts is what was stored.
  }
  checkInvariants(store);
  return done.value;
}

test('without the comparison of the claim, a worker that was thought dead has its effect too', () => {
  expect(effectsOfZombie()).toBe(1);
  // The record itself is a fence too, for it is deleted: the word alone must do.
  vi.spyOn(WorkerClaims.prototype, 'forget').mockReturnValue(undefined);
  expect(effectsOfZombie()).toBe(1);
  vi.spyOn(WorkerClaims.prototype, 'holds').mockReturnValue(true);
  expect(() => expect(effectsOfZombie()).toBe(1)).toThrow();
});

/** A worker dies with a task; somebody else recovers. */
function stateAfterDeath(): string | undefined {
  const store = privateStore(2 ** 20);
  let seen: () => string | undefined = () => undefined;
  const tasks = { a: () => {} };
  const dying = openScheduler(store, {
    worker: { pid: 1, startTime: 1, slot: 0, instance: 0 },
    tasks,
    around: () => {
      const other = openScheduler(store, { worker: { pid: 2, startTime: 1, slot: 0, instance: 0 }, tasks });
      other.recover({ isAlive: ({ pid }) => pid !== 1 });
      // Here its process would be gone.
      seen = () => other.get(1)?.state;
      try {
        checkInvariants(store);
      } catch (error) {
        seen = () => {
          throw error;
        };
      }
    },
  });
  dying.enqueue('a');
  dying.enqueue('a');
  dying.runNext();
  return seen();
}

test('a dead worker that is forgotten without putting its task back leaves a task that is nowhere', () => {
  expect(stateAfterDeath()).toBe('ready');
  vi.spyOn(TaskTable.prototype, 'unbundleRunning').mockImplementation(() => {
    throw new Error('not put back');
  });
  vi.spyOn(WorkerClaims.prototype, 'find').mockImplementation(function (this: WorkerClaims, worker) {
    // Forgets it, and says that nothing was there.
    this.forget(worker);
    return undefined;
  });
  expect(() => stateAfterDeath()).toThrow(/bundle/);
});
