// Bytes from shared memory are input: flipped, spliced, truncated, linked in circles, they lead to results or to coded errors; never to a crash, a hang or an error without a
// code. Each case runs in processes of its own; one that crashes is counted, and the next goes on after its seed.
//
// usage: pnpm soak hostile-memory [--minutes N | --count MUTATIONS] [--seed S] [--quick] [--packages FOLDER] [--json]

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadPackages } from './lib/load-packages.mjs';
import { atEnd, Rows, readOptions } from './lib/soak-cli.mjs';

/** CPU time after which a mutation that has not ended hangs. */
const HANG_CPU_MS = 20_000;
const PROBLEMS_MAX = 20;
const program = fileURLToPath(new URL('./lib/hostile-process.mjs', import.meta.url));

const options = readOptions('hostile-memory', { count: 1_000_000 }, { packages: { type: 'string' }, only: { type: 'string' } });
const { journal } = await loadPackages(options.packages);
const total = options.quick ? 3000 : options.count;
// Private memory runs the same code and is fastest; a share runs on real segments.
const shares = { private: 0.9, shared: 0.07, slots: 0.03 };
const rows = new Rows('hostile-memory', options);
const children = new Set();
const names = Object.keys(shares).map((kind) => `hostile-${process.pid}-${kind}`);
const cleanUp = atEnd(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of names) journal.destroyStore(name, { force: true });
});
try {
  for (const [kind, share] of Object.entries(shares)) {
    if (options.only !== undefined && options.only !== kind) continue;
    const count = options.minutes === undefined ? Math.ceil(total * share) : Number.POSITIVE_INFINITY;
    const until = options.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.minutes * share * 60_000;
    const { tried, problems } = await runCase(kind, count, until);
    rows.add(kind, tried, problems);
  }
} finally {
  cleanUp();
}
rows.end();

async function runCase(kind, count, until) {
  const problems = [];
  let tried = 0;
  let seed = options.seed * 1_000_000_000;
  while (tried < count && Date.now() < until && problems.length < PROBLEMS_MAX) {
    const part = await runProcess(kind, seed, count - tried, until, problems);
    tried += part.tried;
    seed = part.next;
  }
  return { tried, problems };
}

/** Runs one process until it has tried enough, or ends by itself, which is a problem. */
async function runProcess(kind, first, count, until, problems) {
  const args = [program, options.packages ?? '-', kind, String(first), '1', `hostile-${process.pid}-${kind}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-2000);
  });
  let seed = first - 1;
  let tried = 0;
  let isWanted = false;
  let cpuAtSeed = 0;
  const stop = () => {
    isWanted = true;
    child.kill('SIGKILL');
  };
  const watch = setInterval(() => {
    const now = cpuMs(child.pid);
    if (seed !== watched) [watched, cpuAtSeed] = [seed, now];
    else if (now - cpuAtSeed > HANG_CPU_MS) {
      problems.push(`${kind}, seed ${seed}: hangs`);
      stop();
    }
    if (Date.now() > until) stop();
  }, 500);
  let watched = seed;
  for await (const line of createInterface({ input: child.stdout })) {
    if (isWanted) continue;
    const { seed: begun, problem } = JSON.parse(line);
    if (problem !== undefined) problems.push(`${kind}, ${problem}`);
    else {
      seed = begun;
      // The one before is over.
      if (++tried > count) stop();
    }
    if (problems.length >= PROBLEMS_MAX) stop();
  }
  clearInterval(watch);
  const end = child.exitCode ?? child.signalCode ?? (await new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal))));
  children.delete(child);
  if (!isWanted) problems.push(`${kind}, seed ${seed}: the process ended (${end}): ${errors}`);
  return { tried: Math.min(tried, count), next: seed + 1 };
}

/** CPU time of a process so far. */
function cpuMs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return 0;
    throw error;
  }
}
