// What JSON.stringify shows of collections: their content, and never the memory that they lie in.

import { bytes, f64, i64, openPrivateStore, struct, text } from '@mofo/shm-store';
import { expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { queue } from '../src/collections/queue.ts';
import { Store } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';
import { tuple } from '../src/tree/tuple.ts';

const Thing = struct('Thing', {
  name: text(),
  parts: list(f64()),
  waiting: queue(text()),
  index: tree(text(), bytes()),
  count: counter(),
});

test('a record with collections, and collections of every kind of value, show their content', () => {
  const root = { things: tree(tuple(text(), i64()), Thing), big: list(i64()) };
  const store = new Store('json', openPrivateStore({ sizeBytes: 2 ** 20 }), root);
  store.root.things.set(['a', 2n], { name: 'thing' });
  const thing = store.root.things.get(['a', 2n]);
  thing?.parts.push(1);
  thing?.waiting.push('w');
  thing?.index.set('k', Uint8Array.of(1, 2));
  store.root.big.push(-5n);
  const shown = { name: 'thing', parts: [1], waiting: ['w'], index: [['k', 'AQI=']], count: 0 };
  expect(JSON.parse(JSON.stringify(thing))).toEqual(shown);
  expect(JSON.parse(JSON.stringify(store.root))).toEqual({ things: [[['a', '2'], shown]], big: ['-5'] });
});
