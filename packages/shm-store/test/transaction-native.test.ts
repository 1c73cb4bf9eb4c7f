// The native frame of a transaction and the role of main against real threads and processes that end at the wrong moment (R6-R10).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ShmStoreError } from '../src/errors.ts';
import { CONTROL_CHANNELS } from '../src/layout.ts';
import type { NativeStore } from '../src/native-binding.ts';
import type { NativeRoleEvent } from '../src/native-waiting.ts';
import { openSegments } from '../src/open.ts';
import { RawCounter } from './programs/raw-counter.mjs';
import { startProgram } from './support/run-program.ts';
import { destroyTestStores, uniqueName } from './support/test-stores.ts';

let name = '';
let store: NativeStore;
let counter: RawCounter;

beforeEach(() => {
  name = uniqueName();
  store = openSegments({ name, sizeBytes: 2 ** 20 });
  counter = new RawCounter(store);
});
afterEach(() => {
  store.close();
  destroyTestStores();
});

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function codeOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof ShmStoreError) return error.code;
    throw error;
  }
  return 'none';
}

/** Percentile of some figures. */
function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

describe('the frame', () => {
  test('a body that returns commits, one that throws rolls back and its error arrives', () => {
    counter.add();
    expect(counter.value).toBe(1);
    const failure = new Error('not today');
    expect(() =>
      store.transaction(() => {
        counter.write(2);
        throw failure;
      }),
    ).toThrow(failure);
    expect(counter.value).toBe(1);
    expect(counter.isAtRest).toBe(true);
    expect(counter.sequence).toBe(2);
  });

  test('what is no length of a journal rolls back with a code', () => {
    for (const value of [-1, 1.5, Number.NaN, 2 ** 32, '6', undefined]) {
      const wrong = () => {
        counter.write(5);
        return value as number;
      };
      expect(codeOf(() => store.transaction(wrong))).toBe('INVALID_ARGUMENT');
    }
    const cutShort = () => counter.write(5) - 1;
    expect(codeOf(() => store.transaction(cutShort))).toBe('JOURNAL_CORRUPT');
    expect(counter.value).toBe(0);
    expect(counter.isAtRest).toBe(true);
  });

  test('it is not reentrant and cannot be closed inside, and the outer transaction goes on', () => {
    store.transaction(() => {
      expect(codeOf(() => store.transaction(() => 0))).toBe('IN_TRANSACTION');
      expect(codeOf(() => store.close())).toBe('IN_TRANSACTION');
      expect(codeOf(() => store.assistReader())).toBe('IN_TRANSACTION');
      expect(codeOf(() => store.waitSync(0, 0, 0))).toBe('IN_TRANSACTION');
      return counter.write(1);
    });
    expect(counter.value).toBe(1);
    expect(codeOf(() => store.guardPages(0, 1))).toBe('NO_TRANSACTION');
  });

  test('a second handle of the same thread is told instead of waiting for itself', () => {
    const second = openSegments({ name });
    store.transaction(() => {
      expect(codeOf(() => second.transaction(() => 0))).toBe('IN_TRANSACTION');
      return 0;
    });
    second.close();
  });

  test('of 400 stack overflows in and around a body none leaves anything behind', () => {
    const second = openSegments({ name });
    let begun = 0;
    let overflows = 0;
    const overflow = (): number => overflow() + 1;
    /** Goes down until the stack is full; on the way up tries a transaction after every so many frames, 40 times. */
    const descend = (every: number): number => {
      let frames: number;
      try {
        frames = descend(every) + 1;
      } catch {
        return 0;
      }
      if (frames % every === 0 && frames <= every * 40) {
        try {
          store.transaction(() => {
            begun++;
            counter.write(9);
            return overflow();
          });
        } catch {
          overflows++;
        }
      }
      return frames;
    };
    for (const every of [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]) {
      descend(every);
      expect(counter.isAtRest).toBe(true);
      expect(counter.value).toBe(0);
      second.transaction(() => 0);
    }
    expect(overflows).toBe(400);
    expect(begun).toBeGreaterThan(50);
    second.close();
  });
});

describe('a thread that ends inside a transaction', () => {
  test.each([
    ['terminate', '0', 1],
    ['worker-exit', '0', 1],
  ])('%s of a worker: rolled back, and the main thread goes on', async (way, ending, value) => {
    for (let i = 0; i < 5; i++) {
      const program = startProgram('end-in-transaction.mjs', [name, way]);
      const report = await program.next();
      expect(report).toMatchObject({ isAtRest: true, value: value + i });
      expect(report.addedMs).toBeLessThan(1000);
      expect(await program.ended).toBe(ending);
    }
  });

  test('process.exit on the main thread: the next taker recovers', async () => {
    const program = startProgram('end-in-transaction.mjs', [name, 'main-exit']);
    expect(await program.ended).toBe('4');
    expect(counter.isAtRest).toBe(false);
    counter.add();
    expect(counter.value).toBe(1);
    expect(counter.isAtRest).toBe(true);
  });

  test.each([
    ['hold', '5'],
    ['wait', '6'],
  ])('a worker in a native wait (%s) does not keep process.exit waiting', async (way, ending) => {
    const program = startProgram('end-in-transaction.mjs', [name, way]);
    const beganMs = nowMs();
    expect(await program.ended).toBe(ending);
    expect(nowMs() - beganMs).toBeLessThan(5000);
    counter.add();
    expect(counter.value).toBe(1);
  });
});

test('processes killed at random moments, with another going on: no transaction is torn or lost', {
  timeout: 60_000,
}, async () => {
  const start = () => startProgram('count-forever.mjs', [name]);
  const survivor = start();
  await survivor.next();
  for (let i = 0; i < 25; i++) {
    const victim = start();
    await victim.next();
    const sequence = counter.sequence;
    await expect.poll(() => (counter.sequence - sequence) >>> 0, { interval: 1 }).toBeGreaterThan(20);
    await victim.kill();
    store.transaction(() => {
      expect(counter.value).toBeGreaterThan(0);
      return counter.write(counter.value + 1);
    });
  }
  survivor.child.kill('SIGKILL');
  // Everything it said after its first line would be a torn counter.
  await expect(survivor.next()).rejects.toThrow('SIGKILL');
  store.transaction(() => 0);
  expect(counter.isAtRest).toBe(true);
  expect(counter.value).toBe(counter.sequence / 2);
});

describe('the role of main', () => {
  const nextEvent = (judgesHangs = true): Promise<NativeRoleEvent & { seenMs: number }> =>
    new Promise((resolve) => store.watchRole((event) => resolve({ ...event, seenMs: nowMs() }), judgesHangs, true));

  test('a SIGKILL reaches the clone in milliseconds, 50 times, and each takeover raises the term', {
    timeout: 60_000,
  }, async () => {
    const latenciesMs: number[] = [];
    const takeoversMs: number[] = [];
    for (let i = 0; i < 50; i++) {
      const main = startProgram('be-main.mjs', [name, 'idle']);
      const report = await main.next();
      expect(report.acquired).toBe(true);
      expect(report.term).toBe(2 * i + 1);
      expect(store.tryAcquireRole()).toBe(false);
      const event = nextEvent();
      await new Promise((resolve) => setImmediate(resolve));
      const killedMs = nowMs();
      main.child.kill('SIGKILL');
      const { reason, ownerPid, seenMs } = await event;
      expect(reason).toBe('dead');
      expect(ownerPid).toBe(main.child.pid);
      latenciesMs.push(seenMs - killedMs);
      expect(store.tryAcquireRole()).toBe(true);
      expect(store.raiseTerm()).toBe(2 * i + 2);
      takeoversMs.push(nowMs() - killedMs);
      store.releaseRole();
      await main.ended;
    }
    const show = (figures: number[]) => [0.5, 0.99].map((share) => percentile(figures, share).toFixed(2)).join(' / ');
    process.stdout.write(
      `SIGKILL to callback p50 / p99: ${show(latenciesMs)} ms, to the raised term: ${show(takeoversMs)} ms\n`,
    );
    expect(percentile(latenciesMs, 0.5)).toBeLessThan(50);
  });

  test('a clean end is told from a death', async () => {
    const main = startProgram('be-main.mjs', [name, 'exit']);
    await main.next();
    const event = nextEvent();
    main.child.stdin?.write('end\n');
    expect((await event).reason).toBe('released');
    expect(await main.ended).toBe('0');
  });

  test('a main that loops past its deadline is killed and blamed', async () => {
    const main = startProgram('be-main.mjs', [name, 'loop']);
    await main.next();
    const { reason, slot, atMs, seenMs } = await nextEvent();
    expect(reason).toBe('hang');
    expect(slot).toMatchObject({ pid: main.child.pid, label: 'orders@3 charge', runningSerial: 12 });
    const lateMs = atMs - (slot?.deadlineMs ?? 0);
    process.stdout.write(
      `deadline to death ${lateMs.toFixed(2)} ms, to callback ${(seenMs - (slot?.deadlineMs ?? 0)).toFixed(2)} ms\n`,
    );
    expect(lateMs).toBeGreaterThan(0);
    expect(lateMs).toBeLessThan(1000);
    expect(await main.ended).toBe('SIGKILL');
  });

  test('a stopped main is found by its heartbeat', async () => {
    const main = startProgram('be-main.mjs', [name, 'stopped']);
    await main.next();
    const event = nextEvent();
    main.child.kill('SIGSTOP');
    const { reason, slot, detail } = await event;
    expect(reason).toBe('hang');
    expect(slot?.pid).toBe(main.child.pid);
    expect(detail).toContain('heartbeat');
    expect(await main.ended).toBe('SIGKILL');
  });

  test('an error in a callback is an uncaught exception', async () => {
    const program = startProgram('throw-in-callback.mjs', [name]);
    expect(await program.next()).toEqual({ uncaught: 'from the callback' });
    expect(await program.ended).toBe('0');
  });

  test('close ends the watches, and a closed store says so', () => {
    const second = openSegments({ name });
    second.watchRole(() => {}, true, true);
    second.watchDoorbell(() => {}, true);
    expect(second.readSlot(second.slot)).toMatchObject({ state: 1, pid: process.pid });
    expect(codeOf(() => second.readSlot(64))).toBe('INVALID_ARGUMENT');
    second.close();
    expect(codeOf(() => second.tryAcquireRole())).toBe('CLOSED');
  });
});

test.each([
  ['exit', '7'],
  ['natural', '0'],
  ['throw', '1'],
  ['terminate', '0'],
  ['worker-natural', '0'],
])('a thread that watches ends cleanly and at once: %s', async (way, ending) => {
  for (let i = 0; i < 4; i++) {
    const program = startProgram('end-while-watching.mjs', [name, way]);
    const beganMs = nowMs();
    expect(await program.ended).toBe(ending);
    expect(nowMs() - beganMs).toBeLessThan(5000);
    // Whoever had the role let go of it, dead or not.
    expect(store.tryAcquireRole()).toBe(true);
    store.releaseRole();
  }
});

test('a ring in one process is heard in another and answered', async () => {
  const program = startProgram('echo-channel.mjs', [name]);
  await program.next();
  const channels = new Uint32Array(store.control, CONTROL_CHANNELS, 64);
  const tripsMs: number[] = [];
  let heard: () => void = () => {};
  let seen = channels[11];
  store.watchDoorbell(() => {
    if (channels[11] === seen) return;
    seen = channels[11];
    heard();
  }, true);
  for (let i = 0; i < 200; i++) {
    const answer = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const beganMs = nowMs();
    store.notify(10);
    await answer;
    tripsMs.push(nowMs() - beganMs);
  }
  expect(channels[11]).toBe(200);
  const before = channels[11] as number;
  expect(store.waitSync(11, before, 5)).toBe(false);
  store.notify(10);
  expect(store.waitSync(11, before, 5000)).toBe(true);
  store.unwatchDoorbell();
  await program.kill();
  process.stdout.write(
    `there and back between two event loops p50 / p99: ${percentile(tripsMs, 0.5).toFixed(3)} / ${percentile(tripsMs, 0.99).toFixed(3)} ms\n`,
  );
  expect(percentile(tripsMs, 0.5)).toBeLessThan(20);
});
