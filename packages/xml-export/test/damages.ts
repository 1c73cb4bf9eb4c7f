// Damage of every kind, a row each: the word that is changed, and the code and path by which a check must name it.

import {
  MAIN_CATALOG_HEAD,
  MAIN_CLASS_HEADS,
  MAIN_HEAP,
  MAIN_ROOT_HEAD,
  MAIN_SLAB_TABLE,
  MAIN_SPAN_HEADS,
} from '@mofo/shm-store';
import {
  accountField,
  blocksOf,
  descriptorOf,
  firstFree,
  freeSlab,
  LAYOUT,
  layoutNamed,
  type Opened,
  payload,
} from './rich-store.ts';

/** One damage: how it is planted, and how it must be named. */
export interface Damage {
  readonly title: string;
  readonly code: string;
  readonly path?: RegExp;
  readonly plant: (opened: Opened) => void;
}

/** Damage to every kind of word. */
export const DAMAGES: readonly Damage[] = [
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
  ...[LAYOUT.node, LAYOUT.bucket].map((layout): Damage => {
    return {
      title: `first word of a node or bucket (layout ${layout})`,
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
