// What another process, or a worker of it, does with a native region. Arguments: what, store, path of the addon, and an address or nothing.
//   words    prints the words and the address     insert   inserts for ever     occupied   has something else at the address when it opens the store
import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openStore } from '@mofo/journal';

const [what, name, addon, address] = workerData ?? process.argv.slice(2);
const wordList = createRequire(import.meta.url)(addon);

function report(value) {
  if (isMainThread) console.log(JSON.stringify(value));
  else parentPort.postMessage(value);
}

if (what === 'occupied') {
  if (!wordList.occupy(BigInt(address))) throw new Error('the address is taken already');
  try {
    openStore({ name, create: false });
    report({ code: 'none' });
  } catch (error) {
    report({ code: error.code });
  }
} else {
  const store = openStore({ name, create: false });
  const region = store.regions.open('words');
  if (what === 'insert') {
    report({ ready: true });
    for (let k = 0; ; k++) store.transaction(() => wordList.insert(region.handle, `word ${process.pid} ${k}`));
  }
  report({ words: wordList.words(region.handle), address: String(wordList.address(region.handle)) });
  if (what === 'in-worker') {
    const worker = new Worker(new URL(import.meta.url), { workerData: ['words', name, addon] });
    worker.on('message', (message) => {
      report(message);
      store.close();
    });
  } else store.close();
}
