// Sequences of transactions on two stores at once, by this process and another, against a plain JavaScript model: after each, the whole content must be the same, and at
// the end heap and structures sound and nothing leaked. fast-check makes the sequences and shrinks one that fails to a small one.
//
// usage: pnpm soak model [--minutes N | --count SEQUENCES] [--seed S] [--path P] [--quick] [--packages FOLDER] [--json]
// A failure prints seed and path; `pnpm soak model --seed S --path P` replays it.

import { deepStrictEqual } from 'node:assert';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { soundnessOf } from './lib/check-store.mjs';
import { loadPackages } from './lib/load-packages.mjs';
import { ACTIONS, emptyModel, modelContent, realContent, runModel, runReal } from './lib/model-actions.mjs';
import { declareRoots } from './lib/prefix-shapes.mjs';
import { atEnd, Rows, readOptions } from './lib/soak-cli.mjs';

const STORE_COUNT = 2;
const SIZE_BYTES = 4 * 2 ** 20;

const options = readOptions('model', { minutes: 5 }, { path: { type: 'string' }, packages: { type: 'string' } });
const count = options.quick ? 30 : (options.count ?? Number.POSITIVE_INFINITY);
const rows = new Rows('model', options);
const { journal } = await loadPackages(options.packages);
const { roots } = declareRoots({ journal });
const soundness = await soundnessOf(options.packages);

const letters = fc.constantFrom('a', 'b', 'c', 'é', '\u4e16', '\u0000');
const action = fc.record({
  do: fc.constantFrom(...Object.keys(ACTIONS)),
  key: fc.integer({ min: 0, max: 39 }),
  number: fc.constantFrom(0, 1, -1.5, 2 ** 40, 1e-300, Number.MAX_VALUE, 0.1),
  text: fc
    .tuple(fc.array(letters, { minLength: 1, maxLength: 30 }), fc.constantFrom(0, 0, 0, 1, 40, 700))
    .map(([parts, times]) => parts.join('') + 'z'.repeat(parts.length * times)),
});
const { steps } = fc.letrec((tie) => ({
  steps: fc.array(fc.oneof({ weight: 6, arbitrary: action }, { weight: 1, arbitrary: tie('level') }), {
    minLength: 1,
    maxLength: 7,
  }),
  level: fc.record({ level: tie('steps'), fails: fc.boolean() }),
}));
const command = fc.record({
  store: fc.nat(STORE_COUNT - 1),
  by: fc.constantFrom('self', 'self', 'other', 'single'),
  steps,
  fails: fc.constantFrom(false, false, false, true),
});

const names = Array.from({ length: STORE_COUNT }, (_, index) => `model-${process.pid}-${index}`);
let sequences = 0;
let writer;
let isWriterReady = false;
const cleanUp = atEnd(() => {
  endWriter();
  for (const name of names) journal.destroyStore(name, { force: true });
});
try {
  const settings = options.path === undefined ? {} : { path: options.path };
  for (let seed = options.seed; ; seed++) {
    const result = await fc.check(fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 12 }), runSequence), {
      ...settings,
      seed,
      numRuns: Math.min(60, count - sequences),
      interruptAfterTimeLimit:
        options.quick || options.minutes === undefined ? undefined : Math.max(1, options.until - Date.now()),
      endOnFailure: options.quick,
    });
    if (result.failed && !result.interrupted) {
      const replay = `replay with: pnpm soak model --count 1 --seed ${seed} --path ${result.counterexamplePath}`;
      rows.add('sequences', sequences, [
        `${result.errorInstance?.stack}\n${JSON.stringify(result.counterexample)}\n${replay}`,
      ]);
      break;
    }
    if (sequences >= count || Date.now() > options.until || options.path !== undefined) {
      rows.add('sequences', sequences, []);
      break;
    }
  }
} finally {
  cleanUp();
}
rows.end();

async function runSequence(commands) {
  sequences++;
  isWriterReady = false;
  const stores = names.map((name) => {
    journal.destroyStore(name, { force: true });
    return journal.openStore({ name, sizeBytes: SIZE_BYTES, root: roots });
  });
  const models = stores.map(emptyModel);
  try {
    for (const one of commands) {
      const store = stores[one.store];
      models[one.store] = await runCommand(one, store, models[one.store]);
      deepStrictEqual(realContent({ root: store.root, journal, store }), modelContent(models[one.store]));
    }
    for (const [index, store] of stores.entries()) {
      deepStrictEqual(realContent({ root: store.root, journal, store }), modelContent(models[index]));
      deepStrictEqual(soundness(store), []);
    }
  } finally {
    for (const store of stores) store.close();
  }
}

/** Runs a command on the store and on the model, which it returns. */
async function runCommand({ store: index, by, steps, fails }, store, model) {
  if (by === 'single') {
    // Each call a transaction of its own, but for what writes to a record.
    runReal(
      store,
      steps.map((step) =>
        step.level === undefined && isOneCall(step.do) ? step : { level: step.level ?? [step], fails: false },
      ),
    );
    return runModel(
      model,
      steps.map((step) => (step.level === undefined ? step : { ...step, fails: false })),
    );
  }
  const all = [{ level: steps, fails }];
  if (by === 'self') runReal(store, all);
  else await askWriter({ store: index, steps: all });
  return runModel(model, all);
}

function isOneCall(name) {
  return !name.startsWith('every.') && name !== 'people.change';
}

async function askWriter(message) {
  writer ??= startWriter();
  const wanted = isWriterReady ? [message] : [{ open: true }, message];
  isWriterReady = true;
  for (const one of wanted) {
    writer.child.stdin.write(`${JSON.stringify(one)}\n`);
    const answer = await writer.next();
    if (answer !== 'done') throw new Error(`the other process: ${answer}`);
  }
}

function startWriter() {
  const program = fileURLToPath(new URL('./lib/model-writer.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, options.packages ?? '-', ...names], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value ?? 'it ended';
  return { child, next };
}

function endWriter() {
  writer?.child.kill('SIGKILL');
  writer = undefined;
}
