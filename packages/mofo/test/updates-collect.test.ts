// Replaced versions leave nothing behind: not in the heap of the process that ran them, not in the other processes of an app, not on disk.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const program = fileURLToPath(new URL('./programs/update-many.mjs', import.meta.url));
const soak = fileURLToPath(new URL('../soak/updates.mjs', import.meta.url));

/** What 200 updates leave in the heap of a young process when nothing stays; one version that is kept holds about 20 KiB. */
const GROWTH_MAX_BYTES = 1.25 * 2 ** 20;

async function updateMany(...parameters: string[]): Promise<{ growth: number; bundles: number }> {
  const { stdout } = await run(process.execPath, ['--expose-gc', program, ...parameters], { timeout: 170_000 });
  return JSON.parse(stdout) as { growth: number; bundles: number };
}

it('200 updates leave the heap flat, and no more versions on disk than are kept', async () => {
  const { growth, bundles } = await updateMany('200');
  expect(growth).toBeLessThanOrEqual(GROWTH_MAX_BYTES);
  expect(bundles).toBeLessThanOrEqual(50);
}, 180_000);

it('planted bug: versions that somebody keeps are seen', async () => {
  expect((await updateMany('60', 'keep')).growth).toBeGreaterThan(GROWTH_MAX_BYTES);
}, 180_000);

it('the soak of updates holds in its quick form: main, clone and launcher', async () => {
  const { stdout } = await run(process.execPath, [soak, '--quick', '--json'], { timeout: 170_000 });
  const rows = JSON.parse(stdout) as { case: string; failed: number }[];
  expect(rows.map((row) => row.case)).toEqual([
    'updates',
    'growth.main.heap',
    'growth.clone.heap',
    'growth.launcher.heap',
    'bundles-on-disk',
  ]);
  expect(rows.filter(({ failed }) => failed > 0)).toEqual([]);
}, 180_000);
