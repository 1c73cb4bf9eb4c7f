// Two writers and two readers on one store, killed at random moments; the others go on. After each kill no amount is lost, trees are in order, the heap is sound and every
// block is owned once or free. Also: writers that are stopped inside a transaction while readers go on, worker threads that are terminated, and transactions at the end of the stack.
//
// usage: pnpm soak kills [--minutes N | --count KILLS] [--seed S] [--quick] [--packages FOLDER] [--json]
// Most processes are forked by a Node.js without threads (a start takes 100 ms of CPU, a fork 1); every twentieth is started the long way.

import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { BANK_SIZE_BYTES, bankRoots, checkBank, fillBank } from './lib/bank.mjs';
import { buildTestAddon } from './lib/build-addon.mjs';
import { soundnessOf } from './lib/check-store.mjs';
import { loadPackages } from './lib/load-packages.mjs';
import { randomFrom } from './lib/random.mjs';
import { atEnd, Rows, readOptions } from './lib/soak-cli.mjs';

const ROLES = ['writer', 'writer', 'reader', 'reader'];
const SIGKILL = 9;
/** Longest time for which a process may make no round beside others that work; under load a machine is slow. */
const PROGRESS_LIMIT_MS = 20_000;
const LONG_WAY_EVERY = 20;

const options = readOptions('kills', { count: 10_000 }, { packages: { type: 'string' }, only: { type: 'string' } });
const { seed, quick, until } = options;
const killCount = options.minutes === undefined ? (quick ? 200 : options.count) : Number.POSITIVE_INFINITY;
const rows = new Rows('kills', options);
const random = randomFrom(seed);
const { journal, shm } = await loadPackages(options.packages);
const soundness = await soundnessOf(options.packages);
const folder = mkdtempSync(join(tmpdir(), 'mofo-kills-'));
const countsFile = join(folder, 'rounds');
writeFileSync(countsFile, Buffer.alloc(8 * ROLES.length));
const counts = openSync(countsFile, 'r');
const name = `kills-${process.pid}`;
const program = fileURLToPath(new URL('./lib/bank-process.mjs', import.meta.url));

const store = journal.openStore({ name, sizeBytes: BANK_SIZE_BYTES, root: bankRoots({ journal }) });
let zygote;
let started = 0;
const cleanUp = atEnd(() => {
  zygote?.child.kill('SIGKILL');
  store.close();
  shm.destroyStore(name, { force: true });
  rmSync(folder, { recursive: true, force: true });
});
try {
  fillBank(store);
  zygote = startZygote(await buildTestAddon('zygote.cc'));
  const wants = (part) => options.only === undefined || options.only === part;
  if (wants('killed-processes')) await killProcesses();
  if (wants('stopped-writers')) await stopWriters();
  if (wants('terminated-workers')) await terminateWorkers();
  if (wants('stack-overflows')) overflowStacks();
} finally {
  cleanUp();
}
rows.end();

async function killProcesses() {
  const problems = [];
  let kills = 0;
  const running = await Promise.all(ROLES.map((_, index) => start(index)));
  while (kills < killCount && Date.now() < until && problems.length === 0) {
    await delay(random(quick ? 12 : 25));
    const victims = running.filter(() => random(3) === 0);
    if (victims.length === 0) victims.push(running[random(running.length)]);
    for (const victim of victims) victim.kill();
    for (const victim of victims) {
      const end = await victim.ended();
      if (end !== SIGKILL) problems.push(`${victim.what} ended by itself (${end}): ${zygote.errors()}`);
      kills++;
    }
    problems.push(...checkBank(store, soundness));
    problems.push(...idle(running.filter((one) => !victims.includes(one))));
    for (const victim of victims) running[victim.index] = await start(victim.index);
  }
  for (const one of running)
    if (!(await makesProgress(one.index))) problems.push(`${one.what} makes no round at the end`);
  for (const one of running) one.kill();
  for (const one of running) await one.ended();
  problems.push(...checkBank(store, soundness));
  if (store.root.moves.value < kills) problems.push(`only ${store.root.moves.value} moves in ${kills} kills`);
  rows.add('killed-processes', kills, problems);
}

/** Those of the living that have made no round for too long, although nobody stopped them. */
function idle(survivors) {
  const rounds = roundsOf();
  const now = performance.now();
  return survivors.flatMap((one) => {
    if (rounds[one.index] !== one.rounds) Object.assign(one, { rounds: rounds[one.index], since: now });
    return now - one.since > PROGRESS_LIMIT_MS
      ? [`${one.what} has made no round for ${PROGRESS_LIMIT_MS} ms beside the dead`]
      : [];
  });
}

/** Stops a writer at a random moment, most of which are inside a transaction; the readers must go on. */
async function stopWriters() {
  const problems = [];
  const stops = quick ? 15 : Math.max(15, Math.min(500, Math.ceil(killCount / 20)));
  let inside = 0;
  const running = await Promise.all(ROLES.map((_, index) => start(index)));
  for (const one of running) if (!(await makesProgress(one.index))) problems.push(`${one.what} does not begin`);
  for (let stop = 0; stop < stops && problems.length === 0; stop++) {
    await delay(random(10));
    const writer = running[random(2)];
    process.kill(writer.pid, 'SIGSTOP');
    await stopped(writer.pid);
    const isOpen = openTransactionOf(writer.pid);
    // In the middle of a playback readers wait for its owner, alive as it is.
    const isPlaying = isOpen && store.status.commitSequence % 2 === 1;
    if (isOpen) inside++;
    if (!isPlaying) {
      for (const index of [2, 3])
        if (!(await makesProgress(index)))
          problems.push(`${running[index].what} stands still while ${writer.what} is stopped`);
    }
    process.kill(writer.pid, 'SIGCONT');
    for (const one of running)
      if (!(await makesProgress(one.index))) problems.push(`${one.what} does not go on after SIGCONT`);
  }
  // And one that is stopped is killed: its lock goes to the others.
  process.kill(running[0].pid, 'SIGSTOP');
  running[0].kill();
  await running[0].ended();
  if (!(await makesProgress(1))) problems.push('the other writer does not go on after a stopped one was killed');
  problems.push(...checkBank(store, soundness));
  for (const one of running.slice(1)) one.kill();
  for (const one of running.slice(1)) await one.ended();
  if (inside === 0) problems.push(`none of ${stops} stops met an open transaction`);
  rows.add('stopped-writers', stops, problems);
}

/** Terminates worker threads of this very process inside their transactions. */
async function terminateWorkers() {
  const problems = [];
  const times = quick ? 12 : Math.max(12, Math.min(1000, Math.ceil(killCount / 10)));
  for (let time = 0; time < times && problems.length === 0; time++) {
    const workerData = { packages: options.packages, name, seed: seed + time };
    const workers = [0, 1].map(
      (k) =>
        new Worker(new URL('./lib/bank-worker.mjs', import.meta.url), {
          workerData: { ...workerData, seed: seed + 2 * time + k },
        }),
    );
    const failures = workers.map(
      (worker) => new Promise((resolve) => worker.once('error', (error) => resolve(String(error)))),
    );
    const ready = workers.map((worker) => new Promise((resolve) => worker.once('message', () => resolve(undefined))));
    for (const [k, one] of ready.entries()) {
      const failure = await Promise.race([one, failures[k]]);
      if (failure !== undefined) problems.push(`a worker failed: ${failure}`);
    }
    await delay(random(6));
    for (const worker of workers) await worker.terminate();
    problems.push(...checkBank(store, soundness));
  }
  rows.add('terminated-workers', times * 2, problems);
}

/** Transactions begun so near the end of the stack that it ends somewhere in them: what threw has changed nothing, what returned has changed everything. */
function overflowStacks() {
  const problems = [];
  const times = quick ? 400 : 4000;
  const dive = (levels, body) => (levels === 0 ? body() : dive(levels - 1, body));
  // Moves about the depth at which the stack ends, which changes as functions are optimized.
  let depth = 1000;
  const { accounts, moves, notes } = store.root;
  let overflows = 0;
  for (let time = 0; time < times && problems.length === 0; time++) {
    const before = moves.value;
    let returned = false;
    try {
      dive(depth, () => {
        store.transaction(() => {
          accounts.get('account 1').balance -= 1;
          accounts.get('account 2').balance += 1;
          notes.set(random(300), 'n'.repeat(random(200)));
          notes.delete(random(300));
          moves.add();
        });
      });
      returned = true;
      depth += 1 + (overflows === 0 ? depth >> 2 : random(12));
    } catch (error) {
      if (!(error instanceof RangeError)) problems.push(`overflow ${time}: ${error.stack}`);
      overflows++;
      depth -= random(20);
    }
    if (moves.value !== before + (returned ? 1 : 0))
      problems.push(`overflow ${time}: ${moves.value - before} happened though it ${returned ? 'returned' : 'threw'}`);
    if (time % 50 === 0) problems.push(...checkBank(store, soundness));
  }
  problems.push(...checkBank(store, soundness));
  if (overflows < times / 10) problems.push(`only ${overflows} of ${times} transactions met the end of the stack`);
  rows.add('stack-overflows', times, problems);
}

/** Starts the process of this index; { pid, kill, ended }. */
async function start(index) {
  const role = ROLES[index];
  const number = seed * 1000 + started++;
  const what = `${role} ${number}`;
  if (started % LONG_WAY_EVERY !== 0) {
    const pid = Number(await zygote.ask(`start ${role} ${number} ${index}`));
    const ended = async () => Number(await zygote.ask(`wait ${pid}`));
    return { index, what, pid, rounds: 0, since: performance.now(), kill: () => process.kill(pid, 'SIGKILL'), ended };
  }
  const args = [program, options.packages ?? '-', name, countsFile, '-', role, String(number), String(index)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const end = new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve(signal === 'SIGKILL' ? SIGKILL : (signal ?? code))),
  );
  return {
    index,
    what,
    pid: child.pid,
    rounds: 0,
    since: performance.now(),
    kill: () => child.kill('SIGKILL'),
    ended: () => end,
  };
}

function startZygote(addon) {
  const args = ['--single-threaded', '--v8-pool-size=0', program, options.packages ?? '-', name, countsFile, addon];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-4000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last = Promise.resolve();
  const ask = (line) => {
    last = last.then(async () => {
      child.stdin.write(`${line}\n`);
      const answer = (await lines.next()).value;
      if (answer === undefined) throw new Error(`the zygote ended: ${errors}`);
      return answer;
    });
    return last;
  };
  return { child, ask, errors: () => errors };
}

function roundsOf() {
  const rounds = new Float64Array(ROLES.length);
  readSync(counts, rounds, 0, 8 * ROLES.length, 0);
  return rounds;
}

/** True as soon as the process of this index has made another round. */
async function makesProgress(index) {
  const before = roundsOf()[index];
  const limit = performance.now() + PROGRESS_LIMIT_MS;
  while (roundsOf()[index] === before) {
    if (performance.now() > limit) return false;
    await delay(0.5);
  }
  return true;
}

/** Resolves when the kernel has stopped it: SIGSTOP is delivered, not obeyed, at once. */
async function stopped(pid) {
  const stat = openSync(`/proc/${pid}/stat`, 'r');
  const bytes = Buffer.alloc(512);
  for (;;) {
    const text = bytes.toString('latin1', 0, readSync(stat, bytes, 0, 512, 0));
    if (/\) [TtZ] /.test(text)) break;
    await delay(0.2);
  }
}

/** True if a thread of this process has a transaction open. */
function openTransactionOf(pid) {
  const { control } = store.native;
  for (let slot = 0; slot < shm.SLOT_COUNT; slot++) {
    const at = shm.CONTROL_SLOTS + slot * shm.SLOT_BYTES;
    const isHis =
      new Uint32Array(control, at + shm.SLOT_PID, 1)[0] === pid &&
      new Uint32Array(control, at + shm.SLOT_STATE, 1)[0] !== 0;
    if (isHis && new Float64Array(control, at + shm.SLOT_TRANSACTION_ID, 1)[0] !== 0) return true;
  }
  return false;
}
