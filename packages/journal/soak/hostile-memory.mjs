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
const HANG_CPU_MS = 8000;
const PROBLEMS_MAX = 20;
/** Mutations between two lines of a process; after a crash they are run again one to a line. */
const PER_LINE = 32;
const program = fileURLToPath(new URL('./lib/hostile-process.mjs', import.meta.url));

const options = readOptions(
  'hostile-memory',
  { count: 1_000_000 },
  { packages: { type: 'string' }, only: { type: 'string' } },
);
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
    const until =
      options.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.minutes * share * 60_000;
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
    const part = await runProcess({ kind, first: seed, count: count - tried, perLine: PER_LINE, until });
    tried += part.tried;
    problems.push(...part.problems);
    seed = part.next;
    if (part.end === undefined) continue;
    // Once more, slowly, to the very mutation.
    const again = await runProcess({ kind, first: seed, count: PER_LINE, perLine: 1, until: Number.POSITIVE_INFINITY });
    tried += again.tried;
    problems.push(...again.problems);
    problems.push(
      `${kind}, seed ${again.end === undefined ? `${seed} to ${seed + PER_LINE}` : again.next}: ${again.end ?? part.end}`,
    );
    seed = again.next + 1;
  }
  return { tried, problems };
}

/**
 * Runs one process until it has tried enough, is found to hang, or ends by itself.
 *
 * @returns { tried, problems, next, end }: the first seed that is not known to have been tried; why it ended, if not because it was told to
 */
async function runProcess({ kind, first, count, perLine, until }) {
  const args = [
    program,
    options.packages ?? '-',
    kind,
    String(first),
    String(perLine),
    `hostile-${process.pid}-${kind}`,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const problems = [];
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-2000);
  });
  let seed = first;
  let end;
  let isWanted = false;
  const stop = () => {
    isWanted = true;
    child.kill('SIGKILL');
  };
  let watched = first - 1;
  let cpuAtSeed = 0;
  const watch = setInterval(() => {
    const now = cpuMs(child.pid);
    if (seed !== watched) [watched, cpuAtSeed] = [seed, now];
    else if (now - cpuAtSeed > HANG_CPU_MS) {
      end = `no end after ${HANG_CPU_MS} ms of CPU`;
      stop();
    }
    if (Date.now() > until) stop();
  }, 200);
  for await (const line of createInterface({ input: child.stdout })) {
    if (isWanted) continue;
    const { seed: begun, problem } = JSON.parse(line);
    if (problem === undefined) seed = begun;
    else problems.push(`${kind}, ${problem}`);
    if (seed - first >= count || problems.length >= PROBLEMS_MAX) stop();
  }
  clearInterval(watch);
  const code = await exit;
  children.delete(child);
  if (!isWanted) end = `the process ended (${code}): ${errors}`;
  return { tried: seed - first, problems, next: seed, end };
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
