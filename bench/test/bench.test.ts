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
    // Memory is reserved in steps: a tiny store fits into the first.
    expect(row.value).toBeGreaterThan(row.unit === 'bytes/entry' ? -1 : 0);
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

describe('bench', () => {
  test('store gives a row for every case and subject, and leaves nothing behind', { timeout: 120_000 }, () => {
    const before = leftovers();
    const rows = rowsOf(bench('store', '--quick', '--json', '--case', '*int-random*'));
    expect(subjectsOf(rows, 'add.batch1000.int-random.number')).toEqual(['mofo', 'lmdb', 'map']);
    expect(subjectsOf(rows, 'delete.commit.int-random.bytes100')).toEqual(['mofo', 'lmdb']);
    expect(subjectsOf(rows, 'get.int-random.record5')).toEqual(['mofo', 'lmdb', 'map']);
    expect(subjectsOf(rows, 'memory.int-random.number')).toEqual(['mofo', 'lmdb', 'map']);
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

  test.each([
    ['no bench', [], 'Which bench?'],
    ['an unknown bench', ['stor'], 'There is no bench "stor"'],
    ['an unknown case', ['store', '--case', 'nothing.*'], 'No case of bench "store" is like "nothing.*"'],
    ['an unknown option', ['store', '--fast'], 'There is no option --fast'],
  ])('refuses %s with exit code 2', (_what, parameters, message) => {
    const { status, stdout, stderr } = bench(...parameters);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
