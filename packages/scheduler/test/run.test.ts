// `run`: wakes when there is work, sleeps when there is none, ends in order.

import { describe, expect, test } from 'vitest';
import { openScheduler, type Scheduler } from '../src/index.ts';
import { privateStore } from './private-store.ts';

/** Runs until `stop` is called. */
function runInBackground(
  scheduler: Scheduler,
  options: { readonly concurrency?: number } = {},
): { stop(): Promise<void>; ended: Promise<void> } {
  const controller = new AbortController();
  const ended = scheduler.run({ signal: controller.signal, ...options });
  return {
    ended,
    stop: () => {
      controller.abort();
      return ended;
    },
  };
}

describe('run', () => {
  test('wakes for an enqueue, a retry and a schedule', async () => {
    const store = privateStore();
    let ended = (): void => {};
    const done = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const ran: string[] = [];
    const scheduler = openScheduler(store, {
      tasks: {
        once: () => void ran.push('once'),
        twice: {
          retries: 1,
          backoffDelay: 5,
          handler: (_: unknown, { attempt }) => {
            if (attempt === 1) throw new Error('again');
            ran.push('twice');
            scheduler.schedule('tick', { every: 5 });
          },
        },
        tick: () => {
          ran.push('tick');
          if (ran.filter((name) => name === 'tick').length === 3) ended();
        },
      },
    }) as unknown as Scheduler;
    const run = runInBackground(scheduler);
    await new Promise((resolve) => setImmediate(resolve));
    scheduler.enqueue('once');
    scheduler.enqueue('twice', undefined, { delay: 5 });
    await done;
    await run.stop();
    expect(ran.slice(0, 5)).toEqual(['once', 'twice', 'tick', 'tick', 'tick']);
    store.close();
  });

  test('keeps to its concurrency, and gives back what stops at the end', async () => {
    const store = privateStore();
    let most = 0;
    let active = 0;
    let full = (): void => {};
    const isFull = new Promise<void>((resolve) => {
      full = resolve;
    });
    const scheduler = openScheduler(store, {
      tasks: {
        wait: async (_: unknown, { signal }) => {
          active += 1;
          most = Math.max(most, active);
          if (active === 3) full();
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      },
    });
    for (let k = 0; k < 10; k++) scheduler.enqueue('wait');
    const run = runInBackground(scheduler as unknown as Scheduler, { concurrency: 3 });
    await isFull;
    await run.stop();
    expect(most).toBe(3);
    expect(scheduler.status).toMatchObject({ ready: 10, running: 0, failures: 0, crashes: 0 });
    store.close();
  });

  test('lets the event loop turn while there is work', async () => {
    const store = privateStore();
    const scheduler = openScheduler(store, { tasks: { again: () => scheduler.enqueue('again') } }) as Scheduler;
    scheduler.enqueue('again');
    const run = runInBackground(scheduler);
    for (let k = 0; k < 5; k++) await new Promise((resolve) => setTimeout(resolve, 1));
    await run.stop();
    expect(scheduler.status.completed).toBeGreaterThan(1);
    store.close();
  });

  test('is refused twice at once, ended by close, and ended by what a hook throws', async () => {
    const store = privateStore();
    const scheduler = openScheduler(store, {
      tasks: { a: () => {} },
      onSettled: () => raise('hook'),
    }) as unknown as Scheduler;
    const run = runInBackground(scheduler);
    await expect(scheduler.run()).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    await expect(scheduler.run({ concurency: 1 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    scheduler.enqueue('a');
    await expect(run.ended).rejects.toThrow('hook');
    const other = runInBackground(scheduler);
    scheduler.close();
    await other.ended;
    store.close();
  });
});

function raise(message: string): never {
  throw new Error(message);
}
