// Takeovers with real processes: every way for main to end, and who is main afterwards.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { monotonicMs } from '../src/monotonic.ts';
import { type Member, Members } from './support/members.ts';

let members: Members;
beforeEach(() => {
  members = new Members();
});
afterEach(() => members.end());

async function startPair(options: Record<string, unknown> = {}): Promise<{ main: Member; clone: Member }> {
  const main = members.start(options);
  await main.takesOver();
  const clone = members.start(options);
  await clone.hears('clone');
  return { main, clone };
}

describe('main ends', () => {
  test('the first process is main, the second its clone', async () => {
    const { main, clone } = await startPair();
    expect(await main.takesOver()).toMatchObject({
      reason: 'first',
      term: 1,
      deadPid: undefined,
      unsettled: undefined,
    });
    expect(clone.said.map((line) => line.event)).toEqual(['clone']);
  });

  test.each([
    ['SIGKILL from outside', (main: Member) => main.child.kill('SIGKILL'), 'crash'],
    ['SIGTERM from outside', (main: Member) => main.child.kill('SIGTERM'), 'crash'],
    ['SIGSEGV', (main: Member) => main.tell('segv'), 'crash'],
    ['abort', (main: Member) => main.tell('abort'), 'crash'],
    ['process.exit', (main: Member) => main.tell('exit'), 'crash'],
    ['an uncaught error', (main: Member) => main.tell('throw'), 'crash'],
    ['having nothing more to do', (main: Member) => main.tell('end'), 'exit'],
    [
      'a killing signal inside a transaction',
      async (main: Member) => {
        main.tell('hold-write-lock');
        await main.hears('holding');
        main.child.kill('SIGKILL');
      },
      'crash',
    ],
  ])('by %s: the clone takes over and names the run', async (_way, end, reason) => {
    const { main, clone } = await startPair();
    await main.does('begin', { label: 'fees@77bc01 task collect', taskId: 8812 });
    await end(main);
    const takeover = await clone.takesOver();
    expect(takeover).toMatchObject({
      reason,
      term: 2,
      deadPid: main.pid,
      label: 'fees@77bc01 task collect',
      taskId: 8812,
      candidates: 0,
    });
    await main.exited;
    expect(members.violations()).toEqual([]);
    expect(members.store.root.owner.get('last')).toEqual({ term: 2, pid: clone.pid });
  });

  test('idle: nobody is named', async () => {
    const { main, clone } = await startPair();
    await main.killed();
    const takeover = await clone.takesOver();
    expect(takeover).toMatchObject({ reason: 'crash', deadPid: main.pid });
    expect(takeover.label).toBeUndefined();
  });

  test('with several asynchronous runs in flight: they are candidates', async () => {
    const { main, clone } = await startPair();
    await main.does('begin', { label: 'a', isAsync: true });
    await main.does('begin', { label: 'b', isAsync: true });
    await main.killed();
    expect(await clone.takesOver()).toMatchObject({ label: 'b', candidates: 2 });
  });

  test('by handing over: the clone hears so, and the old main may not write any more', async () => {
    const { main, clone } = await startPair();
    await main.does('close');
    expect(await clone.takesOver()).toMatchObject({ reason: 'released', term: 2, deadPid: undefined });
    await main.does('work');
    expect((await main.hears('refused')).code).toBe('FENCED');
    expect(members.store.root.owner.get('last')).toEqual({ term: 2, pid: clone.pid });
  });
});

describe('main hangs', () => {
  test('a run that misses its deadline is killed and named', async () => {
    const { main, clone } = await startPair({ heartbeatLimitMs: 0 });
    await main.does('begin', { label: 'fees@77bc01 task loop', taskId: 5, hangAfterMs: 150 });
    main.tell('spin');
    expect(await clone.takesOver()).toMatchObject({ reason: 'hang', label: 'fees@77bc01 task loop', taskId: 5 });
    expect(await main.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a nested run names what hangs, the outer one when', async () => {
    const { main, clone } = await startPair({ heartbeatLimitMs: 0 });
    await main.does('begin', { label: 'accounts@1 http', hangAfterMs: 150 });
    await main.does('begin', { label: 'fees@2 quote', hangAfterMs: 60_000 });
    main.tell('spin');
    expect(await clone.takesOver()).toMatchObject({ reason: 'hang', label: 'fees@2 quote' });
  });

  test('an event loop that does not turn is killed, also when nothing was named', async () => {
    const { main, clone } = await startPair({ heartbeatLimitMs: 300 });
    main.tell('spin');
    expect(await clone.takesOver()).toMatchObject({ reason: 'hang', deadPid: main.pid, label: undefined });
    expect(await main.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a stopped process is killed before anybody else is main', async () => {
    const { main, clone } = await startPair({ heartbeatLimitMs: 300 });
    main.tell('work-on');
    await main.hears('done');
    main.child.kill('SIGSTOP');
    expect(await clone.takesOver()).toMatchObject({ reason: 'hang', deadPid: main.pid });
    expect(await main.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await clone.does('work');
    expect(members.violations()).toEqual([]);
  });

  test('main is not blamed for a write lock that another process does not give up', async () => {
    const { main, clone } = await startPair({ heartbeatLimitMs: 1000 });
    const bystander = members.start({}, 'bystander');
    await bystander.hears('bystander');
    await bystander.does('begin', { label: 'a stuck worker' });
    bystander.tell('hold-write-lock');
    await bystander.hears('holding');
    main.tell('work-on');
    expect(await clone.hears('notice')).toMatchObject({
      kind: 'holder-killed',
      pid: bystander.pid,
      label: 'a stuck worker',
    });
    expect(await bystander.exited).toMatchObject({ signal: 'SIGKILL' });
    await main.hears('done');
    expect(clone.said.some((line) => line.event === 'main')).toBe(false);
  });
});

describe('who takes over', () => {
  test('of three clones exactly one does, again and again', async () => {
    let { main, clone } = await startPair();
    let clones = [clone, members.start(), members.start()];
    for (const each of clones) await each.hears('clone');
    for (let term = 2; term <= 4; term++) {
      await main.killed();
      const winner = await Promise.race(clones.map((each) => each.takesOver().then(() => each)));
      expect((await winner.takesOver()).term).toBe(term);
      // The others have had their try when they answer; they are clones still.
      clones = clones.filter((each) => each !== winner);
      for (const each of clones) {
        await each.does('settle');
        expect(each.said.some((line) => line.event === 'main')).toBe(false);
      }
      main = winner;
    }
    expect(clones).toEqual([]);
    expect(members.violations()).toEqual([]);
  });

  test('a clone that dies first changes nothing, and the next one takes over', async () => {
    const { main, clone } = await startPair();
    await clone.killed();
    await main.does('work');
    const second = members.start();
    await second.hears('clone');
    await main.killed();
    expect(await second.takesOver()).toMatchObject({ reason: 'crash', term: 2, deadPid: main.pid });
  });

  test('when both die, the next process to start is main and is told why', async () => {
    const { main, clone } = await startPair();
    await main.does('begin', { label: 'fees@77bc01 task collect', taskId: 8812 });
    await clone.killed();
    await main.killed();
    const third = members.start();
    expect(await third.takesOver()).toMatchObject({
      reason: 'crash',
      term: 2,
      deadPid: main.pid,
      label: 'fees@77bc01 task collect',
      taskId: 8812,
    });
  });

  test('a clone that stops standing by says so and leaves main alone', async () => {
    const { main, clone } = await startPair();
    await clone.does('close');
    expect((await clone.hears('watch-ended')).code).toBe('CLOSED');
    await main.does('work');
    expect(members.violations()).toEqual([]);
  });
});

describe('in the long run', () => {
  test('30 kills in a row under work: each is taken over, no two mains, and quickly', {
    timeout: 120_000,
  }, async () => {
    const sinceKill: number[] = [];
    const sinceDeath: number[] = [];
    let { main, clone } = await startPair();
    for (let kill = 1; kill <= 30; kill++) {
      main.tell('work-on');
      await main.hears('done');
      const workBefore = members.store.root.work.value;
      await expect.poll(() => members.store.root.work.value, { interval: 1 }).toBeGreaterThan(workBefore);
      const killedAtMs = monotonicMs();
      main.child.kill('SIGKILL');
      const { term, takeoverAtMs, latencyMs } = await clone.takesOver();
      expect(term).toBe(kill + 1);
      sinceKill.push(takeoverAtMs - killedAtMs);
      sinceDeath.push(latencyMs as number);
      await main.exited;
      main = clone;
      clone = members.start();
      await clone.hears('clone');
    }
    const at = (values: number[], share: number): string =>
      [...values].sort((a, b) => a - b)[Math.floor(values.length * share)]!.toFixed(2);
    console.log(
      `SIGKILL → main again: p50 ${at(sinceKill, 0.5)} ms, p99 ${at(sinceKill, 0.99)} ms; death seen → main again: p50 ${at(sinceDeath, 0.5)} ms, p99 ${at(sinceDeath, 0.99)} ms (30 kills)`,
    );
    expect(members.violations()).toEqual([]);
    expect(Number(at(sinceKill, 0.5))).toBeLessThan(200);
  });
});
