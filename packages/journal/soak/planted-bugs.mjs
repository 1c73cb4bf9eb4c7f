// Every bug of lib/planted-bugs.mjs is planted in a copy of the packages, and the soak that must find it runs on that copy. One row a bug; failed means that nothing caught it,
// or that its patch no longer applies. Before that the same soaks run on a copy without a bug, and must find nothing.
//
// usage: pnpm soak planted-bugs [--seed S] [--only TEXT] [--json]

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FINDERS, PLANTED_BUGS } from './lib/planted-bugs.mjs';
import { atEnd, Rows, readOptions } from './lib/soak-cli.mjs';
import { buildVariant } from './lib/variant.mjs';

const LIMIT_MS = 10 * 60_000;

const options = readOptions('planted-bugs', {}, { only: { type: 'string', default: '' } });
const rows = new Rows('planted-bugs', options);

for (const finder of new Set(Object.values(PLANTED_BUGS).map((bug) => bug.finder))) {
  const name = `none, ${finder}`;
  if (!name.includes(options.only)) continue;
  rows.add(
    name,
    1,
    await complaints(async () => {
      const { code, output } = await find(finder, 'none', []);
      return code === 0 ? [] : [`it fails without a bug: ${output}`];
    }),
  );
}
for (const [name, { finder, patches }] of Object.entries(PLANTED_BUGS)) {
  if (!name.includes(options.only)) continue;
  rows.add(
    name,
    1,
    await complaints(async () => {
      const { code, output, failed } = await find(finder, name, patches);
      // A copy that does not even start is no catch.
      return code !== 0 && failed > 0 ? [] : [`not caught by ${FINDERS[finder].join(' ')}: ${output}`];
    }),
  );
}
rows.end();

async function complaints(run) {
  try {
    return await run();
  } catch (error) {
    return [error.message];
  }
}

/** Runs a finder on a copy with these patches. */
async function find(finder, name, patches) {
  const [soak, ...args] = FINDERS[finder];
  if (soak === 'store-prefix') return runSoak(soak, [...args, ...(name === 'none' ? [] : ['--plant', name])]);
  const variant = await buildVariant({ patches });
  const remove = atEnd(variant.remove);
  try {
    return await runSoak(soak, [...args, '--packages', variant.folder]);
  } finally {
    remove();
  }
}

function runSoak(soak, args) {
  const program = fileURLToPath(new URL(`./${soak}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args, '--seed', String(options.seed), '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = atEnd(() => child.kill('SIGTERM'));
  const limit = setTimeout(end, LIMIT_MS);
  let output = '';
  let rowsOfSoak = '';
  child.stdout.on('data', (data) => {
    rowsOfSoak += data;
  });
  child.stderr.on('data', (data) => {
    output = (output + data).slice(-3000);
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(limit);
      let failed = 0;
      try {
        failed = JSON.parse(rowsOfSoak).reduce((sum, row) => sum + row.failed, 0);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
      resolve({ code, output: `${output}${rowsOfSoak}`, failed });
    });
  });
}
