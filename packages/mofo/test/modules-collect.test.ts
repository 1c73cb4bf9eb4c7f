import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('./programs/replace-many.mjs', import.meta.url));

it('2,000 replaced versions leave the heap flat', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, '2000'], { timeout: 60_000 });
  const { growth, maps } = JSON.parse(stdout) as { growth: number; maps: number };
  // A kilobyte a version, as vm.Script would leave behind, is not flat.
  expect(growth).toBeLessThanOrEqual(1.5 * 2 ** 20);
  // The running one, and perhaps one that the stack still shows to the collector.
  expect(maps).toBeLessThanOrEqual(3);
}, 90_000);
