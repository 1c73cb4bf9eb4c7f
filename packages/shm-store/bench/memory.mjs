// Memory of a store: what opening costs whatever the nominal size, and what huge pages give. Each figure comes from a process of its own; with
// and without huge pages in turn. Prints one line per figure, with the median of the rounds.
//
//   node bench/memory.mjs [held MiB] [rounds]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { destroyStore, openSegments } from '../dist/index.js';

const MIB = 2 ** 20;
const [first = '256', second = '3'] = process.argv.slice(2);

if (first === 'child') child(JSON.parse(second));
else measure(Number(first), Number(second));

function measure(heldMib, rounds) {
  const results = new Map();
  const note = (what, value) => results.set(what, [...(results.get(what) ?? []), value]);
  for (let round = 0; round < rounds; round++) {
    for (const sizeGib of [1, 8, 64]) {
      const name = `bench-${process.pid}-open`;
      try {
        run({ step: 'fill', name, sizeGib, heldMib: 1, hugePages: true });
        note(`open a store of ${sizeGib} GiB that holds 1 MiB, ms`, run({ step: 'open', name }).ms);
      } finally {
        destroyStore(name, { force: true });
      }
    }
    for (const hugePages of round % 2 === 0 ? [true, false] : [false, true]) {
      const name = `bench-${process.pid}-${hugePages ? 'huge' : 'small'}`;
      const kind = hugePages ? 'huge pages' : '4 KiB pages';
      try {
        const filled = run({ step: 'fill', name, sizeGib: 8, heldMib, hugePages });
        note(`${kind}: reserve ${heldMib} MiB, CPU ms`, filled.reserveMs);
        note(`${kind}: write one word a page of them, CPU ms`, filled.writeMs);
        note(`${kind}: open it in another process, ms`, run({ step: 'open', name }).ms);
        const read = run({ step: 'read', name, heldMib });
        note(`${kind}: read one word a page there, CPU ms`, read.touchMs);
        note(`${kind}: random reads there, CPU ns each`, read.randomNs);
        note(`${kind}: that process's exit, ms`, read.exitMs);
      } finally {
        destroyStore(name, { force: true });
      }
    }
  }
  for (const [what, values] of results) {
    values.sort((a, b) => a - b);
    console.log(
      `${values[values.length >> 1].toFixed(2).padStart(10)}  ${what}  (${values.map((v) => v.toFixed(1)).join(' ')})`,
    );
  }
}

function run(task) {
  const program = fileURLToPath(import.meta.url);
  const result = spawnSync(process.execPath, [program, 'child', JSON.stringify(task)], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stderr);
  const report = JSON.parse(result.stdout);
  return { ...report, exitMs: Date.now() - report.endedAt };
}

function cpuMs(body) {
  const before = process.cpuUsage();
  body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function child({ step, name, sizeGib, heldMib = 0, hugePages = true }) {
  const report = {};
  let store;
  const begin = performance.now();
  if (step === 'fill') store = openSegments({ name, sizeBytes: sizeGib * 1024 * MIB, hugePages });
  else store = openSegments({ name });
  report.ms = performance.now() - begin;
  if (step === 'fill') {
    const heapStart = new Uint32Array(store.windows[0], 96, 1)[0] * 16384;
    const end = heapStart + heldMib * MIB;
    store.transaction(() => {
      report.reserveMs = cpuMs(() => {
        for (let at = heapStart; at <= end; at += MIB) store.reserveMain(at / 16);
      });
      const words = new Int32Array(store.windows[0]);
      report.writeMs = cpuMs(() => {
        for (let at = heapStart; at < end; at += 4096) words[at / 4] = at;
      });
      return 0;
    });
  }
  if (step === 'read') {
    const words = new Int32Array(store.windows[0]);
    const base = new Uint32Array(store.windows[0], 96, 1)[0] * 4096;
    const count = heldMib * 2 ** 18;
    let sum = 0;
    report.touchMs = cpuMs(() => {
      for (let at = 0; at < count; at += 1024) sum += words[base + at];
    });
    const reads = 4e6;
    report.randomNs =
      (cpuMs(() => {
        let x = 88172645;
        for (let k = 0; k < reads; k++) {
          x ^= x << 13;
          x ^= x >>> 17;
          x ^= x << 5;
          sum += words[base + ((x >>> 0) % count)];
        }
      }) *
        1e6) /
      reads;
    report.sum = sum;
  }
  report.endedAt = Date.now();
  process.stdout.write(JSON.stringify(report));
}
