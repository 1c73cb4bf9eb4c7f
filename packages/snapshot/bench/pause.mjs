// Measures the pause of writers and the rates of writing, verifying, reading and restoring an image, for a store of which every page was
// written. `node bench/pause.mjs [MiB] [rounds]`; prints one line of JSON with medians.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destroyStore, openStore } from '@mofo/journal';
import { openImage, openSnapshots, restoreStore } from '@mofo/snapshot';

const [mebibytes = 256, rounds = 5] = process.argv.slice(2).map(Number);
const sizeBytes = mebibytes * 2 ** 20;
const directory = mkdtempSync(join(tmpdir(), 'mofo-bench-'));
const name = `bench-${process.pid}`;
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rate = (ms) => Math.round(mebibytes / (ms / 1000));
const store = openStore({ name, sizeBytes });
try {
  const { native } = store;
  const heapStart = new Uint32Array(native.windows[0], 96, 1)[0] * 16384;
  // Fills the free part of the heap behind the structures' back: an image does not look into it, and a bench needs no meaning.
  const dirty = (seed) =>
    native.transaction(() => {
      native.reserveMain(sizeBytes / 16);
      native.guardPages(heapStart / 4096, (sizeBytes - heapStart) / 4096);
      const words = new Float64Array(native.windows[0], heapStart + 2 ** 19);
      for (let i = 0; i < words.length; i++) words[i] = i + seed;
      return 0;
    });
  const snapshots = openSnapshots(store, { directory, keep: 1 });
  const result = { fullPauseMs: [], smallPauseUs: [], writeMs: [], verifyMs: [], openMs: [], restoreMs: [] };
  for (let round = 0; round < rounds; round++) {
    dirty(round);
    const full = await snapshots.take();
    result.fullPauseMs.push(full.pauseUs / 1000);
    result.writeMs.push(full.writeMs);
    native.transaction(() => {
      native.guardPages(heapStart / 4096, 16);
      return 0;
    });
    const small = await snapshots.take();
    if (small.pagesCopied > 32) throw new Error(`${small.pagesCopied} pages were copied`);
    result.smallPauseUs.push(small.pauseUs);
    let began = performance.now();
    await snapshots.verify(small.id);
    result.verifyMs.push(performance.now() - began);
    began = performance.now();
    await openImage(small.file);
    result.openMs.push(performance.now() - began);
    began = performance.now();
    await restoreStore({ file: small.file, name: `${name}-r` });
    result.restoreMs.push(performance.now() - began);
    destroyStore(`${name}-r`);
  }
  const medians = Object.fromEntries(
    Object.entries(result).map(([key, values]) => [key, Number(median(values).toFixed(1))]),
  );
  console.log(
    JSON.stringify({
      mebibytes,
      rounds,
      ...medians,
      writeMiBPerS: rate(medians.writeMs),
      verifyMiBPerS: rate(medians.verifyMs),
      restoreMiBPerS: rate(medians.restoreMs),
    }),
  );
} finally {
  store.close();
  destroyStore(name, { force: true });
  rmSync(directory, { recursive: true, force: true });
}
