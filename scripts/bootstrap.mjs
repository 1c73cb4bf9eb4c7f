// From a fresh clone to a running program with nothing but Node, npm and a C++ compiler: `npm test` and `npm run demo`
// come here. The machine is checked first, so that what is missing is named in one line; then the pinned pnpm installs,
// and the program runs with pnpm on its PATH (turbo needs that).
//
//   node scripts/bootstrap.mjs <program> [arguments]
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { environmentWithPnpm, install } from './lib/install.mjs';
import { runToEnd } from './lib/run.mjs';

const complaints = [...complainAboutNode(), ...complainAboutTools()];
if (complaints.length > 0) {
  for (const complaint of complaints) console.error(`mofo: ${complaint}`);
  process.exit(1);
}

stopWhenOrphaned();
const env = environmentWithPnpm();
const installed = await install(env);
if (installed !== 0) {
  console.error('mofo: the installation failed, nothing was run. Its output above says why.');
  process.exit(installed);
}
process.exit(await runToEnd(process.execPath, process.argv.slice(2), { env }));

/** npm ends at SIGTERM without passing it on; then nobody waits for us any more, and we stop what we started. */
function stopWhenOrphaned() {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  timer.unref();
}

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
