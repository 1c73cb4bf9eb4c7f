// Watches its own process in workers that end while they watch; then ends itself while watching. Says "ended" after each worker.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { watchProcess } from '@mofo/shm-store';

if (isMainThread) {
  for (const ending of ['exit', 'terminate', 'throw']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: ending });
    const exited = new Promise((resolve) => worker.on('exit', resolve));
    worker.on('error', () => {});
    await new Promise((resolve) => worker.on('message', resolve));
    if (ending === 'terminate') await worker.terminate();
    await exited;
    console.log(JSON.stringify({ ended: ending }));
  }
  watchProcess(process.pid);
  process.exit(0);
} else {
  for (let i = 0; i < 20; i++) watchProcess(process.pid);
  parentPort.postMessage('watching');
  if (workerData === 'exit') process.exit(0);
  if (workerData === 'throw') throw new Error('on purpose');
}
