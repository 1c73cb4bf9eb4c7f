// The vitest part of the test run, counted from vitest's own JSON report rather than from its text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture } from './capture.mjs';
import { root } from './workspace.mjs';

const limitMs = 900_000;

/** @returns {Promise<{ passed: number, failed: number, output: string, note: string }>} */
export async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'mofo-vitest-'));
  const file = join(folder, 'report.json');
  const vitest = ['exec', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  try {
    const { code, output } = await capture('pnpm', vitest, { cwd: root, limitMs });
    return { output, ...count(readReport(file), code) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined; // vitest did not get as far; its output says why
    throw error;
  }
}

function count(report, code) {
  if (report === undefined) return { passed: 0, failed: 1, note: 'no report' };
  // A file that cannot be loaded has no tests to fail, and counts as one failure itself.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const passed = report.numPassedTests;
  let failed = report.numFailedTests + brokenFiles;
  // Errors outside any test, or no test at all: vitest's exit code alone knows.
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed, failed, note: `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}` };
}
