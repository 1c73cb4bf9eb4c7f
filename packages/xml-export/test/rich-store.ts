// A store with every kind of block, and where in its memory what lies, for tests that plant damage.

import {
  boolean,
  bytes,
  counter,
  f64,
  i32,
  json,
  list,
  optional,
  queue,
  record,
  ref,
  struct,
  text,
  tree,
  withDefault,
} from '@mofo/journal';
import { MAIN_HEAP, MAIN_SLAB_TABLE } from '@mofo/shm-store';
import { expect } from 'vitest';
import { openTestStore } from './support.ts';

const Person = struct('Person', { name: text(), tags: optional(list(text())) });
const Account = struct('Account', {
  owner: text(),
  balance: f64(),
  open: boolean(),
  photo: bytes(),
  notes: json(),
  manager: optional(ref(() => Person)),
  home: record(struct('Home', { street: text() })),
});

export const LAYOUT = {
  blob: 1,
  catalog: 2,
  root: 3,
  extension: 4,
  counter: 8,
  list: 9,
  listChunk: 10,
  queue: 11,
  queueChunk: 12,
  tree: 16,
  leaf: 17,
  node: 18,
  bucket: 19,
};

/** A store with every kind of block. */
export function openRich() {
  const opened = openTestStore({
    people: tree(text(), Person),
    accounts: tree(text(), Account),
    numbers: list(i32()),
    waiting: queue(text()),
    hits: counter(),
    index: tree(i32(), f64()),
  });
  const { store } = opened;
  store.transaction(() => {
    for (const name of ['mia', 'noa']) store.root.people.set(name, { name: `${name} of a longer name` });
    for (const name of ['alice', 'bob', 'carol']) {
      const manager = store.root.people.get('mia');
      store.root.accounts.set(name, {
        owner: name,
        balance: 5,
        open: true,
        photo: new Uint8Array([1, 2]),
        notes: { a: 1 },
        manager,
        home: { street: 'x' },
      });
    }
    for (let n = 0; n < 300; n++) store.root.numbers.push(n);
    for (let n = 0; n < 300; n++) store.root.waiting.push(`w${n}`);
    for (let n = 0; n < 10; n++) store.root.index.set(n * 256, n);
    for (let n = 0; n < 40; n++) store.root.index.set(n * 65536, n);
    for (let n = 0; n < 200; n++) store.root.index.set(n, n);
    store.root.hits.add(3);
  });
  const Newer = struct('Person', { name: text(), tags: optional(list(text())), nick: withDefault(text(), 'nick') });
  const { extended } = store.addRoots({ extended: tree(text(), Newer) });
  extended.set('zoe', { name: 'zoe', nick: 'z' });
  store.root.accounts.set('big', {
    owner: 'x'.repeat(40_000),
    balance: 1,
    open: false,
    photo: new Uint8Array(0),
    notes: null,
    manager: undefined,
    home: { street: '' },
  });
  store.root.people.set('gone', { name: 'gone' });
  store.root.people.delete('gone');
  return opened;
}

export type Opened = ReturnType<typeof openRich>;

/** Blocks by the layout in their live headers, in order of address. */
export function blocksOf({ store, main }: Opened, layoutId: number): number[] {
  const { heap } = store.memory;
  const first = main[MAIN_HEAP / 4] as number;
  const end = main[MAIN_HEAP / 4 + 1] as number;
  const blocks: number[] = [];
  for (let granule = first * 1024; granule < end * 1024; granule++) {
    if (main[granule * 4] === layoutId && heap.isLive(granule, main[granule * 4 + 1] as number)) blocks.push(granule);
  }
  expect(blocks.length).toBeGreaterThan(0);
  return blocks;
}

export function layoutNamed({ store }: Opened, name: string): number {
  return store.memory.catalog.newest(name)?.layoutId as number;
}

/** Word index of payload word `word` of the first block of a layout. */
export function payload(opened: Opened, layoutId: number, word = 0): number {
  return (blocksOf(opened, layoutId)[0] as number) * 4 + 4 + word;
}

export function accountField(opened: Opened, field: string): { word: number; path: string } {
  const layoutId = layoutNamed(opened, 'Account');
  const place = opened.store.memory.catalog.entry(layoutId).fields.get(field)?.word as number;
  const block = blocksOf(opened, layoutId)[0] as number;
  return { word: block * 4 + 4 + place, path: `accounts/"alice"/${field}` };
}

export function descriptorOf(main: Int32Array, kind: number): number {
  const first = main[MAIN_HEAP / 4] as number;
  const end = main[MAIN_HEAP / 4 + 1] as number;
  for (let slab = first; slab < end; slab++)
    if (((main[MAIN_SLAB_TABLE / 4 + slab * 4] as number) & 0xff) === kind) return MAIN_SLAB_TABLE / 4 + slab * 4;
  throw new Error(`No slab of kind ${kind}.`);
}

/** Descriptor of a slab with a free list. */
export function freeSlab(main: Int32Array): number {
  const first = main[MAIN_HEAP / 4] as number;
  for (let slab = first; slab < (main[MAIN_HEAP / 4 + 1] as number); slab++) {
    const d = MAIN_SLAB_TABLE / 4 + slab * 4;
    if (((main[d] as number) & 0xff) === 1 && ((main[d + 1] as number) & 0xffff) !== 0) return d;
  }
  throw new Error('No slab has a free list.');
}

export function firstFree(main: Int32Array): number {
  const d = freeSlab(main);
  return ((d - MAIN_SLAB_TABLE / 4) / 4) * 1024 + ((main[d + 1] as number) & 0xffff) - 1;
}
