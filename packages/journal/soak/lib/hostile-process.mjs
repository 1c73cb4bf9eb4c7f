// Mutates the bytes of a store and runs every kind of operation on them, one seed after another, in a process of its own: it may crash, and then its parent knows
// where. Prints a line { seed } before every so many of them and { problem } for what is wrong. Arguments: packages or -, case, first seed, how many to a line, store name.

import { writeSync } from 'node:fs';
import { checkFunction } from './check-store.mjs';
import { mutate, mutateWord } from './hostile-mutations.mjs';
import { makeSharedScribbler, makeSlotScribbler } from './hostile-shared.mjs';
import { loadPackages } from './load-packages.mjs';
import { declareRoots, fillWithEverything } from './prefix-shapes.mjs';
import { randomFrom } from './random.mjs';

const SIZE_BYTES = 2 ** 20;

const [folder, kind, firstSeed, perLine, name] = process.argv.slice(2);
const lib = await loadPackages(folder === '-' ? undefined : folder);
const { journal, shm } = lib;
const { roots } = declareRoots(lib);
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`);
const makers = { private: makePrivate, shared: makeShared, slots: makeSlots };
const run = await makers[kind]();

for (let seed = Number(firstSeed); ; seed++) {
  if ((seed - Number(firstSeed)) % Number(perLine) === 0) say({ seed });
  try {
    run(randomFrom(seed));
  } catch (error) {
    if (!isCoded(error)) say({ problem: `seed ${seed}: ${error?.stack}` });
  }
}

function isCoded(error) {
  return /^(ShmStoreError|JournalError)$/.test(error?.constructor?.name) && /^[A-Z_]+$/.test(error.code);
}

/** Runs an operation: a result or a coded error are both right. */
function attempt(body) {
  try {
    body();
  } catch (error) {
    if (!isCoded(error)) throw error;
  }
}

/** In private memory: the same heap, structures and checks, thousands a second. */
async function makePrivate() {
  const native = shm.openPrivateStore({ sizeBytes: SIZE_BYTES });
  const store = new journal.Store('hostile', native, roots);
  store.transaction(() => fillWithEverything(store.root));
  const check = await checkFunction(folder === '-' ? undefined : folder);
  const main = new Uint8Array(native.windows[0]);
  const words = new Int32Array(native.windows[0]);
  const control = new Uint8Array(native.control);
  const used = usedBytes(words);
  const saved = main.slice(0, used + 16 * shm.SLAB_BYTES);
  const savedControl = control.slice();
  const operations = operationsOf(store, check, main);
  const copy = new Uint8Array(main.length);
  return (random) => {
    try {
      mutate(main, words, used, random);
      for (let k = 0; k < 6; k++) attempt(() => operations[random(operations.length)](random));
      // And a fresh look at the bytes: roots, types and handles are opened anew.
      if (random(4) === 0) attempt(() => readAll(new journal.Store('again', native, roots).root, random));
      if (random(8) === 0) viewOf(main, copy, used, random);
    } finally {
      main.set(saved);
      control.set(savedControl);
    }
  };
}

/** A read-only view of mutated, and of truncated, bytes. */
function viewOf(main, copy, used, random) {
  copy.set(main.subarray(0, used));
  if (random(2) === 0) mutateWord(new Int32Array(copy.buffer), random(64), random);
  const end = shm.SLAB_BYTES * (1 + random(used / shm.SLAB_BYTES));
  const windows = [random(16) === 0 ? copy.buffer.slice(0, end) : copy.buffer];
  const bound = random(3) === 0 ? { reservedBytes: end } : {};
  attempt(() => {
    const view = journal.openView({ windows, ...bound });
    view.listRoots();
    attempt(() => readAll(journal.openView({ windows, ...bound, root: roots }).root, random));
  });
}

async function makeShared() {
  return makeSharedScribbler({
    lib,
    name,
    roots,
    operationsOf,
    attempt,
    usedBytes,
    check: await checkFunction(folder === '-' ? undefined : folder),
  });
}

async function makeSlots() {
  return makeSlotScribbler({ lib, name, roots, isCoded });
}

function usedBytes(words) {
  return words[shm.MAIN_HEAP_END_SLAB / 4] * shm.SLAB_BYTES;
}

function readAll(root, random) {
  const roots = Object.values(root);
  const one = roots[random(roots.length)];
  if (one.toArray !== undefined) for (const value of one.toArray()) look(value);
  else if (one[Symbol.iterator] !== undefined) for (const [, value] of one) look(value);
  else look(one.value);
}

/** Reads all fields of a record, each of which may be damaged alone. */
function look(value) {
  if (typeof value !== 'object' || value === null) return;
  if (value[Symbol.iterator] !== undefined) {
    let steps = 0;
    for (const _ of value) if (++steps > 1e6) throw new Error('an iteration does not end');
    return;
  }
  for (const field in Object.getPrototypeOf(value)) attempt(() => void value[field]);
  attempt(() => void JSON.stringify(value.toJSON?.() ?? null));
}

/** Every kind of operation: reads, changes, checks. */
function operationsOf(store, check, main) {
  const { root } = store;
  const text = (random) => 't'.repeat(random(60));
  return [
    (random) => readAll(root, random),
    (random) => readAll(root, random),
    () => check(store, main),
    (random) => root.numbers.get(random(60) * 1000.5),
    (random) => root.numbers.countRange({ gte: random(9000), lt: 50_000 }),
    (random) => [...root.numbers.keys({ gt: random(60_000), reverse: true })],
    (random) => root.numbers.set(random(60) * 1000.5, 1),
    (random) => root.numbers.delete(random(60) * 1000.5),
    (random) => root.fan.delete(Uint8Array.of(random(256))),
    (random) => root.fan.set(Uint8Array.of(random(256), 1), 1),
    () => root.fan.clear(),
    (random) => root.names.set(`name ${random(12)}`, text(random)),
    (random) => [...root.names.range({ prefix: `name ${random(10)}` })],
    (random) => root.pairs.delete([`p\u0000${random(5)}`, BigInt(random(5))]),
    () => root.deep.delete('b'),
    (random) => root.people.get(`p${random(6)}`)?.name,
    (random) => root.people.delete(`p${random(6)}`),
    (random) => look(root.every.get(random(3))),
    (random) => void root.every.get(random(3))?.boss,
    (random) =>
      store.transaction(() =>
        Object.assign(root.every.get(random(3)) ?? {}, { words: text(random), any: [1], raw: new Uint8Array(9) }),
      ),
    (random) => root.every.delete(random(3)),
    (random) => root.doubles.insert(random(130), 5),
    (random) => root.doubles.remove(random(100)),
    (random) => root.texts.set(random(20), text(random)),
    () => root.texts.clear(),
    () => root.staff.pop(),
    () => root.line.shift(),
    (random) => root.line.push(text(random)),
    () => root.jobs.clear(),
    () => root.total.add(1),
    (random) =>
      store.transaction(() => {
        root.line.push('a');
        attempt(() =>
          store.transaction(() => {
            root.numbers.set(random(60) * 1000.5, 2);
            root.texts.pop();
            root.fan.delete(Uint8Array.of(random(256)));
          }),
        );
        root.total.add(2);
      }),
    (random) =>
      store.memory.heap.allocate === undefined ||
      store.transaction(() => void store.memory.heap.allocate(64, random(40_000))),
  ];
}
