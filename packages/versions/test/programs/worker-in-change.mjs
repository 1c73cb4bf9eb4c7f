// Runs one-change.mjs in a worker thread, terminates the worker where it stopped, and then makes the same change itself: the process
// lives, the thread that held the claim does not.
//
//   worker-in-change.mjs <directory> <change> <stop>

import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openRegistry } from '@mofo/versions';

const [directory, change, stop] = process.argv.slice(2);
const worker = new Worker(new URL('./one-change.mjs', import.meta.url), { argv: [directory, change, stop, 'none'] });
const registry = openRegistry({ directory, lockTimeoutMs: 5000 });
while (!readdirSync(`${directory}/fees`).some((name) => name.startsWith('claim-'))) await sleep(1);

let refused = 'nothing';
try {
  openRegistry({ directory, lockTimeoutMs: 50 }).spendTry(registry.list('fees')[0]);
} catch (error) {
  refused = error.code;
}
await worker.terminate();
const { triesSpent } = registry.spendTry(registry.list('fees')[0]);
console.log(`while it lived: ${refused}, after: ${triesSpent} spent`);
