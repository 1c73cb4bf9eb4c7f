// The whole-heap check of the tests (test/support/check-heap.ts) for soaks: it shares no code with the heap, and accounts for every slab and every block.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformWithOxc } from 'vite';

const source = fileURLToPath(new URL('../../test/support/check-heap.ts', import.meta.url));
const workspace = fileURLToPath(new URL('../../..', import.meta.url));

/** Gives a function (store, main) that checks heap and structures of the packages in `folder`; returns { problems, live, owned }. */
export async function checkFunction(folder = workspace) {
  const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source, { sourcemap: false });
  // Beside the package that it looks into, so that it finds it; gone as soon as it is loaded.
  const file = join(folder, `journal/dist/check-heap-${process.pid}.js`);
  let checks;
  try {
    writeFileSync(file, code.replaceAll('../../src/roots.ts', './roots.js'));
    checks = await import(pathToFileURL(file).href);
  } finally {
    rmSync(file, { force: true });
  }
  return (store, main) => {
    const { problems, live } = checks.checkHeap(main);
    return { problems, live, owned: checks.ownedBlocks(store.memory, problems) };
  };
}

/** Gives a function that says under the write lock what is wrong with a store: heap, structures, blocks that leaked. */
export async function soundnessOf(folder) {
  const check = await checkFunction(folder);
  return (store) =>
    store.transaction(() => {
      const { problems, live, owned } = check(store, new Uint8Array(store.native.windows[0]));
      for (const block of live) if (!owned.has(block)) problems.push(`block ${block} is live and nobody owns it`);
      for (const block of owned) if (!live.has(block)) problems.push(`block ${block} is owned and not live`);
      return problems;
    });
}
