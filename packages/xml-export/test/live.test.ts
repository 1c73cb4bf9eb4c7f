// A store in shared memory, exported and checked while another handle goes on writing: each report and each document is one committed moment.

import { destroyStore, f64, openStore, text, tree } from '@mofo/journal';
import { afterEach, expect, test } from 'vitest';
import { checkStore, exportXml } from '../src/index.ts';
import { rootsOf, textOf, validated } from './support.ts';

const name = `test-${process.pid}-xml`;

afterEach(() => {
  destroyStore(name);
});

test('a live shared store is checked and exported between its transactions', async () => {
  const store = openStore({ name, sizeBytes: 4 * 2 ** 20, root: { accounts: tree(text(), f64()) } });
  const { accounts } = store.root;
  store.transaction(() => {
    for (let n = 0; n < 100; n++) accounts.set(`a${n}`, 10);
  });
  try {
    for (let round = 0; round < 10; round++) {
      expect(checkStore(store).findings).toEqual([]);
      const stream = exportXml(store);
      const pieces = textOf(stream);
      for (let n = 0; n < 99; n++) {
        store.transaction(() => {
          accounts.set(`a${n}`, (accounts.get(`a${n}`) as number) - 1);
          accounts.set(`a${n + 1}`, (accounts.get(`a${n + 1}`) as number) + 1);
        });
      }
      const rows = validated(await pieces, rootsOf).accounts as [string, number][];
      expect(rows.reduce((sum, [, balance]) => sum + balance, 0)).toBe(1000);
      expect(stream.findingCount).toBe(0);
    }
  } finally {
    store.close();
  }
});
