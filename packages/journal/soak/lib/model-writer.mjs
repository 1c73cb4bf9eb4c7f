// The other process of the model check: runs the steps that it is told, each line of JSON a transaction, and answers with a line; a line { open } makes it
// open the stores anew. Arguments: packages or -, stores…

import { createInterface } from 'node:readline';
import { loadPackages } from './load-packages.mjs';
import { runReal } from './model-actions.mjs';
import { declareRoots } from './prefix-shapes.mjs';

const [folder, ...names] = process.argv.slice(2);
const { journal } = await loadPackages(folder === '-' ? undefined : folder);
const { roots } = declareRoots({ journal });
let stores = [];
for await (const line of createInterface({ input: process.stdin })) {
  const { open, store, steps } = JSON.parse(line);
  try {
    if (open) {
      for (const one of stores) one.close();
      stores = names.map((name) => journal.openStore({ name, root: roots, create: false }));
    } else stores[store].transaction(() => runReal(stores[store], steps));
    console.log('done');
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.stack) }));
  }
}
for (const store of stores) store.close();
