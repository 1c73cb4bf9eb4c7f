// Which deaths clear a version on probation, row by row; what nobody can clear it of costs its try.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistry, type Registry, type Version } from '@mofo/versions';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Deaths } from '../src/runtime/deaths.ts';
import type { TakeoverReport } from '../src/runtime/messages.ts';
import { OomKills } from '../src/runtime/oom-kills.ts';
import { isCleared, type JudgedEnd, type ProcessEnd } from '../src/runtime/settle-tries.ts';

const tried = { module: 'fees', hash: 'a1f3d2'.padEnd(64, '0') };
const other = 'b'.repeat(64);
const own = { module: 'fees', id: 'a1f3d2', what: 'task collect' };
const others = { module: 'accounts', id: 'bbbbbb', what: 'task interest' };

const byCode = (exitCode: number): ProcessEnd => ({ exitCode, signal: null, isHung: false, isOutOfMemory: false });
const bySignal = (signal: NodeJS.Signals, isHung = false): ProcessEnd => ({
  exitCode: null,
  signal,
  isHung,
  isOutOfMemory: false,
});

function judged(parts: Partial<JudgedEnd>): JudgedEnd {
  return { reason: 'crash', named: undefined, guilty: undefined, end: byCode(1), ...parts };
}

const cleared: readonly [string, Partial<JudgedEnd>][] = [
  ['a kill from outside while nothing ran', { end: bySignal('SIGKILL') }],
  ['a kill from outside while another ran', { end: bySignal('SIGKILL'), named: others }],
  ['a kill from outside at the moment of a takeover', { reason: 'exit', end: bySignal('SIGKILL') }],
  ['a kill for which another was found guilty', { end: bySignal('SIGSEGV'), named: others, guilty: other }],
  ['an exit in a run of another', { end: byCode(3), named: others }],
  ['a hang in a run of another', { reason: 'hang', end: bySignal('SIGKILL'), named: others }],
];
const notCleared: readonly [string, Partial<JudgedEnd>][] = [
  ['a kill from outside in a run of its own', { end: bySignal('SIGKILL'), named: own }],
  ['a kill by the kernel for want of memory', { end: { ...bySignal('SIGKILL'), isOutOfMemory: true }, named: others }],
  ['its own guilt', { end: bySignal('SIGKILL'), guilty: tried.hash }],
  ['a segmentation fault while nothing ran', { end: bySignal('SIGSEGV') }],
  ['a segmentation fault in a run of another that is stable', { end: bySignal('SIGSEGV'), named: others }],
  ['an abort, such as an exhausted heap', { end: bySignal('SIGABRT'), named: others }],
  ['an exit while nothing ran', { end: byCode(5) }],
  ['a hang while nothing ran', { reason: 'hang', end: bySignal('SIGKILL') }],
  ['a process that did not answer and was killed for it', { end: bySignal('SIGKILL', true) }],
];

describe('a version on probation', () => {
  it.each(cleared)('is cleared of %s', (_name, parts) => expect(isCleared(tried, judged(parts))).toBe(true));
  it.each(notCleared)('is not cleared of %s', (_name, parts) => expect(isCleared(tried, judged(parts))).toBe(false));
});

it('kills for want of memory are told from others by the count that the kernel keeps', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mofo-oom-'));
  const file = join(directory, 'vmstat');
  writeFileSync(file, 'nr_free_pages 12\noom_kill 3\nthp_fault_alloc 0\n');
  const kills = new OomKills(file);
  expect(kills.hasRisen()).toBe(false);
  writeFileSync(file, 'oom_kill 4\n');
  expect([kills.hasRisen(), kills.hasRisen()]).toEqual([true, false]);
  rmSync(directory, { recursive: true });
  expect(kills.hasRisen()).toBe(false);
  expect(new OomKills().hasRisen()).toBe(false);
});

describe('the launcher', () => {
  const main = { pid: 1, holder: 'main' };
  const clone = { pid: 2, holder: 'clone' };
  const next = { pid: 3, holder: 'next' };
  let directory: string;
  let registry: Registry;
  let deaths: Deaths;
  let settledCount: number;
  let version: Version;
  let isStopping: boolean;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mofo-deaths-'));
    registry = openRegistry({ directory });
    version = registry.markChecked(await registry.add('fees', { bundle: '1', source: 'fees.ts' }));
    registry.spendTry(version, { by: main.holder });
    registry.markProbation(version);
    settledCount = 0;
    isStopping = false;
    deaths = new Deaths(registry, { onSettled: () => settledCount++, isStopping: () => isStopping });
  });
  afterEach(() => {
    registry.close();
    rmSync(directory, { recursive: true });
  });

  const report = (deadPid: number, inherited: readonly Version[] = []): TakeoverReport => ({
    ...{ reason: 'crash', deadPid, label: '', isExact: true, inherited, latencyMs: 0, servingMs: 0 },
  });
  const tries = (): unknown => {
    const { triesLeft, openTries } = registry.get('fees', version.id) as Version;
    return { triesLeft, openTries };
  };

  it('settles a death when it knows both the end and the takeover, whichever comes first', () => {
    deaths.tookOver(clone, report(1), main);
    expect(deaths.isWaiting).toBe(true);
    expect(tries()).toEqual({ triesLeft: 2, openTries: ['main'] });
    deaths.ended(main, bySignal('SIGKILL'));
    expect(settledCount).toBe(1);
    expect(tries()).toEqual({ triesLeft: 3, openTries: [] });

    registry.spendTry(version, { by: clone.holder });
    deaths.ended(clone, bySignal('SIGKILL'));
    expect(deaths.isWaiting).toBe(false);
    deaths.tookOver(next, report(2), undefined);
    expect(tries()).toEqual({ triesLeft: 3, openTries: [] });
  });

  it('charges the process in which a version goes on', () => {
    deaths.ended(main, byCode(5));
    deaths.tookOver(clone, report(1, [version]), main);
    expect(tries()).toEqual({ triesLeft: 1, openTries: ['main', 'clone'] });
  });

  it('charges nothing when it is stopping', () => {
    isStopping = true;
    deaths.ended(main, bySignal('SIGKILL'));
    deaths.tookOver(clone, report(1, [version]), main);
    expect(tries()).toEqual({ triesLeft: 3, openTries: [] });
  });

  it('settles the death of a main whose successor died before it could report', () => {
    deaths.ended(main, bySignal('SIGKILL'));
    deaths.ended(clone, bySignal('SIGKILL'));
    deaths.tookOver(next, report(2), undefined);
    expect(tries()).toEqual({ triesLeft: 3, openTries: [] });
  });

  it('gives nothing back for a process that it never knew', () => {
    deaths.tookOver(next, report(77), undefined);
    expect(tries()).toEqual({ triesLeft: 2, openTries: ['main'] });
  });
});
