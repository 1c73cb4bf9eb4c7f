import { openPrivateStore, SLOT_GENERATION, SLOT_RUNNING_SERIAL, SLOT_STATE } from '@mofo/shm-store';
import { describe, expect, test, vi } from 'vitest';
import { clearRecord, readRecord, writeRecord } from '../src/death-record.ts';
import { startHeartbeat } from '../src/heartbeat.ts';
import { createLabel } from '../src/label.ts';
import { monotonicMs } from '../src/monotonic.ts';
import { RunningWord } from '../src/running-word.ts';
import { readSlot } from '../src/slot-report.ts';
import { slotViews } from '../src/slot-words.ts';

function open() {
  const native = openPrivateStore({ sizeBytes: 2 ** 20 });
  slotViews(native, native.slot).words[SLOT_STATE / 4] = 1;
  return { native, running: new RunningWord(native), report: () => readSlot(native, native.slot) };
}

describe('label', () => {
  test('keeps text up to 192 bytes', () => {
    expect(createLabel('a'.repeat(192)).text).toBe('a'.repeat(192));
  });

  test.each([
    ['a'.repeat(193), `${'a'.repeat(189)}…`],
    ['ä'.repeat(100), `${'ä'.repeat(94)}…`],
    ['😀'.repeat(50), `${'😀'.repeat(47)}…`],
  ])('cuts %s between characters and says so', (text, cut) => {
    expect(createLabel(text).text).toBe(cut);
  });

  test.each([[''], [undefined], [7]])('refuses %s', (text) => {
    expect(() => createLabel(text as string)).toThrow(TypeError);
  });
});

describe('running word', () => {
  test('an idle process names nothing', () => {
    expect(open().report()).toMatchObject({ complete: true, openRuns: 0, label: undefined, taskId: undefined });
  });

  test('names a run with its task, start and deadline, and takes it out again', () => {
    const { running, report } = open();
    const before = monotonicMs();
    const run = running.begin(createLabel('fees@a1f3d2 task collect'), 8812, 2000);
    const during = report();
    expect(during).toMatchObject({
      complete: true,
      openRuns: 1,
      label: 'fees@a1f3d2 task collect',
      taskId: 8812,
      candidates: 0,
    });
    expect(during.runStartedAtMs).toBeGreaterThanOrEqual(before);
    expect(during.deadlineMs).toBe((during.runStartedAtMs as number) + 2000);
    running.end(run);
    expect(report()).toMatchObject({ openRuns: 0, label: undefined, taskId: undefined, deadlineMs: undefined });
  });

  test('a nested run names another version, and its end restores the outer one', () => {
    const { running, report } = open();
    const outer = running.begin(createLabel('accounts@1 http'), 0, 1000);
    const outerDeadlineMs = report().deadlineMs;
    const inner = running.begin(createLabel('fees@77bc01 quote'), 3);
    expect(report()).toMatchObject({ openRuns: 2, label: 'fees@77bc01 quote', taskId: 3, deadlineMs: outerDeadlineMs });
    running.end(inner);
    expect(report()).toMatchObject({
      openRuns: 1,
      label: 'accounts@1 http',
      taskId: undefined,
      deadlineMs: outerDeadlineMs,
    });
    running.end(outer);
  });

  test('a nested run may have less time than the outer one, never more', () => {
    const { running, report } = open();
    const outer = running.begin(createLabel('outer'), 0, 1000);
    const outerDeadlineMs = report().deadlineMs as number;
    const longer = running.begin(createLabel('longer'), 0, 5000);
    expect(report().deadlineMs).toBe(outerDeadlineMs);
    running.end(longer);
    const shorter = running.begin(createLabel('shorter'), 0, 10);
    expect(report().deadlineMs).toBeLessThan(outerDeadlineMs);
    running.end(shorter);
    expect(report().deadlineMs).toBe(outerDeadlineMs);
    running.end(outer);
  });

  test('a shorter label leaves nothing of a longer one', () => {
    const { running, report } = open();
    running.end(running.begin(createLabel('a very long label indeed')));
    running.begin(createLabel('ab'));
    expect(report().label).toBe('ab');
  });

  test('asynchronous runs in flight are candidates; a synchronous one on top is exact', () => {
    const { running, report } = open();
    const a = running.begin(createLabel('a'), 1, 1000, true);
    const b = running.begin(createLabel('b'), 2, 0, true);
    expect(report()).toMatchObject({ label: 'b', candidates: 2 });
    const c = running.begin(createLabel('c'), 3);
    expect(report()).toMatchObject({ label: 'c', candidates: 0, openRuns: 3 });
    running.end(c);
    running.end(a);
    expect(report()).toMatchObject({ label: 'b', taskId: 2, candidates: 1, openRuns: 1, deadlineMs: undefined });
    running.end(b);
    expect(report()).toMatchObject({ openRuns: 0, candidates: 0 });
  });

  test('a run ends once', () => {
    const { running } = open();
    const run = running.begin(createLabel('a'));
    running.end(run);
    expect(() => running.end(run)).toThrow(expect.objectContaining({ code: 'RUN_NOT_OPEN' }));
  });

  test('refuses the run after the last one that is kept, and goes on', () => {
    const { running, report } = open();
    const label = createLabel('a');
    for (let i = 0; i < 4096; i++) running.begin(label);
    expect(() => running.begin(label)).toThrow(expect.objectContaining({ code: 'TOO_MANY_RUNS' }));
    expect(report().openRuns).toBe(4096);
  });

  test('deadlines are off while a debugger is attached, and come back', () => {
    const { running, report } = open();
    running.begin(createLabel('a'), 0, 1000);
    const { deadlineMs } = report();
    running.setDeadlinesOn(false);
    expect(report()).toMatchObject({ label: 'a', deadlineMs: undefined });
    running.setDeadlinesOn(true);
    expect(report().deadlineMs).toBe(deadlineMs);
  });

  test('words of a run that was cut short while being named are not believed', () => {
    const { native, running, report } = open();
    running.begin(createLabel('a'), 1);
    const { words } = slotViews(native, native.slot);
    words[SLOT_RUNNING_SERIAL / 4] = (words[SLOT_RUNNING_SERIAL / 4] as number) + 1;
    expect(report()).toMatchObject({ complete: false, openRuns: 0, label: undefined, taskId: undefined });
  });

  // The order of stores is the claim: whatever prefix of them a dead process has made, no reader sees one run's label with another's task.
  test('every prefix of the stores of a begin or end shows the old run, the new run, or says that it is incomplete', () => {
    const { native, report } = open();
    const logged: [string, number, number][] = [];
    const log = (name: string, view: Uint32Array | Float64Array) =>
      new Proxy(view, {
        set(target, key, value) {
          target[Number(key)] = value;
          logged.push([name, Number(key), value]);
          return true;
        },
        get: (target, key) => target[key as unknown as number],
      });
    const running = new RunningWord(native);
    const views = slotViews(native, native.slot);
    const inside = running as unknown as { words: Uint32Array; floats: Float64Array };
    inside.words = log('words', views.words) as Uint32Array;
    inside.floats = log('floats', views.floats) as Float64Array;
    const outer = running.begin(createLabel('the outer one'), 1);
    const inner = running.begin(createLabel('inner'), 2, 500);
    running.end(inner);
    running.end(outer);
    views.bytes.fill(0);
    const allowed = ['none/0/undefined', 'the outer one/1/undefined', 'inner/2/deadline'];
    const seen = new Set<string>();
    for (const [name, index, value] of logged) {
      (name === 'words' ? views.words : views.floats)[index] = value;
      const { complete, label, taskId, deadlineMs } = report();
      if (!complete) continue;
      seen.add(`${label ?? 'none'}/${taskId ?? 0}/${deadlineMs === undefined ? undefined : 'deadline'}`);
    }
    expect([...seen].sort()).toEqual(allowed.sort());
  });

  test('costs well under a microsecond', () => {
    const { running } = open();
    const outer = createLabel('accounts@1f00aa http POST /transfer');
    const inner = createLabel('fees@a1f3d2 quote');
    const measure = (body: () => void): number => {
      for (let i = 0; i < 100_000; i++) body();
      const start = monotonicMs();
      for (let i = 0; i < 500_000; i++) body();
      return ((monotonicMs() - start) * 1e6) / 500_000;
    };
    const same = measure(() => running.end(running.begin(outer, 7, 2000)));
    const nested = measure(() => {
      const a = running.begin(outer, 7, 2000);
      running.end(running.begin(inner, 8, 2000));
      running.end(a);
    });
    console.log(
      `running word: ${same.toFixed(0)} ns for begin and end, ${nested.toFixed(0)} ns for two nested ones with changing labels`,
    );
    expect(same).toBeLessThan(2_000);
  });
});

describe('heartbeat', () => {
  test('beats on its own, and silence after close is no hang', async () => {
    const { native, running, report } = open();
    const heart = startHeartbeat(native, running, 50);
    const first = report().heartbeatAtMs as number;
    expect(report().heartbeatLimitMs).toBe(50);
    await expect.poll(() => report().heartbeatAtMs).toBeGreaterThan(first);
    heart.close();
    expect(report().heartbeatLimitMs).toBeUndefined();
  });
});

describe("heartbeat of a slot that is another's by now", () => {
  test('stops', () => {
    vi.useFakeTimers();
    const { native, running, report } = open();
    const heart = startHeartbeat(native, running, 400);
    const last = report().heartbeatAtMs;
    slotViews(native, native.slot).words[SLOT_GENERATION / 4] = 99;
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
    heart.close();
    expect(report()).toMatchObject({ heartbeatAtMs: last, heartbeatLimitMs: 400 });
    vi.useRealTimers();
  });
});

describe('death record', () => {
  test.each([
    ['of a run', { reason: 'hang', openRuns: 2, label: `fees@77bc01 ${'ä'.repeat(60)}`, taskId: 8812, candidates: 3 }],
    ['of an idle process', { reason: 'crash', openRuns: 0, label: undefined, taskId: undefined, candidates: 0 }],
  ] as const)('%s is read back as written, until struck out', (_name, facts) => {
    const { native } = open();
    const death = { ...facts, pid: 4312, term: 7, deathAtMs: 123.5 };
    expect(readRecord(native, native.slot)).toBeUndefined();
    writeRecord(native, death);
    expect(readRecord(native, native.slot)).toEqual(death);
    clearRecord(native);
    expect(readRecord(native, native.slot)).toBeUndefined();
  });

  test('does not touch the running word', () => {
    const { native, running, report } = open();
    running.begin(createLabel('x'.repeat(192)), 5, 100, true);
    const before = report();
    writeRecord(native, {
      reason: 'hang',
      pid: 1,
      term: 1,
      deathAtMs: 1,
      openRuns: 1,
      label: 'y'.repeat(192),
      taskId: 1,
      candidates: 0,
    });
    expect(report()).toEqual(before);
  });
});
