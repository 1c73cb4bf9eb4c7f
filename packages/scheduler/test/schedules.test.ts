// Recurring tasks: idempotent, without pile-up, right at clock changes, lost by no crash.

import { afterEach, describe, expect, test } from 'vitest';
import { openScheduler, type Scheduler } from '../src/index.ts';
import { nextOccurrence } from '../src/next-occurrence.ts';
import { openTrees } from '../src/storage.ts';
import { checkInvariants } from './check-invariants.ts';
import { privateStore } from './private-store.ts';

const start = Date.UTC(2026, 2, 28, 12);
let now = start;
let store = privateStore();
let ran: number[] = [];

afterEach(() => {
  checkInvariants(store);
  now = start;
  store = privateStore();
  ran = [];
});

function open(handler: () => unknown = () => {}, pid = 1): Scheduler {
  const worker = { pid, startTime: 1, slot: 0, instance: 0 };
  return openScheduler(store, {
    tasks: { tick: () => [ran.push(now), handler()] },
    clock: () => now,
    worker,
  }) as unknown as Scheduler;
}

/** Lets `ms` pass, and runs everything at the moment when it is due. */
function pass(scheduler: Scheduler, ms: number): void {
  const end = now + ms;
  for (;;) {
    const { task, nextDueAt } = scheduler.runNext();
    if (task !== undefined) continue;
    if (nextDueAt === undefined || nextDueAt > end) break;
    now = nextDueAt;
  }
  now = end;
}

test('an interval keeps its beat', () => {
  const scheduler = open();
  scheduler.schedule('tick', { every: '100ms' });
  pass(scheduler, 1000);
  expect(ran).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((k) => start + k * 100));
});

test('missed runs collapse into one, on the old beat', () => {
  const scheduler = open();
  scheduler.schedule('tick', { every: 100 });
  now += 12_345;
  pass(scheduler, 255);
  expect(ran).toEqual([start + 12_345, start + 12_400, start + 12_500, start + 12_600]);
});

test('the same schedule again changes nothing; a changed one replaces its waiting task', () => {
  const scheduler = open();
  scheduler.schedule('tick', { every: '1m', payload: 1 });
  const [before] = scheduler.listSchedules();
  now += 1000;
  open().schedule('tick', { every: '1m', payload: 1 });
  expect(scheduler.listSchedules()).toEqual([before]);
  scheduler.schedule('tick', { every: '1m', payload: 2 });
  expect(scheduler.listSchedules()).toMatchObject([{ payload: 2, dueAt: before?.dueAt }]);
  scheduler.schedule('tick', { every: '1s', payload: 2 });
  expect(scheduler.listSchedules()).toMatchObject([{ dueAt: now + 1000 }]);
  expect(scheduler.list()).toHaveLength(1);
  scheduler.schedule('tick', { key: 'other', cron: '0 0 * * *' });
  expect(scheduler.list()).toHaveLength(2);
});

test('a failed, poisoned or cancelled run does not end the schedule; unschedule does', () => {
  const scheduler = open(() => {
    throw new Error('no');
  });
  scheduler.schedule('tick', { every: 10 });
  pass(scheduler, 20);
  expect(scheduler.status).toMatchObject({ dead: 2, delayed: 1 });
  const id = scheduler.listSchedules()[0]?.taskId as number;
  expect(scheduler.cancel(id)).toBe('cancelled');
  expect(scheduler.status).toMatchObject({ dead: 2, delayed: 1 });
  // A redriven run is no occurrence any more.
  for (const task of scheduler.deadLetters.list()) scheduler.deadLetters.redrive(task.id);
  scheduler.runNext();
  expect(scheduler.status.delayed).toBe(1);
  expect(scheduler.unschedule('tick')).toBe(true);
  expect(scheduler.unschedule('tick')).toBe(false);
  expect(scheduler.status).toMatchObject({ delayed: 0, schedules: 0 });
});

test('a run that died is run again, and then the schedule goes on', () => {
  let dies = true;
  const first = openScheduler(store, {
    tasks: { tick: { async: true, handler: () => new Promise(() => {}) } },
    clock: () => now,
    worker: { pid: 7, startTime: 1, slot: 0, instance: 0 },
  });
  first.schedule('tick', { every: 100 });
  now += 100;
  first.runNext();
  const second = open(() => {
    dies = false;
  });
  second.schedule('tick', { every: 100 });
  now += 950;
  second.recover({ isAlive: () => false });
  pass(second, 100);
  expect(dies).toBe(false);
  expect(ran).toEqual([start + 1050, start + 1100]);
});

describe('cron', () => {
  const berlin = { everyMs: 0, timeZone: 'Europe/Berlin' };
  const times = (cron: string, from: number, count: number): string[] => {
    const found: string[] = [];
    for (let at = from; found.length < count; found.push(new Date(at).toISOString()))
      at = nextOccurrence({ ...berlin, cron }, 0, at);
    return found;
  };

  test('a time that the clock skips in spring runs once, right after the gap', () => {
    expect(times('30 2 * * *', Date.UTC(2026, 2, 28, 12), 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('a time that comes twice in autumn runs once', () => {
    expect(times('30 2 * * *', Date.UTC(2026, 9, 24, 12), 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('runs at its times in the store', () => {
    const scheduler = open();
    scheduler.schedule('tick', { cron: '*/20 * * * * *' });
    pass(scheduler, 60_000);
    expect(ran).toEqual([20, 40, 60].map((seconds) => start + seconds * 1000));
  });

  test('that has no next time ends without harm', () => {
    const scheduler = open();
    scheduler.schedule('tick', { cron: '0 0 30 2 *' });
    expect(scheduler.listSchedules()).toMatchObject([{ taskId: undefined, problem: undefined }]);
  });

  test('whose stored expression cannot be read here notes the problem, and the run that ends keeps its effects', () => {
    const scheduler = open();
    scheduler.schedule('tick', { cron: '* * * * * *' });
    store.transaction(() => {
      const schedule = openTrees(store).schedules.get(['tick', '']);
      if (schedule !== undefined) schedule.timeZone = 'Mars/Olympus';
    });
    pass(scheduler, 1000);
    expect(scheduler.status.completed).toBe(1);
    expect(scheduler.listSchedules()[0]?.problem).toContain('Mars/Olympus');
    scheduler.schedule('tick', { cron: '* * * * * *' });
    expect(scheduler.listSchedules()[0]).toMatchObject({ problem: undefined, dueAt: now + 1000 });
  });

  test.each([
    ['INVALID_SCHEDULE', { cron: 'every day' }],
    ['INVALID_SCHEDULE', { cron: '61 * * * *' }],
    ['INVALID_SCHEDULE', { cron: '* * * * *', timeZone: 'Mars/Olympus' }],
    ['INVALID_OPTION', {}],
    ['INVALID_OPTION', { every: '1s', cron: '* * * * *' }],
    ['INVALID_OPTION', { every: 0 }],
    ['INVALID_OPTION', { every: '1s', timeZone: 'UTC' }],
    ['UNKNOWN_OPTION', { evry: 1 }],
  ])('refuses with %s: %j', (code, options) => {
    expect(() => open().schedule('tick', options as never)).toThrow(expect.objectContaining({ code }));
  });
});
