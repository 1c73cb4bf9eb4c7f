// An application whose module `subject` is saved again and again: run by the real `mofo dev`, asked over HTTP, looked at in /proc.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const mofo = fileURLToPath(new URL('../../bundle/main.js', import.meta.url));

/** Longest wait for one thing, in ms. */
const LIMIT_MS = 30_000;

/** A version of `subject`: a bit of everything that a version brings with it, and a table that is missed if it is not collected. */
function subject(mark) {
  return `
import { counter, defineModule, f64, struct, text, tree } from 'mofo';
const table = new Array(1000).fill(${mark});
export const Note = struct('Note', { title: text(), weight: f64() });
export default defineModule({
  name: 'subject',
  state: { notes: tree(text(), Note), runs: counter() },
  exports: { quote(_ctx, amount: number) { return amount * ${mark} + table.length; } },
  tasks: {
    work: { run(ctx, key: string) { ctx.state.notes.set(key, { title: 'note', weight: ${mark} }); ctx.state.runs.add(1); } },
    beat: { every: '200ms', run(ctx) { ctx.state.runs.add(1); } },
  },
  http: {
    'GET /subject': (ctx) => Response.json({ mark: ${mark}, quote: ctx.exports.quote(1), pid: process.pid }),
    'POST /subject/:key': (ctx, _request, { key }) => ctx.transaction(() => Response.json({ id: ctx.tasks.enqueue('work', key) })),
  },
  health: (ctx) => ctx.state.runs.value >= 0,
  start(ctx) { ctx.signal.addEventListener('abort', () => {}); try { ctx.fail('TRIED', 'a stack to map'); } catch (error) { if (!(error as Error).stack) throw error; } },
  stop() {},
});
`;
}

/** Uses `subject`, and never changes. */
const caller = `
import { defineModule, uses } from 'mofo';
export default defineModule({
  name: 'caller',
  uses: { subject: uses() },
  http: { 'GET /caller': (ctx) => Response.json({ quote: ctx.uses.subject.quote(1) }) },
});
`;

/** Loaded by every process first: at SIGUSR2 it collects all there is to collect, and writes what it holds then. */
const meter = `
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', async () => {
  // Finalizers run in turns of their own; what they held goes with the next collection.
  for (let round = 0; round < 5; round++) { collect(); await new Promise((resolve) => setImmediate(resolve)); }
  const file = process.env.METER_DIRECTORY + '/meter-' + process.pid;
  writeFileSync(file + '.new', JSON.stringify(process.memoryUsage()));
  renameSync(file + '.new', file);
});
`;

/** The application. Always `cleanUp` it. */
export class UpdatedApp {
  events = [];
  // In memory where that can be had: the syncs of the registry would take most of the time.
  directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mofo-updates-'));
  #listeners = new Set();
  #launcher;
  #isGone = false;
  #ended;
  url;

  constructor() {
    mkdirSync(join(this.directory, 'modules'));
    writeFileSync(
      join(this.directory, 'mofo.config.json'),
      JSON.stringify({
        name: 'updates',
        http: { port: 0 },
        store: { name: `soak-updates-${process.pid}`, sizeBytes: '16MiB' },
        snapshot: { every: false },
        probation: { tasks: 1, minimum: 0, deadline: '10m' },
      }),
    );
    this.save('caller', caller);
    writeFileSync(join(this.directory, 'meter.mjs'), meter);
    this.save('subject', subject(0));
  }

  save(module, source) {
    writeFileSync(join(this.directory, 'modules', `${module}.ts`), source);
  }

  async start() {
    this.#launcher = spawn(process.execPath, [mofo, 'dev', '--json'], {
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: `--import ${this.directory}/meter.mjs`, METER_DIRECTORY: this.directory },
    });
    this.#ended = new Promise((resolve) => this.#launcher.once('close', resolve));
    createInterface({ input: this.#launcher.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const event = JSON.parse(line);
      if (event.kind === 'banner') this.url = event.url;
      this.events.push(event);
      for (const listener of [...this.#listeners]) listener(event);
    });
    await this.until(({ kind }) => kind === 'banner');
    await this.until(({ kind, data }) => kind === 'clone' && data?.ready === true);
  }

  /** Resolves with the first event, past or coming, that fits. */
  until(fits) {
    const found = this.events.find(fits);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(look);
        reject(new Error(`no ${fits} within ${LIMIT_MS} ms; last: ${JSON.stringify(this.events.slice(-5))}`));
      }, LIMIT_MS);
      const look = (event) => {
        if (!fits(event)) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(event);
      };
      this.#listeners.add(look);
    });
  }

  /** Saves version number `mark`, waits until it serves, asks it. Resolves with what is wrong, or undefined. */
  async update(mark) {
    this.events.length = 0;
    this.save('subject', subject(mark));
    const event = await this.until(
      ({ kind, module, data }) =>
        module === 'subject' &&
        (kind === 'unstable' || kind === 'warning' || (kind === 'update' && data?.isMain === true)),
    );
    if (event.kind !== 'update') return `update ${mark}: ${event.message}`;
    const answer = await this.ask('/subject');
    if (answer.mark !== mark || answer.quote !== mark + 1000)
      return `update ${mark}: answered ${JSON.stringify(answer)}`;
    await this.ask(`/subject/key${mark % 100}`, 'POST');
    const called = await this.ask('/caller');
    if (called.quote !== mark + 1000) return `update ${mark}: its caller got ${JSON.stringify(called)}`;
    return undefined;
  }

  async ask(path, method = 'GET') {
    const response = await fetch(`${this.url}${path}`, {
      method,
      // A kept connection may just be closed for having been idle.
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return await response.json();
  }

  /** Bytes that launcher, main and clone hold after a collection: their heaps, and what of their memory is resident. */
  async measure() {
    const { processes } = (await this.command('status')).main;
    const pids = [...processes.map(({ pid }) => pid), this.#launcher.pid];
    const [main, clone, launcher] = await Promise.all(pids.map((pid) => this.#hold(pid)));
    return { main, clone, launcher, pids };
  }

  async #hold(pid) {
    const file = join(this.directory, `meter-${pid}`);
    process.kill(pid, 'SIGUSR2');
    const limit = Date.now() + LIMIT_MS;
    while (!existsSync(file)) {
      if (Date.now() > limit) throw new Error(`process ${pid} did not say what it holds`);
      // Nothing tells of a file but looking.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external } = JSON.parse(readFileSync(file, 'utf8'));
    rmSync(file);
    return { heap: heapUsed + external, rss: residentBytes(pid) };
  }

  async command(...parameters) {
    const { stdout } = await promisify(execFile)(process.execPath, [mofo, ...parameters, '--json'], {
      cwd: this.directory,
      maxBuffer: 2 ** 26,
      timeout: LIMIT_MS,
    });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }

  async cleanUp() {
    this.#launcher?.kill('SIGTERM');
    await this.#ended;
    await this.command('destroy', '--yes', '--force');
    rmSync(this.directory, { recursive: true, force: true });
    this.#isGone = true;
  }

  /** The same at once and in one go, when the soak itself is stopped by a signal. */
  abandon() {
    if (this.#isGone) return;
    for (const pid of [this.#launcher?.pid, ...childrenOf(this.#launcher?.pid)])
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    spawnSync(process.execPath, [mofo, 'destroy', '--yes', '--force'], { cwd: this.directory, timeout: LIMIT_MS });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Processes that this one has started and that have not ended. */
function childrenOf(pid) {
  if (pid === undefined || !existsSync(`/proc/${pid}`)) return [];
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** Resident memory of a process without the store, which all map: it grows as it is touched. */
function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return of('RssAnon') + of('RssFile');
}
