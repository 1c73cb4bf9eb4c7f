// Puts version after version of one module in place in one process, through the application, the registry on disk and a store in private memory. Prints what the heap
// grew by as JSON. Run with --expose-gc; arguments: how many, and perhaps `keep` to keep each replaced version, which is the leak that must be seen.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPrivateStore, Store } from '@mofo/journal';
import { CONTROL_SLOTS, SLOT_BYTES } from '@mofo/shm-store';
import { openRegistry } from '@mofo/versions';
import { RunningWord } from '@mofo/watchdog';
import { Application } from '../../dist/runtime/application.js';
import { moduleLog } from '../../dist/runtime/module-log.js';
import { pruneWhenMany } from '../../dist/runtime/prune-versions.js';
import { slotGuard } from '../../dist/runtime/slot-guard.js';
import { TaskRunner } from '../../dist/runtime/task-runner.js';

const SETTLE_COUNT = 120;
const [count, planted] = [Number(process.argv[2]), process.argv[3]];
// In memory where that can be had: some ten syncs an update would take most of the time.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mofo-update-many-'));
process.once('SIGTERM', () => process.exit(1));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const registry = openRegistry({ directory });
const store = new Store('updates', openPrivateStore({ sizeBytes: 2 ** 22 }));
const kept = [];
let tasks;
const application = new Application({
  config: { probation: { tasks: 1, minimumMs: 0, deadlineMs: 600_000 }, hangAfterMs: 2_000 },
  appDirectory: directory,
  store,
  registry,
  guard: slotGuard(new RunningWord({ control: new ArrayBuffer(CONTROL_SLOTS + SLOT_BYTES), slot: 0 })),
  enqueue: (...all) => tasks.enqueue(...all),
  log: (version) => moduleLog(version.title),
  emit: () => {},
  onStable: () => {},
  onNotIn: (version) => {
    throw new Error(`${version.id} is not in`);
  },
  onSwap: () => tasks?.sync(),
  holder: 'test',
  runsInMain: [],
  isQuarantined: () => false,
  mayJudge: () => true,
  takeKept: () => Promise.reject(new Error('nothing is to be migrated')),
});
tasks = new TaskRunner(store, application, { hangAfterMs: 2_000, onResumed: () => {} });
tasks.start({});

for (let number = 0; number < SETTLE_COUNT; number++) await update(number);
const before = await heapBytes();
for (let number = SETTLE_COUNT; number < SETTLE_COUNT + count; number++) await update(number);
const after = await heapBytes();
const bundles = readdirSync(join(directory, 'subject', 'bundles')).length;
await tasks.stop();
await application.stop(0);
store.close();
registry.close();
process.stdout.write(JSON.stringify({ before, after, growth: after - before, bundles }));

async function update(number) {
  const added = await registry.add('subject', { bundle: bundleOf(number), source: 'modules/subject.ts' });
  const running = await application.update(registry.markChecked(added), true);
  if (planted === 'keep') kept.push(running);
  const answer = await application.invoke('subject', 'GET /subject', [], 2_000);
  if (answer !== number + 1_000) throw new Error(`version ${number} answered ${answer}`);
  tasks.enqueue('subject', 'work', `key ${number % 100}`);
  pruneWhenMany(registry, 'subject', [running.name.hash]);
  await new Promise((resolve) => setImmediate(resolve));
}

function bundleOf(number) {
  return `const { counter, defineModule, f64, struct, text, tree } = require('mofo');
const table = new Array(1000).fill(${number});
const Note = struct('Note', { title: text(), weight: f64() });
exports.default = defineModule({
  name: 'subject',
  state: { notes: tree(text(), Note), runs: counter() },
  exports: { quote: (_ctx, amount) => amount * ${number} + table.length },
  tasks: {
    work: { run(ctx, key) { ctx.state.notes.set(key, { title: 'note', weight: ${number} }); ctx.state.runs.add(1); } },
    beat: { every: '20ms', run(ctx) { ctx.state.runs.add(1); } },
  },
  http: { 'GET /subject': (ctx) => ctx.exports.quote(1) },
  health: (ctx) => ctx.state.runs.value >= 0,
  start(ctx) { ctx.signal.addEventListener('abort', () => {}); try { ctx.fail('TRIED', 'a stack'); } catch (error) { if (!error.stack) throw error; } },
  stop() {},
});
`;
}

async function heapBytes() {
  // Finalizers run in turns of their own; what they held goes with the next collection.
  for (let round = 0; round < 6; round++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
