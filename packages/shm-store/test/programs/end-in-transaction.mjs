// Ends a thread inside a transaction that has written everything. Arguments: name, way: main-exit (process.exit on the main thread), worker-exit
// (process.exit in a worker), terminate (worker.terminate while the worker's body runs), hold (a worker waits for the lock that main holds, and
// main exits), wait (a worker waits for a channel, and main exits).
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openSegments } from '@mofo/shm-store';
import { RawCounter } from './raw-counter.mjs';

const [name, way] = isMainThread ? process.argv.slice(2) : workerData;
const store = openSegments({ name });
const counter = new RawCounter(store);
const report = (line) => console.log(JSON.stringify(line));

function inWorker() {
  if (way === 'hold') {
    parentPort.postMessage('waiting');
    counter.add();
  }
  if (way === 'wait') {
    parentPort.postMessage('waiting');
    store.waitSync(9, 0, -1);
  }
  store.transaction(() => {
    const words = counter.write(77);
    if (way === 'worker-exit') process.exit(3);
    parentPort.postMessage('open');
    for (;;) if (words < 0) return words;
  });
}

async function inMain() {
  if (way === 'main-exit') {
    store.transaction(() => {
      counter.write(77);
      process.exit(4);
    });
  }
  const worker = new Worker(new URL(import.meta.url), { workerData: [name, way] });
  if (way === 'hold') {
    store.transaction(() => {
      // The worker is waiting as soon as its slot says so.
      while (!Array.from({ length: 64 }, (_, slot) => store.readSlot(slot)).some((slot) => slot.waitingFor === 1));
      report({ waiting: true });
      process.exit(5);
    });
  }
  if (way === 'wait') {
    await new Promise((resolve) => worker.once('message', resolve));
    process.exit(6);
  }
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  if (way === 'terminate') {
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
  }
  await ended;
  const restMs = performance.now();
  const isAtRest = counter.isAtRest;
  counter.add();
  report({ isAtRest, value: counter.value, addedMs: performance.now() - restMs });
  store.close();
}

if (isMainThread) await inMain();
else inWorker();
