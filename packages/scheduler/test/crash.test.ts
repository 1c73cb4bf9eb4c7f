// Real processes over real segments, killed in the middle of tasks and at any other moment. Whoever survives runs every task: nothing is lost, and
// what tasks did to the store happened exactly once.

import { destroyStore, f64, openStore, type Store, tree } from '@mofo/journal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openScheduler, type Scheduler } from '../src/index.ts';
import { checkInvariants } from './check-invariants.ts';
import { ChildProgram } from './child-program.ts';

let name = '';
let count = 0;
let store: Store;
let scheduler: Scheduler;

beforeEach(() => {
  count += 1;
  name = `test-scheduler-${process.pid}-${count}`;
  store = openStore({ name, sizeBytes: 16 * 2 ** 20 }) as Store;
  scheduler = openScheduler(store) as unknown as Scheduler;
});

afterEach(() => {
  store.close();
  destroyStore(name);
});

/** Resolves when the store is as `condition` wants it; every commit of any process is looked at. */
function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      watch.close();
      clearInterval(fallback);
      resolve();
    };
    const watch = store.watch(look);
    const fallback = setInterval(look, 20);
    look();
  });
}

/** Enqueues `taskCount` tasks, kills `inTask` workers inside tasks and `anytime` between announcements; returns how often each effect happened. */
async function killAndCount(
  mode: string,
  taskCount: number,
  inTask: number,
  anytime: number,
): Promise<Map<number, number>> {
  const { effects } = store.addRoots({ effects: tree(f64(), f64()) });
  store.transaction(() => {
    for (let n = 0; n < taskCount; n++) {
      const phase = mode === 'phases' && n % 40 === 20 ? (n % 80 === 20 ? 'claimed' : 'completed') : undefined;
      if (phase !== undefined) {
        scheduler.enqueue(phase, { n });
        continue;
      }
      const announce = inTask > 0 && n % Math.ceil(taskCount / inTask) === 50;
      scheduler.enqueue(n % 3 === 2 && mode === 'together' ? 'late' : 'work', { n, announce }, { priority: n % 2 });
    }
  });
  const workers = new Set<ChildProgram>();
  let kills = 0;
  const startWorker = (): void => {
    const child = new ChildProgram('worker.mjs', [name, mode]);
    workers.add(child);
    const killed = child
      .until((output) => /in \d+\n/.test(output))
      .then(
        async () => {
          kills += 1;
          workers.delete(child);
          await child.kill();
          startWorker();
        },
        // It ended without an announcement: killed at random, or at the end of the test.
        () => {},
      );
    void killed;
  };
  for (let n = 0; n < 3; n++) startWorker();
  for (let k = 1; k <= anytime; k++) {
    await until(() => scheduler.status.completed >= (taskCount * k) / (anytime + 1));
    const victim = [...workers][k % workers.size] as ChildProgram;
    workers.delete(victim);
    kills += 1;
    startWorker();
    await victim.kill();
  }
  await until(() => scheduler.status.completed + scheduler.status.dead >= taskCount);
  await Promise.all([...workers].map((child) => child.kill()));
  scheduler.recover();
  checkInvariants(store);
  // A kill at random may hit a worker that waits to be killed inside a task: then one kill does for both.
  expect(kills).toBeGreaterThanOrEqual(Math.max(inTask, anytime));
  expect(scheduler.status).toMatchObject({ completed: taskCount, ready: 0, running: 0, dead: 0 });
  expect(scheduler.status.crashes).toBeGreaterThanOrEqual(inTask);
  return new Map(effects.range());
}

describe('workers are killed', () => {
  test('and every task has had its effect exactly once', async () => {
    const found = await killAndCount('together', 1000, 4, 6);
    expect(found.size).toBe(1000);
    expect([...found.values()].every((times) => times === 1)).toBe(true);
  }, 60_000);

  test('when a task is claimed and not begun, in the middle of it, and when the next one is claimed ahead', async () => {
    const found = await killAndCount('phases', 320, 2, 0);
    expect(found.size).toBe(320);
    expect([...found.values()].every((times) => times === 1)).toBe(true);
    // 4 claimed, 4 completed, 2 in the middle.
    expect(scheduler.status.crashes).toBeGreaterThanOrEqual(8);
  }, 60_000);

  test('a planted bug is caught: an effect that is committed before the completion happens twice', async () => {
    const found = await killAndCount('apart', 200, 2, 0);
    expect([...found.values()].filter((times) => times > 1).length).toBeGreaterThanOrEqual(2);
  }, 60_000);
});

test('a task enqueued in one process starts in another at once, and a dead worker’s task is seen', async () => {
  const { effects } = store.addRoots({ effects: tree(f64(), f64()) });
  // Nobody looks for dead workers: the kernel tells.
  const first = new ChildProgram('worker.mjs', [name, 'together', '3600000']);
  await first.until((output) => output.includes('ready'));
  scheduler.enqueue('work', { n: 1 });
  await until(() => effects.get(1) === 1);
  const second = new ChildProgram('worker.mjs', [name, 'together', '3600000']);
  await second.until((output) => output.includes('ready'));
  const id = scheduler.enqueue('work', { n: 2, announce: true });
  const [died, other] = await Promise.race([
    first.until((output) => output.includes(`in ${id}`)).then(() => [first, second] as const),
    second.until((output) => output.includes(`in ${id}`)).then(() => [second, first] as const),
  ]);
  expect(scheduler.get(id)).toMatchObject({ state: 'running', worker: { pid: died.process.pid } });
  await died.kill();
  await until(() => effects.get(2) === 1);
  expect(scheduler.status.crashes).toBe(1);
  await other.kill();
}, 30_000);
