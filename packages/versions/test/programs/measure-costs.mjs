// Measures on this machine's disk what the README says about costs: `node test/programs/measure-costs.mjs` after a build.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistry } from '@mofo/versions';

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'mofo-versions-'));
const registry = openRegistry({ directory, tries: 100 });
const versions = [];
for (let index = 0; index < 20; index += 1) {
  versions.push(registry.markChecked(await registry.add('fees', { bundle: `bundle ${index}`, source: 'fees.ts' })));
}

function report(name, timesMs) {
  timesMs.sort((one, other) => one - other);
  const at = (share) => timesMs[Math.floor(timesMs.length * share)].toFixed(3);
  console.log(`${name.padEnd(34)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`);
}

function measure(name, count, work) {
  const timesMs = Array.from({ length: count }, (_, index) => {
    const startMs = performance.now();
    work(index);
    return performance.now() - startMs;
  });
  report(name, timesMs);
}

measure('latestStable (20 versions)', 2000, () => registry.latestStable('fees'));
measure('spendTry (two fsyncs)', 400, (index) => registry.spendTry(versions[index % 20]));

// The background quarantine is measured by what others feel of it: the longest time that the event loop stood still.
const stallsMs = [];
const totalsMs = [];
for (const version of versions) {
  const startMs = performance.now();
  let isDone = false;
  const quarantine = registry.quarantineInBackground(version, 'SIGSEGV').then(() => {
    isDone = true;
  });
  let stallMs = performance.now() - startMs;
  for (let lastMs = performance.now(); !isDone; ) {
    await new Promise((resolve) => setImmediate(resolve));
    stallMs = Math.max(stallMs, performance.now() - lastMs);
    lastMs = performance.now();
  }
  await quarantine;
  stallsMs.push(stallMs);
  totalsMs.push(performance.now() - startMs);
}
report('quarantineInBackground, total', totalsMs);
report('  longest stall of the event loop', stallsMs);
rmSync(directory, { recursive: true });
