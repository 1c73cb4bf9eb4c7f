// From a fresh clone to a running command with nothing but Node, npm and a C++ compiler: `npm test` and `npm run demo`
// come here. The machine is checked first, so that what is missing is named in one line; then the pinned pnpm is
// started, which puts itself on the PATH for everything below (turbo needs that).
//
//   node scripts/bootstrap.mjs <root script> [arguments]
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runToEnd } from './lib/run.mjs';

const root = new URL('..', import.meta.url).pathname;
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const complaints = [...complainAboutNode(), ...complainAboutTools()];
if (complaints.length > 0) {
  for (const complaint of complaints) console.error(`mofo: ${complaint}`);
  process.exit(1);
}

const inside = ['node', join(root, 'scripts/inside-pnpm.mjs'), ...process.argv.slice(2)];
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
process.exit(await runToEnd('npx', ['-y', `--package=${packageManager}`, '--', ...inside], { cwd: root, env }));

function complainAboutNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [];
  return [
    `Node ${process.versions.node} is too old. Install Node 20.19 or newer (https://nodejs.org), then try again.`,
  ];
}

function complainAboutTools() {
  if (process.platform !== 'linux') return [`Linux is needed to build and test; this is ${process.platform}.`];
  const compiler = process.env.CXX ?? 'g++';
  const missing = [compiler, 'make', 'python3'].filter((tool) => !isOnPath(tool));
  if (missing.length === 0) return [];
  const hint = 'On Debian or Ubuntu: sudo apt-get install g++ make python3';
  return [`${missing.join(', ')} not found; the native part is built from source with it. ${hint}`];
}

function isOnPath(command) {
  const name = command.split(' ')[0] ?? command;
  if (name.includes('/')) return existsSync(name);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
}
