// openWatchdog with a real program that starts its own clones.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { destroyStore, openStore, type Store } from '@mofo/journal';
import { killProcess, processStartTime, SLOT_COUNT } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSlot } from '../src/slot-report.ts';
import { openWatchdog } from '../src/watchdog.ts';
import type { Said } from './support/members.ts';

let lastNumber = 0;
let name: string;
let store: Store;
let said: Said[];
let child: ChildProcess | undefined;
/** Resolves when every process that inherited the program's output, whoever started it, has ended. */
let outputEnded: Promise<unknown>;

beforeEach(() => {
  name = `test-${process.pid}-pair-${++lastNumber}`;
  store = openStore({ name, sizeBytes: 2 ** 20 });
  said = [];
  child = undefined;
  outputEnded = Promise.resolve();
});
afterEach(async () => {
  // Clones take over and start clones while we kill. Each is found sooner or later, for it attaches to the store.
  const timer = setInterval(killAttached, 10);
  await outputEnded;
  clearInterval(timer);
  store.close();
  destroyStore(name, { force: true });
});

function startPair(options: Record<string, unknown>, what: string): void {
  const program = fileURLToPath(new URL('./programs/pair.mjs', import.meta.url));
  child = spawn(process.execPath, [program, name, JSON.stringify(options), what], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! });
  outputEnded = once(lines, 'close');
  lines.on('line', (line) => said.push(JSON.parse(line) as Said));
}

/** Kills every other process that is attached to the store. */
function killAttached(): void {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const { used, pid, startTime } = readSlot(store.native, slot);
    if (used && pid !== process.pid) killProcess(pid, startTime, constants.signals.SIGKILL);
  }
}

/** The nth line of that kind, as soon as it is said. */
async function hear(event: string, nth = 1): Promise<Said> {
  let found: Said | undefined;
  await expect
    .poll(() => (found = said.filter((line) => line.event === event)[nth - 1]), { timeout: 20_000, interval: 2 })
    .toBeDefined();
  return found as Said;
}

describe('openWatchdog', () => {
  test('main starts a clone; the clone takes over, is told what main died of, and starts the next clone', async () => {
    startPair({}, 'work');
    const first = await hear('running');
    const ready = await hear('clone-ready');
    process.kill(first.pid, 'SIGKILL');
    const { pid, takeover } = await hear('main', 2);
    expect(pid).toBe(ready.childPid);
    expect(takeover).toMatchObject({
      reason: 'crash',
      term: 2,
      deadPid: first.pid,
      label: `run of ${first.pid}`,
      taskId: first.pid,
    });
    expect((await hear('clone-ready', 2)).pid).toBe(pid);
  });

  test('a clone that dies is replaced', async () => {
    startPair({}, 'work');
    const first = await hear('clone-ready');
    process.kill(first.childPid as number, 'SIGKILL');
    expect(await hear('clone-ended')).toMatchObject({ childPid: first.childPid, signal: 'SIGKILL' });
    const second = await hear('clone-ready', 2);
    expect(second.pid).toBe(first.pid);
    expect(second.childPid).not.toBe(first.childPid);
  });

  test('clones that cannot stay alive are given up after the budget, and main goes on', async () => {
    startPair({ burst: { count: 3, windowMs: 60_000 }, env: { CLONE_DIES: '1' } }, 'work');
    expect((await hear('no-clone')).code).toBe('NO_CLONE');
    expect(said.filter((line) => line.event === 'clone-ended')).toHaveLength(3);
    expect(said.some((line) => line.event === 'clone-budget-spent' && line.full === 'burst')).toBe(true);
    await hear('running');
  });

  test('a program that dies again and again is not taken over from for ever', async () => {
    startPair({ burst: { count: 2, windowMs: 60_000 } }, 'work');
    for (let nth = 1; nth <= 3; nth++) {
      const { pid } = await hear('running', nth);
      process.kill(pid, 'SIGKILL');
    }
    expect((await hear('takeover-refused')).code).toBe('RESTART_BUDGET_SPENT');
    expect(said.filter((line) => line.event === 'main')).toHaveLength(3);
  });

  test('close ends the clone, hands the role over and lets the program end', async () => {
    startPair({}, 'close');
    await hear('closed');
    const [code] = await once(child!, 'exit');
    expect(code).toBe(0);
    const { childPid } = await hear('clone-ready');
    expect(processStartTime(childPid as number)).toBeUndefined();
    const guard = await openWatchdog({ store });
    expect(await guard.takeover).toMatchObject({ reason: 'released', term: 2 });
    await guard.close();
  });
});

describe('openWatchdog in this process', () => {
  test('main may run, a closed one may not, and both say so with a code', async () => {
    const guard = await openWatchdog({ store, heartbeatLimitMs: 0 });
    expect(guard.role).toBe('main');
    const run = guard.begin('task 17', { hangAfterMs: 2000, taskId: 17 });
    run.end();
    run.end();
    await expect(guard.cloneReady()).rejects.toMatchObject({ code: 'NO_CLONE' });
    await guard.close();
    await guard.close();
    expect(guard.role).toBe('none');
    expect(() => guard.begin('task 18')).toThrow(expect.objectContaining({ code: 'NOT_MAIN' }));
    await expect(guard.cloneReady()).rejects.toMatchObject({ code: 'NOT_MAIN' });
  });

  test.each([
    ['an unknown option', { hangafter: 3 }, { code: 'UNKNOWN_OPTION' }],
    ['a heartbeat limit that any garbage collection would miss', { heartbeatLimitMs: 5 }, { name: 'RangeError' }],
    ['a negative deadline', { hangAfterMs: -1 }, { name: 'RangeError' }],
    ['an endless deadline', { hangAfterMs: Number.NaN }, { name: 'RangeError' }],
    ['a budget that is none', { burst: { count: -1, windowMs: 1 } }, { name: 'RangeError' }],
  ])('refuses %s and takes no role', async (_what, options, error) => {
    await expect(openWatchdog({ store, ...options })).rejects.toMatchObject(error);
    const guard = await openWatchdog({ store });
    expect(guard.role).toBe('main');
    await guard.close();
  });

  test('refuses a run with an unknown option', async () => {
    const guard = await openWatchdog({ store });
    expect(() => guard.begin('a', { taskID: 3 } as object)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
    );
    await guard.close();
  });
});
