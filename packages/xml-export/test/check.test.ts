// Damage of every kind of word is found where it was planted, and named; a sound store has no findings; garbage never crashes or hangs the check.

import {
  boolean,
  bytes,
  counter,
  f64,
  i32,
  json,
  list,
  openView,
  optional,
  queue,
  record,
  ref,
  struct,
  text,
  tree,
  withDefault,
} from '@mofo/journal';
import {
  MAIN_CATALOG_HEAD,
  MAIN_CLASS_HEADS,
  MAIN_HEAP,
  MAIN_ROOT_HEAD,
  MAIN_SLAB_TABLE,
  MAIN_SPAN_HEADS,
} from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkStore, exportXml } from '../src/index.ts';
import { openTestStore, textOf } from './support.ts';

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

const LAYOUT = {
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
  node4: 18,
  node16: 19,
  node48: 20,
  node256: 21,
};

/** A store with every kind of block. */
function openRich() {
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
  extended.set('zoe', { name: 'zoe', nick: 'z', tags: undefined });
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

type Opened = ReturnType<typeof openRich>;

/** Blocks by the layout in their live headers, in order of address. */
function blocksOf({ store, main }: Opened, layoutId: number): number[] {
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

function layoutNamed({ store }: Opened, name: string): number {
  return store.memory.catalog.newest(name)?.layoutId as number;
}

/** Word index of payload word `word` of the first block of a layout. */
function payload(opened: Opened, layoutId: number, word = 0): number {
  return (blocksOf(opened, layoutId)[0] as number) * 4 + 4 + word;
}

function accountField(opened: Opened, field: string): { word: number; path: string } {
  const layoutId = layoutNamed(opened, 'Account');
  const place = opened.store.memory.catalog.entry(layoutId).fields.get(field)?.word as number;
  const block = blocksOf(opened, layoutId)[0] as number;
  return { word: block * 4 + 4 + place, path: `accounts/"alice"/${field}` };
}

function descriptorOf(main: Int32Array, kind: number): number {
  const first = main[MAIN_HEAP / 4] as number;
  const end = main[MAIN_HEAP / 4 + 1] as number;
  for (let slab = first; slab < end; slab++)
    if (((main[MAIN_SLAB_TABLE / 4 + slab * 4] as number) & 0xff) === kind) return MAIN_SLAB_TABLE / 4 + slab * 4;
  throw new Error(`No slab of kind ${kind}.`);
}

interface Damage {
  readonly title: string;
  readonly code: string;
  readonly path?: RegExp;
  readonly plant: (opened: Opened) => void;
}

const DAMAGES: readonly Damage[] = [
  {
    title: 'first slab of the heap',
    code: 'SUPERBLOCK_INVALID',
    plant: ({ main }) => {
      main[MAIN_HEAP / 4] = 9;
    },
  },
  {
    title: 'end slab of the heap beyond the store',
    code: 'SUPERBLOCK_INVALID',
    plant: ({ main }) => {
      main[MAIN_HEAP / 4 + 1] = 9999;
    },
  },
  {
    title: 'nominal slabs',
    code: 'SUPERBLOCK_INVALID',
    plant: ({ main }) => {
      main[MAIN_HEAP / 4 + 2] = 5;
    },
  },
  {
    title: 'layout floor',
    code: 'SUPERBLOCK_INVALID',
    plant: ({ main }) => {
      main[76 / 4] = 3;
    },
  },
  {
    title: 'slab kind',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      const d = descriptorOf(main, 1);
      main[d] = ((main[d] as number) & ~0xff) | 7;
    },
  },
  {
    title: 'slab of no class',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      const d = descriptorOf(main, 1);
      main[d] = ((main[d] as number) & ~0xff00) | 0x6300;
    },
  },
  {
    title: 'count of blocks in use',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      main[descriptorOf(main, 1)]! += 0x10000;
    },
  },
  {
    title: 'granules handed out',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      main[descriptorOf(main, 1) + 1]! += 0x10000;
    },
  },
  {
    title: 'order of a large block',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      main[descriptorOf(main, 2)]! += 0x1100;
    },
  },
  {
    title: 'descriptor behind the end',
    code: 'SLAB_INVALID',
    plant: ({ main }) => {
      main[MAIN_SLAB_TABLE / 4 + 1] = 1;
    },
  },
  {
    title: 'head of a class list',
    code: 'SLAB_LIST_INVALID',
    plant: ({ main }) => {
      main[MAIN_CLASS_HEADS / 4] = 0;
    },
  },
  {
    title: 'head of a span list',
    code: 'SLAB_LIST_INVALID',
    plant: ({ main }) => {
      main[MAIN_SPAN_HEADS / 4 + 5] = main[MAIN_HEAP / 4] as number;
    },
  },
  {
    title: 'back link of a class list',
    code: 'SLAB_LIST_INVALID',
    plant: ({ main }) => {
      const slab = main[MAIN_CLASS_HEADS / 4] as number;
      main[MAIN_SLAB_TABLE / 4 + slab * 4 + 3] = slab;
    },
  },
  {
    title: 'circle in a class list',
    code: 'SLAB_LIST_INVALID',
    plant: ({ main }) => {
      const slab = main[MAIN_CLASS_HEADS / 4] as number;
      main[MAIN_SLAB_TABLE / 4 + slab * 4 + 2] = slab;
    },
  },
  {
    title: 'free list into nowhere',
    code: 'FREE_BLOCKS_INVALID',
    plant: ({ main }) => {
      main[freeSlab(main) + 1]! |= 0xffff;
    },
  },
  {
    title: 'header of a free block',
    code: 'FREE_BLOCKS_INVALID',
    plant: ({ main }) => {
      main[firstFree(main) * 4 + 3]! ^= 1 << 30;
    },
  },
  {
    title: 'circle in a free list',
    code: 'FREE_BLOCKS_INVALID',
    plant: ({ main }) => {
      const block = firstFree(main);
      main[block * 4 + 2] = (block & 1023) + 1;
    },
  },
  {
    title: 'stamp of a blob',
    code: 'LINK_INVALID',
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.blob) - 3] = 0;
    },
  },
  {
    title: 'check byte of a record',
    code: 'LINK_INVALID',
    path: /^accounts\/"alice"$/,
    plant: (opened) => {
      opened.main[payload(opened, layoutNamed(opened, 'Account')) - 1]! ^= 1 << 25;
    },
  },
  {
    title: 'transaction id of a block',
    code: 'BLOCK_HEADER_INVALID',
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.counter) - 2] = -1;
    },
  },
  {
    title: 'catalog entry',
    code: 'CATALOG_INVALID',
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.catalog, 10)]! ^= 4;
    },
  },
  {
    title: 'head of the catalog',
    code: 'CATALOG_INVALID',
    plant: ({ main }) => {
      main[MAIN_CATALOG_HEAD / 4] = 12345;
    },
  },
  {
    title: 'root entry',
    code: 'ROOTS_INVALID',
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.root, 1)] = 5000;
    },
  },
  {
    title: 'head of the roots',
    code: 'ROOTS_INVALID',
    plant: ({ main }) => {
      main[MAIN_ROOT_HEAD / 4] = 12345;
    },
  },
  {
    title: 'root left out',
    code: 'BLOCK_UNREACHABLE',
    plant: (opened) => {
      const { main } = opened;
      main[MAIN_ROOT_HEAD / 4] = main[(main[MAIN_ROOT_HEAD / 4] as number) * 4 + 4] as number;
    },
  },
  {
    title: 'boolean',
    code: 'VALUE_INVALID',
    path: /^accounts\/"alice"\/open$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'open').word] = 2;
    },
  },
  {
    title: 'presence word',
    code: 'VALUE_INVALID',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'manager').word + 2] = 2;
    },
  },
  {
    title: 'length of a blob',
    code: 'VALUE_INVALID',
    path: /^accounts\/"alice"\/owner$/,
    plant: (opened) => {
      const { main } = opened;
      main[(main[accountField(opened, 'owner').word] as number) * 4 + 4] = 1e6;
    },
  },
  {
    title: 'encoding of a blob',
    code: 'VALUE_INVALID',
    path: /^accounts\/"alice"\/photo$/,
    plant: (opened) => {
      const { main } = opened;
      main[(main[accountField(opened, 'photo').word] as number) * 4 + 5] = 2;
    },
  },
  {
    title: 'JSON',
    code: 'VALUE_INVALID',
    path: /^accounts\/"alice"\/notes$/,
    plant: (opened) => {
      const { main } = opened;
      main[(main[accountField(opened, 'notes').word] as number) * 4 + 6]! ^= 8;
    },
  },
  {
    title: 'owning link to nothing',
    code: 'LINK_INVALID',
    path: /^accounts\/"alice"\/home$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'home').word]! += 1;
    },
  },
  {
    title: 'owning link lost',
    code: 'BLOCK_UNREACHABLE',
    plant: (opened) => {
      opened.main[accountField(opened, 'owner').word] = 0;
    },
  },
  {
    title: 'one blob with two owners',
    code: 'BLOCK_OWNED_TWICE',
    path: /^accounts\/"alice"\/(owner|photo)$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'owner').word] = opened.main[accountField(opened, 'photo').word] as number;
    },
  },
  {
    title: 'one record with two owners',
    code: 'BLOCK_OWNED_TWICE',
    path: /^accounts\/"alice"\/home$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'home').word] = blocksOf(opened, layoutNamed(opened, 'Person'))[0] as number;
    },
  },
  {
    title: 'records of another type',
    code: 'TYPE_INVALID',
    path: /^accounts\/"alice"\/home$/,
    plant: (opened) => {
      const { main } = opened;
      const { word } = accountField(opened, 'home');
      const leaf = payload(opened, LAYOUT.leaf);
      [main[word], main[leaf]] = [main[leaf] as number, main[word] as number];
    },
  },
  {
    title: 'ref never set',
    code: 'REF_UNSET',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      const { word } = accountField(opened, 'manager');
      opened.main.fill(0, word, word + 2);
    },
  },
  {
    title: 'ref outside',
    code: 'REF_OUT_OF_BOUNDS',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'manager').word] = -5;
    },
  },
  {
    title: 'ref beside a block',
    code: 'REF_MISPLACED',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'manager').word]! += 1;
    },
  },
  {
    title: 'ref with an old stamp',
    code: 'REF_DANGLING',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      opened.main[accountField(opened, 'manager').word + 1]! += 1000;
    },
  },
  {
    title: 'ref to another type',
    code: 'REF_WRONG_TYPE',
    path: /^accounts\/"alice"\/manager$/,
    plant: (opened) => {
      const { word } = accountField(opened, 'manager');
      const home = opened.main[accountField(opened, 'home').word] as number;
      opened.main[word] = home;
      opened.main[word + 1] = opened.main[home * 4 + 1] as number;
    },
  },
  {
    title: 'extension of an unknown layout',
    code: 'TYPE_INVALID',
    path: /^extended\/"zoe"/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.extension)] = 99;
    },
  },
  {
    title: 'endless extensions',
    code: 'VALUE_INVALID',
    path: /^extended\/"zoe"/,
    plant: (opened) => {
      const [block] = blocksOf(opened, LAYOUT.extension);
      opened.main[payload(opened, LAYOUT.extension, 1)] = block as number;
    },
  },
  {
    title: 'counter that is no number',
    code: 'COLLECTION_INVALID',
    path: /^hits$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.counter, 1)] = 0x7ff00001;
    },
  },
  {
    title: 'count of a tree',
    code: 'COLLECTION_INVALID',
    path: /^people$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.tree, 3)]! ^= 1 << 20;
    },
  },
  {
    title: 'root link of a tree',
    code: 'COLLECTION_INVALID',
    path: /^people$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.tree)]! += 1;
    },
  },
  {
    title: 'shape of a tree',
    code: 'TYPE_INVALID',
    path: /^people$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.tree, 1)]! ^= 3;
    },
  },
  ...[LAYOUT.node4, LAYOUT.node16, LAYOUT.node48, LAYOUT.node256].map((layout): Damage => {
    return {
      title: `depth of a node (layout ${layout})`,
      code: 'COLLECTION_INVALID',
      path: /^(people|accounts|index)$/,
      plant: (opened) => {
        opened.main[payload(opened, layout)]! ^= 1 << 12;
      },
    };
  }),
  {
    title: 'key of a leaf',
    code: 'COLLECTION_INVALID',
    path: /^people$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.leaf, 2)]! ^= 1 << 30;
    },
  },
  {
    title: 'length of a list',
    code: 'COLLECTION_INVALID',
    path: /^numbers$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.list, 3)]! ^= 1 << 21;
    },
  },
  {
    title: 'height of a list',
    code: 'COLLECTION_INVALID',
    path: /^numbers$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.list, 1)] = 3;
    },
  },
  {
    title: 'link of a queue chunk',
    code: 'COLLECTION_INVALID',
    path: /^waiting/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.queueChunk)] = 0;
    },
  },
  {
    title: 'counts of a queue chunk',
    code: 'COLLECTION_INVALID',
    path: /^waiting/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.queueChunk, 2)]! -= 1;
    },
  },
  {
    title: 'last chunk of a queue',
    code: 'COLLECTION_INVALID',
    path: /^waiting$/,
    plant: (opened) => {
      opened.main[payload(opened, LAYOUT.queue, 1)] = 0;
    },
  },
];

/** Descriptor of a slab with a free list. */
function freeSlab(main: Int32Array): number {
  const first = main[MAIN_HEAP / 4] as number;
  for (let slab = first; slab < (main[MAIN_HEAP / 4 + 1] as number); slab++) {
    const d = MAIN_SLAB_TABLE / 4 + slab * 4;
    if (((main[d] as number) & 0xff) === 1 && ((main[d + 1] as number) & 0xffff) !== 0) return d;
  }
  throw new Error('No slab has a free list.');
}

function firstFree(main: Int32Array): number {
  const d = freeSlab(main);
  return ((d - MAIN_SLAB_TABLE / 4) / 4) * 1024 + ((main[d + 1] as number) & 0xffff) - 1;
}

describe('a check', () => {
  test('finds nothing wrong with a sound store, live or in a view', () => {
    const { store, segment } = openRich();
    const report = checkStore(store);
    expect(report.findings).toEqual([]);
    expect(report.isSound).toBe(true);
    expect(report.blockCount).toBeGreaterThan(500);
    expect(report.refCount).toBe(3);
    expect(checkStore(openView({ windows: [segment.slice(0)] })).findings).toEqual([]);
  });

  test('finds a ref whose record was deleted', () => {
    const { store } = openRich();
    store.root.people.delete('mia');
    expect(checkStore(store).findings.map(({ code, path }) => `${code} ${path}`)).toEqual(
      ['alice', 'bob', 'carol'].map((name) => `REF_DANGLING accounts/"${name}"/manager`),
    );
  });

  test.each(DAMAGES)('finds: $title', async ({ code, path, plant }) => {
    const opened = openRich();
    plant(opened);
    const view = { windows: [opened.segment.slice(0)] };
    const { findings, isSound } = checkStore(opened.store);
    expect(isSound).toBe(false);
    const named = findings.filter(
      (finding) => finding.code === code && (path === undefined || path.test(finding.path)),
    );
    expect(named, JSON.stringify(findings.slice(0, 5), undefined, 1)).not.toHaveLength(0);
    // An export of the same bytes goes to its end or is refused with a code.
    let text = '';
    try {
      text = await textOf(exportXml(openView(view)));
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(CORRUPT|STORE_UNREADABLE)$/);
      return;
    }
    expect(text.endsWith('</store>\n')).toBe(true);
  });

  test('keeps as many findings as asked for, and counts all', () => {
    const { store, main } = openRich();
    main[MAIN_ROOT_HEAD / 4] = 0;
    const { findings, findingCount } = checkStore(store, { findingCountMax: 2 });
    expect(findings).toHaveLength(2);
    expect(findingCount).toBeGreaterThan(500);
  });

  test('an export leaves a marker for what is damaged, and all the rest', async () => {
    const opened = openRich();
    opened.main[accountField(opened, 'home').word]! += 1;
    const stream = exportXml(opened.store);
    const xml = await textOf(stream);
    expect(xml).toContain('<invalid name="home" code="LINK_INVALID"/>');
    expect(xml.match(/<object name="home"/g)).toHaveLength(3);
    expect(stream.findings.map(({ code, path }) => `${code} ${path}`)).toEqual(['LINK_INVALID accounts/"alice"/home']);
  });

  test('of random damage ends, throws nothing, and so does an export', async () => {
    const sound = openRich().segment;
    const used = (new Int32Array(sound)[MAIN_HEAP / 4 + 1] as number) * 4096;
    const first = (new Int32Array(sound)[MAIN_HEAP / 4] as number) * 4096;
    const place = fc.oneof(
      fc.integer({ min: 16, max: 128 }),
      fc.integer({ min: 1024, max: 1024 + used / 1024 }),
      fc.integer({ min: first, max: used - 1 }),
    );
    const value = fc.oneof(fc.integer(), fc.integer({ min: 0, max: used / 4 }), fc.constantFrom(0, 1, -1));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 40 }), async (changes) => {
        const segment = sound.slice(0);
        const main = new Int32Array(segment);
        for (const [word, garbage] of changes) main[word] = garbage;
        let view: ReturnType<typeof openView>;
        try {
          view = openView({ windows: [segment] });
        } catch (error) {
          expect((error as { code: string }).code).toMatch(
            /^(CORRUPT|FORMAT_UNKNOWN|LAYOUT_MISMATCH|WRONG_BYTE_ORDER)$/,
          );
          return;
        }
        const { findingCount, findings } = checkStore(view);
        expect(findings.length).toBe(Math.min(findingCount, 10_000));
        expect((await textOf(exportXml(view))).endsWith('</store>\n')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
