// What the scheduler promises, one claim a test, over private memory and an injected clock.

import { counter } from '@mofo/journal';
import { afterEach, describe, expect, test } from 'vitest';
import { ATTEMPTS_MAX, PAYLOAD_LENGTH_MAX } from '../src/constants.ts';
import { type OpenSchedulerOptions, openScheduler, type Scheduler, type TaskDefinitions } from '../src/index.ts';
import { checkInvariants } from './check-invariants.ts';
import { privateStore } from './private-store.ts';

const circular: { self?: unknown } = {};
circular.self = circular;

let now = 1_000_000;
let store = privateStore();
let opened: Scheduler<never>[] = [];

afterEach(() => {
  for (const scheduler of opened) scheduler.close();
  checkInvariants(store);
  opened = [];
  now = 1_000_000;
  store = privateStore();
});

function open<const T extends TaskDefinitions>(tasks: T, options: Partial<OpenSchedulerOptions<T>> = {}): Scheduler<T> {
  const scheduler = openScheduler(store, { tasks, clock: () => now, random: () => 0, ...options });
  opened.push(scheduler as unknown as Scheduler<never>);
  return scheduler;
}

/** Runs all that is due and returns the ids in order. */
function runAll(scheduler: Scheduler): number[] {
  const ran: number[] = [];
  for (;;) {
    const { task } = scheduler.runNext();
    if (task === undefined) return ran;
    ran.push(task.id);
  }
}

function worker(pid: number): { pid: number; startTime: number; slot: number; instance: number } {
  return { pid, startTime: 1, slot: 0, instance: 0 };
}

describe('enqueue', () => {
  test('gives the payload to the handler, once', () => {
    const seen: unknown[] = [];
    const scheduler = open({ mail: (payload: { to: string }, context) => void seen.push([payload, context.attempt]) });
    const id = scheduler.enqueue('mail', { to: 'a' });
    expect(runAll(scheduler as never)).toEqual([id]);
    expect(seen).toEqual([[{ to: 'a' }, 1]]);
    expect(scheduler.status).toMatchObject({ ready: 0, running: 0, completed: 1 });
    expect(scheduler.get(id)).toBeUndefined();
  });

  test('belongs to the transaction of the caller', () => {
    const scheduler = open({ a: () => {} });
    const attempt = (): void =>
      store.transaction(() => {
        scheduler.enqueue('a');
        throw new Error('no');
      });
    expect(attempt).toThrow('no');
    expect(scheduler.status.ready).toBe(0);
  });

  test('runs higher priorities first, equal ones in order', () => {
    const scheduler = open({ a: () => {} });
    const low = scheduler.enqueue('a', undefined, { priority: -1000 });
    const first = scheduler.enqueue('a');
    const second = scheduler.enqueue('a');
    const high = scheduler.enqueue('a', undefined, { priority: 1000 });
    expect(runAll(scheduler)).toEqual([high, first, second, low]);
  });

  test('waits for the delay or the time, and says when it is due', () => {
    const scheduler = open({ a: () => {} });
    const later = scheduler.enqueue('a', undefined, { delay: '1s' });
    const sooner = scheduler.enqueue('a', undefined, { at: new Date(now + 500) });
    expect(scheduler.runNext()).toEqual({ nextDueAt: now + 500 });
    now += 499;
    expect(runAll(scheduler)).toEqual([]);
    now += 1;
    expect(runAll(scheduler)).toEqual([sooner]);
    now += 10_000;
    expect(runAll(scheduler)).toEqual([later]);
  });

  test('is made once while a task with its dedupe key waits, and again when that one has begun', () => {
    const scheduler = open({
      a: () => void expect(scheduler.enqueue('a', undefined, { dedupeKey: 'k' })).not.toBe(id),
      b: () => {},
    });
    const id: number = scheduler.enqueue('a', undefined, { dedupeKey: 'k', delay: 5 });
    expect(scheduler.enqueue('a', undefined, { dedupeKey: 'k' })).toBe(id);
    expect(scheduler.enqueue('b', undefined, { dedupeKey: 'k' })).not.toBe(id);
    now += 5;
    expect(scheduler.runNext().outcome).toBe('completed');
    expect(scheduler.status).toMatchObject({ ready: 1, delayed: 0 });
  });

  test.each([
    ['INVALID_NAME', ['', 1]],
    ['INVALID_NAME', ['x'.repeat(129), 1]],
    ['INVALID_NAME', ['a\u0000b', 1]],
    ['INVALID_NAME', ['\ud800', 1]],
    ['INVALID_PAYLOAD', ['a', () => {}]],
    ['INVALID_PAYLOAD', ['a', circular]],
    ['PAYLOAD_TOO_LARGE', ['a', 'x'.repeat(PAYLOAD_LENGTH_MAX)]],
    ['UNKNOWN_OPTION', ['a', 1, { prio: 1 }]],
    ['INVALID_OPTION', ['a', 1, { priority: 1001 }]],
    ['INVALID_OPTION', ['a', 1, { priority: 0.5 }]],
    ['INVALID_OPTION', ['a', 1, { delay: '5 minutes' }]],
    ['INVALID_OPTION', ['a', 1, { delay: 1, at: 2 }]],
    ['INVALID_OPTION', ['a', 1, { at: 'tomorrow' }]],
    ['INVALID_OPTION', ['a', 1, { dedupeKey: '' }]],
    ['INVALID_OPTION', ['a', 1, { concurrencyKey: 'x'.repeat(129) }]],
    ['INVALID_OPTION', ['a', 1, { deadline: -1 }]],
  ])('refuses with %s: %o', (code, args) => {
    const scheduler = open({ a: () => {} });
    expect(() => scheduler.enqueue(...(args as [never]))).toThrow(expect.objectContaining({ code }));
    expect(scheduler.list()).toEqual([]);
  });
});

describe('a synchronous task', () => {
  test('stores its effects and its completion together, or neither', () => {
    const { total } = store.addRoots({ total: counter() });
    let isBroken = true;
    const scheduler = open({
      a: {
        retries: 1,
        backoffDelay: '2s',
        handler: () => {
          total.add(1);
          if (isBroken) throw new Error('broken');
        },
      },
    });
    const id = scheduler.enqueue('a');
    expect(scheduler.runNext().outcome).toBe('retry');
    expect(total.value).toBe(0);
    expect(scheduler.get(id)).toMatchObject({ state: 'delayed', failures: 1, attempt: 1, dueAt: now + 2000 });
    expect(scheduler.get(id)?.lastError).toContain('broken');
    isBroken = false;
    now += 2000;
    expect(scheduler.runNext().outcome).toBe('completed');
    expect(total.value).toBe(1);
  });

  test('is a dead letter after its retries, and can be redriven or discarded', () => {
    const scheduler = open({ a: { retries: 2, backoff: 'fixed', backoffDelay: 10, handler: () => raise('no') } });
    const id = scheduler.enqueue('a');
    const outcomes = [scheduler.runNext().outcome];
    for (now += 10; scheduler.status.delayed > 0; now += 10) outcomes.push(scheduler.runNext().outcome);
    expect(outcomes).toEqual(['retry', 'retry', 'dead']);
    expect(scheduler.deadLetters.list()).toMatchObject([
      { id, state: 'dead', deadReason: 'FAILED', failures: 3, attempt: 3 },
    ]);
    expect(scheduler.deadLetters.redrive(id)).toBe(true);
    expect(scheduler.deadLetters.redrive(id)).toBe(false);
    expect(scheduler.get(id)).toMatchObject({ state: 'ready', failures: 0 });
    expect(scheduler.runNext().outcome).toBe('retry');
    scheduler.cancel(id);
    expect(scheduler.deadLetters.discard(id)).toBe(false);
  });

  test('waits longer before each retry, up to the maximum, less by chance', () => {
    let chance = 0;
    const definition = { retries: 100, backoffDelay: 100, backoffMax: 1000, jitter: 0.5, handler: () => raise('no') };
    const scheduler = open({ a: definition }, { random: () => chance });
    const id = scheduler.enqueue('a');
    const waits: number[] = [];
    for (let k = 0; k < 6; k++) {
      scheduler.runNext();
      const dueAt = scheduler.get(id)?.dueAt as number;
      waits.push(dueAt - now);
      now = dueAt;
      chance = k === 4 ? 0.5 : 0;
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 750]);
  });

  test('that returns a promise is a failure, and what it stored is rolled back', () => {
    const { total } = store.addRoots({ total: counter() });
    const scheduler = open({
      a: () => {
        total.add(1);
        return Promise.reject(new Error('late'));
      },
    });
    const id = scheduler.enqueue('a');
    expect(scheduler.runNext().outcome).toBe('dead');
    expect(scheduler.get(id)?.lastError).toContain('ASYNC_HANDLER');
    expect(total.value).toBe(0);
  });

  test('is not started after its deadline', () => {
    const scheduler = open({ a: { retries: 5, handler: () => raise('no') } });
    const late = scheduler.enqueue('a', undefined, { deadline: 100, delay: 101 });
    const retried = scheduler.enqueue('a', undefined, { deadline: new Date(now + 500) });
    expect(scheduler.runNext()).toMatchObject({ outcome: 'dead', task: { id: retried } });
    now += 101;
    expect(runAll(scheduler)).toEqual([]);
    expect(scheduler.deadLetters.list()).toMatchObject([
      { id: late, deadReason: 'DEADLINE', attempt: 0 },
      { id: retried, deadReason: 'DEADLINE', attempt: 1 },
    ]);
  });
});

describe('an asynchronous task', () => {
  test('completes with its effect in one transaction, and what it throws after that changes nothing', async () => {
    const { total } = store.addRoots({ total: counter() });
    const scheduler = open({
      a: async (_: unknown, context) => {
        await Promise.resolve();
        context.complete(() => total.add(1));
        raise('after');
      },
    });
    const id = scheduler.enqueue('a');
    const { finished, outcome } = scheduler.runNext();
    expect(outcome).toBeUndefined();
    expect(scheduler.get(id)).toMatchObject({ state: 'running', worker: { pid: process.pid } });
    expect(await finished).toBe('completed');
    expect(total.value).toBe(1);
    expect(scheduler.status.completed).toBe(1);
  });

  test('is retried when it rejects, also before its first await', async () => {
    const scheduler = open({ a: { retries: 1, handler: async () => raise('no') } });
    scheduler.enqueue('a');
    expect(await scheduler.runNext().finished).toBe('retry');
    now += 1000;
    expect(await scheduler.runNext().finished).toBe('dead');
  });

  test('cannot complete after its claim was given to another worker', async () => {
    const { total } = store.addRoots({ total: counter() });
    let letGo = (): void => {};
    const first = open(
      {
        a: async (_: unknown, context) => {
          await new Promise<void>((resolve) => {
            letGo = resolve;
          });
          context.complete(() => total.add(100));
        },
      },
      { worker: worker(1) },
    );
    const second = open({ a: () => total.add(1) }, { worker: worker(2) });
    first.enqueue('a');
    const { finished } = first.runNext();
    expect(second.recover({ isAlive: ({ pid }) => pid !== 1 })).toMatchObject([{ crashes: 1, attempt: 1 }]);
    expect(second.runNext().outcome).toBe('completed');
    letGo();
    expect(await finished).toBe('lost');
    expect(total.value).toBe(1);
  });

  test('sees its signal abort when it is cancelled, and is not tried again', async () => {
    const scheduler = open({
      a: {
        retries: 5,
        handler: (_: unknown, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        async: true,
      },
    });
    const id = scheduler.enqueue('a');
    const { finished } = scheduler.runNext();
    expect(scheduler.cancel(id)).toBe('stopping');
    expect(await finished).toBe('cancelled');
    expect(scheduler.cancel(id)).toBe('unknown');
  });

  test('is given back by close, and runs again elsewhere', async () => {
    const scheduler = open({
      a: async (_: unknown, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const id = scheduler.enqueue('a');
    const { finished } = scheduler.runNext();
    scheduler.close();
    expect(await finished).toBe('lost');
    const other = open({ a: () => {} });
    expect(other.get(id)).toMatchObject({ state: 'ready', crashes: 0, failures: 0 });
    expect(runAll(other)).toEqual([id]);
  });
});

describe('pause and cancel', () => {
  test('a paused name is passed over, and keeps its place', () => {
    const scheduler = open({ a: () => {}, b: () => {} });
    const a1 = scheduler.enqueue('a');
    const b1 = scheduler.enqueue('b');
    const a2 = scheduler.enqueue('a', undefined, { priority: 1 });
    scheduler.pause('a');
    expect(runAll(scheduler)).toEqual([b1]);
    expect(scheduler.status).toMatchObject({ parked: 2, pausedTasks: ['a'] });
    const b2 = scheduler.enqueue('b');
    scheduler.resume('a');
    expect(runAll(scheduler)).toEqual([a2, a1, b2]);
    expect(scheduler.status).toMatchObject({ parked: 0, pausedTasks: [] });
  });

  test('a pause of everything is durable', () => {
    const scheduler = open({ a: () => {} });
    scheduler.enqueue('a');
    scheduler.pause();
    expect(runAll(open({ a: () => {} }))).toEqual([]);
    scheduler.resume();
    expect(runAll(scheduler)).toHaveLength(1);
  });

  test('a task without a handler here waits for a process that has one', () => {
    const without = open({ b: () => {} });
    const loose = without as unknown as Scheduler;
    const a = loose.enqueue('a');
    const b = loose.enqueue('b');
    expect(runAll(loose)).toEqual([b]);
    expect(runAll(open({ a: () => {} }))).toEqual([a]);
  });

  test.each(['ready', 'delayed', 'parked', 'blocked'] as const)('cancels a task that is %s', (state) => {
    const scheduler = open({ a: () => {}, hold: async () => new Promise(() => {}) });
    const concurrencyKey = 'k';
    const name = state === 'blocked' ? 'hold' : 'a';
    if (state === 'blocked') {
      scheduler.enqueue('hold', undefined, { concurrencyKey });
      scheduler.runNext();
    }
    const id = (scheduler as Scheduler).enqueue(name, undefined, {
      concurrencyKey,
      dedupeKey: 'd',
      ...(state === 'delayed' ? { delay: 1 } : {}),
    });
    if (state === 'parked') scheduler.pause('a');
    if (state !== 'ready') runAll(scheduler as never);
    expect(scheduler.get(id)?.state).toBe(state);
    expect(scheduler.cancel(id)).toBe('cancelled');
    expect(scheduler.cancel(id)).toBe('unknown');
  });
});

test('concurrency per key: the others of the key wait, and none is forgotten', async () => {
  const ends: (() => void)[] = [];
  const scheduler = open({
    a: { concurrencyPerKey: 2, async: true, handler: () => new Promise<void>((resolve) => ends.push(resolve)) },
  });
  for (let k = 0; k < 7; k++) scheduler.enqueue('a', undefined, { concurrencyKey: 'k' });
  const other = scheduler.enqueue('a', undefined, { concurrencyKey: 'other' });
  const running: Promise<unknown>[] = [];
  const started: number[] = [];
  for (let round = 0; round < 8; round++) {
    for (let run = scheduler.runNext(); run.task !== undefined; run = scheduler.runNext()) {
      started.push(run.task.id);
      running.push(run.finished as Promise<unknown>);
    }
    checkInvariants(store);
    expect(scheduler.list('running').filter((task) => task.concurrencyKey === 'k').length).toBeLessThanOrEqual(2);
    ends.shift()?.();
    await running.shift();
  }
  expect(started).toEqual([1, 2, other, 3, 4, 5, 6, 7]);
});

test.each(['cancelled', 'too late', 'paused'])(
  'a ready task that is %s lets the next of its key go on',
  async (how) => {
    const ends: (() => void)[] = [];
    const scheduler = open({ a: { async: true, handler: () => new Promise<void>((resolve) => ends.push(resolve)) } });
    const concurrencyKey = 'k';
    scheduler.enqueue('a', undefined, { concurrencyKey });
    const { finished } = scheduler.runNext();
    const second = scheduler.enqueue('a', undefined, { concurrencyKey, deadline: 10 });
    const third = scheduler.enqueue('a', undefined, { concurrencyKey });
    expect(scheduler.runNext().task).toBeUndefined();
    expect(scheduler.status.blocked).toBe(2);
    ends[0]?.();
    await finished;
    expect(scheduler.get(second)?.state).toBe('ready');
    if (how === 'cancelled') scheduler.cancel(second);
    else if (how === 'too late') now += 11;
    else {
      scheduler.pause('a');
      expect(scheduler.runNext().task).toBeUndefined();
      scheduler.cancel(second);
      scheduler.resume('a');
    }
    expect(scheduler.runNext().task?.id).toBe(third);
  },
);

describe('after a death', () => {
  const dead = { isAlive: () => false };

  test('the task comes behind the next ones, and says which version was interrupted', () => {
    const first = open(
      { a: { async: true, version: 'fees@2', handler: () => new Promise(() => {}) } },
      { worker: worker(1) },
    );
    const interrupted = first.enqueue('a');
    const next = first.enqueue('a');
    first.runNext();
    const second = open(
      { a: { version: 'fees@1', handler: () => {} } },
      { worker: worker(2), around: (task, run) => [seen.push(task.interruptedBy), run()] },
    );
    const seen: unknown[] = [];
    second.recover(dead);
    expect(runAll(second as never)).toEqual([next, interrupted]);
    expect(seen).toEqual([[], ['fees@2']]);
  });

  test('a second death makes it a dead letter', () => {
    const hang = { async: true, handler: () => new Promise(() => {}) } as const;
    const id = open({ a: hang }, { worker: worker(1) }).enqueue('a');
    for (const pid of [1, 2]) {
      open({ a: hang }, { worker: worker(pid) }).runNext();
      open({}, { worker: worker(9) }).recover(dead);
    }
    expect(open({}).deadLetters.list()).toMatchObject([{ id, deadReason: 'POISON', crashes: 2 }]);
  });

  test('the verdict decides, but nothing is started without end', () => {
    const hang = { async: true, handler: () => new Promise(() => {}) } as const;
    const scheduler = open({ a: hang }, { verdict: () => 'retry' });
    const id = scheduler.enqueue('a');
    const recoverer = open({}, { worker: worker(9), verdict: () => 'retry' });
    for (let k = 0; k < ATTEMPTS_MAX; k++) {
      expect(scheduler.runNext().task?.id).toBe(id);
      recoverer.recover(dead);
    }
    expect(scheduler.get(id)).toMatchObject({ state: 'dead', attempt: ATTEMPTS_MAX });
  });

  test('tasks of living workers stay where they are', () => {
    const scheduler = open({ a: { async: true, handler: () => new Promise(() => {}) } });
    const id = scheduler.enqueue('a');
    scheduler.runNext();
    expect(scheduler.recover()).toEqual([]);
    expect(open({}).recover()).toEqual([]);
    expect(scheduler.get(id)?.state).toBe('running');
  });
});

describe('around', () => {
  test('sees the error of a synchronous handler; the failure is recorded by then', () => {
    const seen: unknown[] = [];
    const scheduler = open(
      { a: () => raise('no') },
      {
        around: (task, run) => {
          try {
            run();
          } catch (error) {
            seen.push(String(error), scheduler.get(task.id)?.state);
            throw error;
          }
        },
      },
    );
    scheduler.enqueue('a');
    expect(scheduler.runNext().outcome).toBe('dead');
    expect(seen).toEqual(['Error: no', 'dead']);
  });

  test('that does not call run fails the task', () => {
    const scheduler = open({ a: () => {} }, { around: () => {} });
    const id = scheduler.enqueue('a');
    expect(scheduler.runNext().outcome).toBe('dead');
    expect(scheduler.get(id)?.lastError).toContain('AROUND_SKIPPED');
  });

  test('that throws itself after the task is done is the caller’s error', () => {
    const scheduler = open({ a: () => {} }, { around: (_, run) => [run(), raise('mine')] });
    scheduler.enqueue('a');
    expect(() => scheduler.runNext()).toThrow('mine');
    expect(scheduler.status).toMatchObject({ completed: 1, running: 0 });
  });

  test('resolve binds late: the handler that is there when the task starts', () => {
    const ran: string[] = [];
    let current = { version: 'a@1', handler: () => ran.push('one') };
    const scheduler = open({}, { resolve: () => current }) as unknown as Scheduler;
    scheduler.enqueue('a');
    scheduler.enqueue('a');
    scheduler.runNext();
    current = { version: 'a@2', handler: () => ran.push('two') };
    expect(scheduler.runNext().task?.version).toBe('a@2');
    expect(ran).toEqual(['one', 'two']);
  });
});

describe('openScheduler', () => {
  test.each([
    ['UNKNOWN_OPTION', { handlers: {} }],
    ['UNKNOWN_OPTION', { tasks: { a: { handler: () => {}, retry: 1 } } }],
    ['INVALID_OPTION', { tasks: { a: { handler: () => {}, retries: 101 } } }],
    ['INVALID_OPTION', { tasks: { a: { handler: 'x' } } }],
    ['INVALID_OPTION', { tasks: { a: { handler: () => {}, backoff: 'linear' } } }],
  ])('refuses with %s: %j', (code, options) => {
    expect(() => openScheduler(store, options as never)).toThrow(expect.objectContaining({ code }));
  });

  test('after close nothing works, and close works twice', () => {
    const scheduler = open({ a: () => {} });
    scheduler.close();
    scheduler.close();
    for (const call of [
      () => scheduler.enqueue('a'),
      () => scheduler.runNext(),
      () => scheduler.status,
      () => scheduler.recover(),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    }
  });
});

function raise(message: string): never {
  throw new Error(message);
}
