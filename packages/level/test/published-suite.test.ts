// The test suite that abstract-level publishes, as it is, run with tape in a process of its own, with implicit snapshots and without: the manifest
// alone says what it runs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./programs/published-suite.mjs', import.meta.url));
/** The suite of abstract-level 3.1.1 has 5132 assertions with implicit snapshots and 5088 without. */
const PASSED_MIN = 5000;
const LIMIT_MS = 900_000;

describe('the published test suite of abstract-level', () => {
  test.concurrent.each(['true', 'false'])('passes with implicitSnapshots: %s', { timeout: LIMIT_MS }, async (mode) => {
    const child = spawn(process.execPath, [PROGRAM, mode], { timeout: LIMIT_MS });
    const [tap, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect(failuresIn(tap)).toEqual([]);
    expect(errors).toBe('');
    expect(code).toBe(0);
    expect(countIn(tap, 'fail')).toBe(0);
    expect(countIn(tap, 'pass')).toBeGreaterThan(PASSED_MIN);
    expect(countIn(tap, 'pass')).toBe(countIn(tap, 'tests'));
  });
});

/** Each failure with the name of its test and what tape says about it. */
function failuresIn(tap: string): string[] {
  const failures: string[] = [];
  let title = '';
  for (const [line] of tap.matchAll(/^# .*$|^not ok .*\n(?: {2}.*\n)*/gm)) {
    if (line.startsWith('# ')) title = line;
    else failures.push(`${title}\n${line}`);
  }
  return failures;
}

/** The number behind `# tests`, `# pass` or `# fail`; tape leaves out the last one when there are none. */
function countIn(tap: string, what: string): number {
  const lines = tap.trimEnd().split('\n').slice(-6);
  return Number(lines.map((line) => new RegExp(`^# ${what} +(\\d+)$`).exec(line)?.[1]).find(Boolean) ?? 0);
}
