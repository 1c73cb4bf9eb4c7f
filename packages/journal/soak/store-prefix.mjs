// Cuts random transactions after each of their stores for as long as wanted: test/cut.test.ts with more time.
// usage: pnpm soak store-prefix [--minutes N] [--seed S] [--json]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('usage: pnpm soak store-prefix [--minutes N] [--seed S] [--json]');
  process.exit(2);
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'journal', 'test/cut.test.ts'];
const env = { ...process.env, MOFO_SOAK_MINUTES: String(minutes), MOFO_SOAK_SEED: String(seed) };
const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
let output = '';
child.stdout.on('data', (chunk) => {
  output += chunk;
  if (!values.json) process.stderr.write(chunk);
});
child.on('close', (code) => {
  const tried = Number(/\{"tried":(\d+)/.exec(output)?.[1] ?? 0);
  const failed = code === 0 && tried > 0 ? 0 : 1;
  if (failed > 0 && values.json) process.stderr.write(output);
  const row = { soak: 'store-prefix', case: 'random-transactions', tried, failed, seed, minutes };
  console.log(JSON.stringify(values.json ? [row] : row));
  process.exitCode = failed;
});
