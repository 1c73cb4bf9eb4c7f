// CPU time per operation of the tree over private memory, beside `Map`, in one process.
//
//   pnpm exec tsc -b packages/journal && node packages/journal/bench/tree-bench.mjs [entries] [--json]
//
// Keys: random integers as f64 (and, at the end, 16-digit strings); values f64. `set` in batches of 1,000 into an empty tree, `get` in
// another random order, `delete` in batches of 1,000. Figures are medians of three rounds.

import { f64, Heap, openPrivateStore, text } from '@mofo/shm-store';
import { RedoDoor } from '../dist/redo/redo-door.js';
import { Transactions } from '../dist/transaction.js';
import { tree } from '../dist/tree/tree-type.js';

const ROUNDS = 3;
const BATCH = 1000;
const entries = Number(process.argv[2] ?? 1_000_000);
const asJson = process.argv.includes('--json');

function openTree(type) {
  const native = openPrivateStore({ sizeBytes: Math.max(64 * 2 ** 20, Math.ceil((entries * 300) / 16384) * 16384) });
  const door = new RedoDoor(native);
  const heap = new Heap(door);
  const transactions = new Transactions(native, door, heap);
  const memory = { door, heap, catalog: undefined, run: (body) => transactions.transaction(body) };
  const header = memory.run(() => type.makeHeader(memory));
  return { handle: type.open(memory, header), run: memory.run, usedBytes: () => heapBytes(native) };
}

function heapBytes(native) {
  const words = new Uint32Array(native.windows[0]);
  return (words[100 / 4] - words[96 / 4]) * 16384;
}

function shuffled(list) {
  const copy = list.slice();
  for (let k = copy.length - 1; k > 0; k--) {
    const other = Math.floor(Math.random() * (k + 1));
    [copy[k], copy[other]] = [copy[other], copy[k]];
  }
  return copy;
}

function time(count, body) {
  const before = process.cpuUsage();
  body();
  const used = process.cpuUsage(before);
  return ((used.user + used.system) * 1000) / count;
}

function batches(run, keys, body) {
  for (let first = 0; first < keys.length; first += BATCH) {
    run(() => {
      const end = Math.min(first + BATCH, keys.length);
      for (let k = first; k < end; k++) body(keys[k], k);
    });
  }
}

function measure(makeMap, keys) {
  const { handle, run, usedBytes } = makeMap();
  const order = shuffled(keys);
  const result = { set: time(keys.length, () => batches(run, keys, (key, k) => handle.set(key, k))) };
  result.bytesPerEntry = usedBytes() / keys.length;
  let sum = 0;
  result.get = time(keys.length, () => {
    for (const key of order) sum += handle.get(key);
  });
  if (sum !== (keys.length * (keys.length - 1)) / 2) throw new Error('a get went wrong');
  result.scan = time(keys.length, () => {
    let count = 0;
    for (const _ of handle.entries()) count++;
    if (count !== keys.length) throw new Error('a scan went wrong');
  });
  result.overwrite = time(keys.length, () => batches(run, order, (key, k) => handle.set(key, k)));
  result.delete = time(keys.length, () => batches(run, order, (key) => handle.delete(key)));
  if (handle.size !== 0) throw new Error('a delete went wrong');
  return result;
}

function median(rounds) {
  const names = Object.keys(rounds[0]);
  const middle = (name) => rounds.map((round) => round[name]).sort((a, b) => a - b)[Math.floor(rounds.length / 2)];
  return Object.fromEntries(names.map((name) => [name, Math.round(middle(name))]));
}

const numbers = [...new Set(Array.from({ length: entries }, () => Math.floor(Math.random() * 2 ** 31)))];
const dense = shuffled(Array.from({ length: entries }, (_, k) => k));
const strings = numbers.map((key) => key.toString().padStart(16, '0'));
const makeMap = () => ({ handle: new Map(), run: (body) => body(), usedBytes: () => 0 });
const subjects = {
  'tree, sparse integers': [() => openTree(tree(f64(), f64())), numbers],
  'tree, dense integers': [() => openTree(tree(f64(), f64())), dense],
  'tree, 16-digit strings': [() => openTree(tree(text(), f64())), strings],
  'Map, sparse integers': [makeMap, numbers],
  'Map, 16-digit strings': [makeMap, strings],
};
const report = {};
for (const [name, [make, keys]] of Object.entries(subjects)) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(measure(make, keys));
  report[name] = median(rounds);
}
if (asJson) console.log(JSON.stringify({ node: process.version, entries, nsPerOperation: report }));
else console.table(report);
