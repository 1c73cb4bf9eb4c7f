// The benches run tiny here, so that they cannot rot: every case of every subject, with its results checked, and rows of the promised shape.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

interface Row {
  readonly case: string;
  readonly subject: string;
  readonly value: number;
  readonly unit: string;
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
}

/** Runs the built program. */
function bench(...parameters: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [fileURLToPath(new URL('../dist/main.js', import.meta.url)), ...parameters], {
    encoding: 'utf8',
  });
}

function rowsOf({ status, stderr, stdout }: SpawnSyncReturns<string>): Row[] {
  expect(status, stderr).toBe(0);
  const rows = JSON.parse(stdout) as Row[];
  for (const row of rows) {
    expect(row).toMatchObject({
      bench: expect.any(String),
      case: expect.any(String),
      subject: expect.any(String),
      value: expect.any(Number),
      unit: expect.any(String),
      runs: 1,
      spread: 0,
      node: process.version,
    });
    // Memory is reserved in steps: a tiny store fits into the first. A difference of two tiny times may be anything.
    if (row.unit === 'bytes/entry') expect(row.value).toBeGreaterThanOrEqual(0);
    else if (row.unit === 'requests') expect(row.value).toBeGreaterThanOrEqual(0);
    else if (!row.case.startsWith('journal-overhead')) expect(row.value).toBeGreaterThan(0);
    expect(row).toHaveProperty('commit');
  }
  return rows;
}

function subjectsOf(rows: readonly Row[], name: string): string[] {
  return rows.filter((row) => row.case === name).map(({ subject }) => subject);
}

function leftovers(): string[] {
  const ofBench = (name: string): boolean => /^(mofo\.)?(bench-|mofo-bench-)/.test(name);
  return [...readdirSync('/dev/shm'), ...readdirSync(tmpdir())].filter(ofBench);
}

/** Subjects of the store bench that are not part of the workspace's own installation. */
const OPTIONAL_SUBJECTS = ['better-sqlite3-memory', 'better-sqlite3-wal', 'redis-pipeline'];

describe('bench', () => {
  test('store gives a row for every case and subject that can run, and leaves nothing behind', {
    timeout: 240_000,
  }, () => {
    const before = leftovers();
    const result = bench('store', '--quick', '--json', '--case', '*');
    const rows = rowsOf(result);
    // What is not installed is skipped, and said so; nothing else is missing.
    const skipped = [...result.stderr.matchAll(/^SKIPPED (\S+): ./gm)].map((match) => match[1] as string);
    for (const subject of skipped) expect(OPTIONAL_SUBJECTS).toContain(subject);
    const able = (subjects: readonly string[]): string[] => subjects.filter((subject) => !skipped.includes(subject));
    const batch = able(['mofo', 'lmdb', 'lmdb-async', ...OPTIONAL_SUBJECTS, 'map']);
    const without = (...left: string[]): string[] => batch.filter((subject) => !left.includes(subject));
    for (const keys of ['int-random', 'int-sequential', 'string20']) {
      for (const value of ['number', 'record5', 'bytes100']) {
        const kinds = `${keys}.${value}`;
        for (const operation of ['add', 'delete', 'mix']) {
          expect(subjectsOf(rows, `${operation}.batch1000.${kinds}`)).toEqual(batch);
          expect(subjectsOf(rows, `${operation}.commit.${kinds}`)).toEqual(without('map'));
        }
        expect(subjectsOf(rows, `get.${kinds}`)).toEqual(without('lmdb-async'));
        expect(subjectsOf(rows, `scan.${kinds}`)).toEqual(without('lmdb-async', 'redis-pipeline'));
      }
    }
    expect(subjectsOf(rows, 'update-field.record5')).toEqual(batch);
    expect(subjectsOf(rows, 'memory.int-random.number')).toEqual(['mofo', 'lmdb', 'map']);
    for (const name of ['get-two-readers', 'get-alone', 'get-beside-writer'])
      expect(subjectsOf(rows, `${name}.int-random.number`)).toEqual(['mofo', 'lmdb']);
    expect(subjectsOf(rows, 'open.8gib')).toEqual(['mofo', 'lmdb']);
    expect(subjectsOf(rows, 'journal-overhead.batch1000.int-random.number')).toEqual(['mofo']);
    expect(leftovers()).toEqual(before);
  });

  test('tasks are enqueued, run and completed, and begin in another process', { timeout: 120_000 }, () => {
    const before = leftovers();
    const result = bench('tasks', '--quick', '--json', '--case', '*');
    const rows = rowsOf(result);
    const subjects = result.stderr.includes('SKIPPED bullmq: ') ? ['mofo'] : ['mofo', 'bullmq'];
    for (const name of ['run.batch', 'run.single', 'latency.cross-process'])
      expect(subjectsOf(rows, name)).toEqual(subjects);
    const latency = rows.find((row) => row.case === 'latency.cross-process');
    expect(latency?.p99).toBeGreaterThanOrEqual(latency?.p50 as number);
    expect(leftovers()).toEqual(before);
  });

  test('takeover kills, is taken over, and gives p50, p99 and max', { timeout: 120_000 }, () => {
    const before = leftovers();
    const rows = rowsOf(bench('takeover', '--quick', '--json', '--case', 'sigkill.idle'));
    expect(subjectsOf(rows, 'sigkill.idle')).toEqual(['mofo', 'mofo-app', 'node-cluster']);
    for (const { p50, p99, max } of rows) {
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50 as number);
      expect(max).toBeGreaterThanOrEqual(p99 as number);
    }
    expect(leftovers()).toEqual(before);
  });

  test('takeover counts the requests that kills cost, and what it costs to lose none', { timeout: 120_000 }, () => {
    const before = leftovers();
    const failed = rowsOf(bench('takeover', '--quick', '--json', '--case', 'failed-requests.sigkill'));
    expect(subjectsOf(failed, 'failed-requests.sigkill')).toEqual(['mofo', 'node-cluster']);
    expect(failed.find(({ subject }) => subject === 'mofo')?.value).toBe(0);
    expect(failed.find(({ subject }) => subject === 'node-cluster')?.value).toBeGreaterThan(0);
    const cost = rowsOf(bench('takeover', '--quick', '--json', '--case', 'connections.cost*'));
    expect(cost.map((row) => row.case)).toEqual(['connections.cost', 'connections.cost-cpu']);
    expect(leftovers()).toEqual(before);
  });

  test('update saves, is served by the new version, and loses no request', { timeout: 120_000 }, () => {
    const before = leftovers();
    const rows = rowsOf(bench('update', '--quick', '--json', '--subject', 'mofo'));
    expect(rows.map((row) => row.case)).toEqual(['save-to-serving', 'swap-pause', 'failed-requests.100-updates']);
    expect(rows.at(-1)).toMatchObject({ unit: 'requests', value: 0 });
    expect(rows[0]?.p99).toBeGreaterThan(0);
    expect(leftovers()).toEqual(before);
  });

  test.each([
    ['no bench', [], 'Which bench?'],
    ['an unknown bench', ['stor'], 'There is no bench "stor"'],
    ['an unknown case', ['store', '--case', 'nothing.*'], 'No case of bench "store" is like "nothing.*"'],
    ['an unknown option', ['store', '--fast'], 'There is no option --fast'],
    ['an unknown subject', ['store', '--subject', 'mongo'], 'No subject of bench "store" is like "mongo"'],
    ['an option without its value', ['store', '--plot'], '--plot needs a file'],
    ['a number of rounds that is none', ['store', '--rounds', '0'], '--rounds needs a whole number from 1'],
    ['rows that are not there', ['store', '--from', 'nowhere.json'], 'nowhere.json cannot be read'],
  ])('refuses %s with exit code 2', (_what, parameters, message) => {
    const { status, stdout, stderr } = bench(...parameters);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
