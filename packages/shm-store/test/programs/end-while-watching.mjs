// Ends a thread whose store watches role and doorbell, while another thread rings all the time. Arguments: name, way: exit (process.exit), natural (nothing
// left to do), throw (uncaught), terminate (of a worker), worker-natural.
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { openSegments } from '@mofo/shm-store';

const [name, way] = isMainThread ? process.argv.slice(2) : workerData;
const store = openSegments({ name });
const inWorker = way === 'terminate' || way === 'worker-natural';

if (!isMainThread || !inWorker) {
  if (isMainThread) store.tryAcquireRole();
  store.watchRole(() => {}, true, false);
  store.watchDoorbell(() => {}, false);
}
for (let i = 0; i < 2000; i++) store.notify(i % 64);
if (!isMainThread && way === 'terminate') for (;;) store.notify(1);

if (isMainThread) {
  if (way === 'exit') process.exit(7);
  if (way === 'throw') throw new Error('on purpose');
  if (inWorker) {
    const worker = new Worker(new URL(import.meta.url), { workerData: [name, way] });
    worker.once('online', () => {
      if (way === 'terminate') setTimeout(() => worker.terminate(), 30);
    });
    worker.once('exit', () => store.close());
  }
}
