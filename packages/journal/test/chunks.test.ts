// Chunks never overlap: two images of overlapping chunks would silently lose writes at the playback. A door that asserts it, under trees, lists, queues,
// records and roots.

import { bytes, f64, openPrivateStore, optional, record, struct, text } from '@mofo/shm-store';
import { expect, it } from 'vitest';
import { list } from '../src/collections/list.ts';
import { queue } from '../src/collections/queue.ts';
import type { RedoDoor } from '../src/redo/redo-door.ts';
import { Store } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';

const Person = struct('Person', { name: text(), age: f64(), note: optional(text()), tags: list(text()) });
const Book = struct('Book', { title: text(), picture: bytes(), owner: record(Person) });

/** Words of all images of the journal that lie in each other. */
function overlaps(journal: Int32Array, length: number): string[] {
  const owner = new Map<number, number>();
  const found: string[] = [];
  for (let at = 0; at < length; ) {
    const chunk = journal[at] as number;
    const granules = journal[at + 1] as number;
    for (let granule = chunk; granule < chunk + granules; granule++) {
      if (owner.has(granule)) found.push(`chunk ${chunk} overlaps chunk ${owner.get(granule)} at granule ${granule}`);
      owner.set(granule, chunk);
    }
    at += 2 + granules * 4;
  }
  return found;
}

it('no transaction has two images of one granule, and each chunk is owned with one length', () => {
  const native = openPrivateStore({ sizeBytes: 2 ** 23 });
  const store = new Store('chunks', native, {
    numbers: tree(f64(), f64()),
    names: tree(text(), text()),
    books: tree(text(), Book),
    lines: list(text()),
    waiting: queue(f64()),
  });
  const door = store.memory.door as RedoDoor;
  const insides = door as unknown as { blockId(block: number): number; transactionId: number };
  const lengths = new Map<number, number>();
  const own = door.own.bind(door);
  const problems: string[] = [];
  door.own = (block, chunk, granules) => {
    if (insides.blockId(block) < insides.transactionId) {
      const known = lengths.get(chunk) ?? granules;
      if (known !== granules) problems.push(`chunk ${chunk} is owned with ${known} and ${granules} granules`);
      lengths.set(chunk, granules);
    }
    return own(block, chunk, granules);
  };
  const { numbers, names, books, lines, waiting } = store.root;
  let images = 0;
  for (let turn = 0; turn < 300; turn++) {
    lengths.clear();
    store.transaction(() => {
      for (let k = 0; k < 20; k++) {
        const key = (turn * 7919 + k * 104729) % 500;
        if (k % 3 === 0) numbers.delete(key);
        else numbers.set(key, k);
        names.set(`a long key ${key}`, 'v'.repeat(key));
        if (k % 4 === 0) names.delete(`a long key ${key - 1}`);
      }
      books.set(`b${turn % 9}`, { title: 't', picture: new Uint8Array(turn), owner: { name: 'n', age: turn } });
      const book = books.get(`b${(turn + 3) % 9}`);
      if (book !== undefined) {
        book.title = `t${turn}`;
        book.owner.age += 1;
        book.owner.tags.push('tag');
      }
      lines.insert(turn % (lines.length + 1), `line ${turn}`);
      if (turn % 2 === 0) waiting.push(turn);
      else waiting.shift();
    });
    images += door.journalLength;
    expect(overlaps(new Int32Array(native.journal), door.journalLength)).toEqual([]);
  }
  expect(problems).toEqual([]);
  expect(images).toBeGreaterThan(10_000);
});
