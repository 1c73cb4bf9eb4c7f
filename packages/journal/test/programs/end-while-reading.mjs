// Worker threads inside transactions that take the lock at their first write, terminated while they read, while they wait for the lock, and after they
// have written. Each time this thread must find the lock free and the store as it was. Argument: store.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { counter, openStore } from '@mofo/journal';

const name = isMainThread ? process.argv[2] : workerData.name;
const store = openStore({ name, root: { total: counter() } });
const { total } = store.root;
const somebodyWaits = () =>
  Array.from({ length: 64 }, (_, slot) => store.native.readSlot(slot)).some((slot) => slot.waitingFor === 1);

if (isMainThread) await inMain();
else inWorker();

async function inMain() {
  for (const when of ['reading', 'waiting', 'written', 'reading', 'waiting', 'written']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { name, when } });
    const ended = once(worker, 'exit');
    await once(worker, 'message');
    if (when === 'waiting') {
      store.transaction(() => {
        worker.postMessage('write now');
        while (!somebodyWaits());
        worker.terminate();
        while (somebodyWaits());
      });
    } else worker.terminate();
    await ended;
    total.add();
  }
  console.log(JSON.stringify({ total: total.value }));
  store.close();
}

function inWorker() {
  const { when } = workerData;
  const write = () =>
    store.transaction(
      () => {
        const value = total.value;
        if (when !== 'reading') total.set(value + 1000);
        parentPort.postMessage('inside');
        for (;;);
      },
      { lock: 'first-write' },
    );
  if (when !== 'waiting') write();
  parentPort.on('message', write);
  parentPort.postMessage('ready');
}
