// Blocks whose words this package lays out itself. To whoever walks the store (checker, exporter) such a block is a byte string; its words are little-endian on
// every machine, so an export means the same everywhere. It is a blob that is changed in place, through the door, a granule a chunk:
//
//   granule 0    length · encoding (both of the blob)      format · a number that the format may use
//   granule 1…   as the format says
//
// A crash leaves all of a transaction's changes or none, as everywhere.

import { type FieldType, LAYOUT_BLOB, type Memory, bytes as storedBytes } from '@mofo/shm-store';

const isLittleEndian: boolean = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** True if words in memory are as they are stored. */
export const areWordsNative: boolean = isLittleEndian;

/** The word as it is stored, and back. */
export function swapped(word: number): number {
  if (isLittleEndian) return word;
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Makes a block of `granules` granules of payload, its words but for the first granule as they were left by whoever had the memory before. */
export function makeRawBlock({ door, heap }: Memory, granules: number, format: number, number: number): number {
  const block = heap.allocateUncleared(LAYOUT_BLOB, granules * 16);
  const i = door.own(block, (block + 1) | 0, 1);
  const { words } = door;
  words[i] = granules * 16 - 8;
  words[i + 1] = 0;
  words[i + 2] = swapped(format);
  words[i + 3] = swapped(number);
  return block;
}

/** True if the block is one of this size, format and number. Throws CORRUPT unless it is a blob. */
export function isRawBlock(
  { door, heap }: Memory,
  block: number,
  granules: number,
  format: number,
  number: number,
): boolean {
  heap.check(block, LAYOUT_BLOB);
  if (heap.capacityBytes(block) < granules * 16) return false;
  const i = door.at((block + 1) | 0);
  const { words } = door;
  return (
    (words[i] as number) === granules * 16 - 8 &&
    swapped(words[i + 2] as number) === format &&
    swapped(words[i + 3] as number) === number
  );
}

/** The field type of a tree's value that is such a block: to everybody else a byte string, here the granule of its block. */
export const rawBlock: FieldType<number> = {
  ...sharedWith(storedBytes()),
  read: (memory, block, word) => {
    const { door } = memory;
    const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
    return door.words[i] as number;
  },
  initialize: (memory, block, word, value) => {
    const { door } = memory;
    const i = door.own(block, (block + 1 + (word >> 2)) | 0, 1) + (word & 3);
    door.words[i] = value ?? 0;
  },
  write: () => {
    throw new Error('A raw block is never replaced.');
  },
};

function sharedWith(type: FieldType<Uint8Array>): Omit<FieldType<number>, 'read' | 'initialize' | 'write'> {
  const { kind, words, alignWords } = type;
  return {
    kind,
    words,
    alignWords,
    hasDefault: false,
    release: (memory, block, word) => type.release(memory, block, word),
    visit: (memory, block, word, visitor) => type.visit(memory, block, word, visitor),
    describe: () => type.describe(),
  };
}
