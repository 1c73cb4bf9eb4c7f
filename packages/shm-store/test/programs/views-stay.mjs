// Reads a store through a view after the store is closed, destroyed and collected; run with --expose-gc in execArgv. Argument: name.

import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { destroyStore, openSegments } from '@mofo/shm-store';

const name = process.argv[2];
const mapped = () => readFileSync('/proc/self/maps', 'utf8').includes(`mofo.${name}.`);
let store = openSegments({ name, sizeBytes: 2 ** 20 });
let view = new Uint8Array(store.windows[0], 0, 8);
store.close();
destroyStore(name);
store = undefined;
for (let i = 0; i < 5; i++) {
  globalThis.gc();
  await setTimeout(1);
}
const text = Buffer.from(view).toString();
const whileViewed = mapped();
view = undefined;
let afterwards = true;
for (let i = 0; i < 200 && afterwards; i++) {
  globalThis.gc();
  await setTimeout(1);
  afterwards = mapped();
}
console.log(JSON.stringify({ text, whileViewed, afterwards }));
