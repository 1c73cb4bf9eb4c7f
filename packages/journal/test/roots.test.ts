// Roots are read right also while words that the walk looks at have images: of a transaction of our own, or of a playback that is read through.

import { MAIN_SLAB_TABLE } from '@mofo/shm-store';
import { afterEach, expect, test } from 'vitest';
import { destroyStore, f64, openStore, text, tree } from '../src/index.ts';
import { listRoots } from '../src/roots.ts';

const name = `test-roots-${process.pid}`;
afterEach(() => destroyStore(name, { force: true }));

test('roots are listed as they are while the slab table has images', () => {
  const store = openStore({
    name,
    create: true,
    sizeBytes: 2 ** 20,
    root: { sums: tree(f64(), f64()), title: text() },
  });
  try {
    const { memory } = store;
    const before = store.read(() => listRoots(memory));
    expect(before.map(({ name: root }) => root).sort()).toEqual(['sums', 'title']);
    store.transaction(() => {
      for (const { block } of before) memory.door.ownSystem(MAIN_SLAB_TABLE / 16 + (block >>> 10));
      expect(listRoots(memory)).toEqual(before);
    });
  } finally {
    store.close();
  }
});
