// The fault matrix of test/faults, all of it: each cell is an application of its own, in which a fault strikes for real.
//
// usage: pnpm soak faults [--only PART-OF-A-NAME] [--json]      names: "SIGSEGV in task of main"

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, json: { type: 'boolean', default: false } },
});
const tests = new URL('../test/', import.meta.url);
const rows = [];
const start = Date.now();

const { runCells, impossibleReasons } = await load(new URL('programs/fault-cells.ts', tests));
await runCells(values.only, (name, problems) => {
  const minutes = Math.round((Date.now() - start) / 600) / 100;
  const row = { soak: 'faults', case: name, tried: 1, failed: problems.length === 0 ? 0 : 1, seed: 0, minutes };
  rows.push(row);
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (!values.json) console.log(JSON.stringify(row));
});
if (values.json) console.log(JSON.stringify(rows));
else for (const { reason, count } of impossibleReasons) console.log(`${count} cells cannot be: ${reason}`);
if (rows.length === 0) console.error(`No cell's name contains "${values.only}".`);
const failed = rows.filter((row) => row.failed > 0);
console.error(`${rows.length - failed.length} cells as they must be, ${failed.length} not`);
process.exitCode = rows.length === 0 || failed.length > 0 ? 1 : 0;

/** The tests are TypeScript, which the oldest supported Node does not read. */
async function load(program) {
  const folder = mkdtempSync(join(tmpdir(), 'mofo-soak-'));
  try {
    const bundle = await rolldown({
      input: program.pathname,
      platform: 'node',
      // Where the application under test looks for the command.
      transform: {
        define: { 'import.meta.url': JSON.stringify(String(new URL('runtime/support/test-app.ts', tests))) },
      },
    });
    const file = join(folder, 'cells.mjs');
    await bundle.write({ file, format: 'esm' });
    return await import(String(pathToFileURL(file)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
