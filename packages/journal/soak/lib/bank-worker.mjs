// A worker thread that moves amounts until it is terminated. workerData: { packages, name, seed }.

import { parentPort, workerData } from 'node:worker_threads';
import { bankRoots, makeWriter } from './bank.mjs';
import { loadPackages } from './load-packages.mjs';

const { journal } = await loadPackages(workerData.packages);
const store = journal.openStore({ name: workerData.name, root: bankRoots({ journal }), create: false });
const step = makeWriter(store, workerData.seed);
step();
parentPort.postMessage('ready');
for (;;) step();
