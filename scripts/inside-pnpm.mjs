// The second half of bootstrap.mjs, with pnpm on the PATH: install exactly what the lockfile says, then run a root
// script. What the installation prints goes to standard error, so that `--json` output stays clean.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { runToEnd } from './lib/run.mjs';

const [script, ...scriptArguments] = process.argv.slice(2);
if (script === undefined) throw new Error('usage: node scripts/bootstrap.mjs <root script> [arguments]');

reserveCommandFile('packages/mofo/dist/cli/main.js');
const toStandardError = { stdio: ['ignore', process.stderr, process.stderr] };
const installed = await runToEnd('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only'], toStandardError);
if (installed !== 0) {
  console.error('mofo: the installation failed, nothing was run. Its output above says why.');
  process.exit(installed);
}
process.exit(await runToEnd('pnpm', ['--silent', 'run', script, ...scriptArguments]));

/** pnpm links a package's commands while installing and skips those that are not built yet; so the file is there first. */
function reserveCommandFile(path) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/usr/bin/env node\nthrow new Error('mofo is not built yet; run: pnpm build');\n");
}
