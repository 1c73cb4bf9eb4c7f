// Opens a store in a worker thread, which then ends in the given way. Arguments: name, ending (exit, terminate, close, main-exit).
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { listStores, openSegments } from '@mofo/shm-store';

if (isMainThread) {
  const [name, ending] = process.argv.slice(2);
  const store = openSegments({ name });
  const worker = new Worker(new URL(import.meta.url), { workerData: { name, ending } });
  worker.on('message', async (slot) => {
    const attached = listStores().find((info) => info.name === name).attached;
    console.log(JSON.stringify({ slots: [store.slot, slot], tids: new Set(attached.map(({ tid }) => tid)).size }));
    if (ending === 'main-exit') process.exit(0);
    if (ending === 'terminate') await worker.terminate();
  });
  worker.on('exit', () => {
    console.log(JSON.stringify({ attached: listStores().find((info) => info.name === name).attached.length }));
    store.close();
  });
} else {
  const store = openSegments({ name: workerData.name });
  parentPort.postMessage(store.slot);
  if (workerData.ending === 'terminate' || workerData.ending === 'main-exit') for (;;);
  if (workerData.ending === 'close') store.close();
}
