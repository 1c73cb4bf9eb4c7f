// A leaf: one entry of a tree whose keys do not fit into its buckets, value and whole key in one block.
//
//   word 0…V-1   value, V = words of the value's type (1 to 4)
//   word V       length of the encoded key in bytes; only if its type has keys of different lengths
//   then         the encoded key, four bytes a word, the first byte highest, the last word padded with zeros
//
//   text → f64:  | header | value value length key | key … |
//
// Chunks: the first granule (value, and what of the key lies there) is one; all further granules are another, never changed after the
// leaf was made. The key never changes, so a reader beside a playback sees the right key or, if the block was freed and made
// anew, fails the validation of its section.

import { type Door, type Heap, LAYOUT_TREE_LEAF, ShmStoreError } from '@mofo/shm-store';
import { KEY_BYTES_MAX, type KeyBuffer } from './key-buffer.ts';

/** How the leaves of one tree are laid out. */
export interface LeafShape {
  /** Words of the value. */
  readonly valueWords: number;
  /** Length of every encoded key in bytes, or 0 if it varies and is stored. */
  readonly fixedBytes: number;
}

/** What `compareWithLeaf` found. */
export interface Order {
  /** The nibble at which the keys differ first, -1 if they are equal. */
  position: number;
  /** 1, 0 or -1: the searched key comes after, is or comes before the leaf's. Where one begins the other, the shorter comes first. */
  sign: number;
}

const order: Order = { position: -1, sign: 0 };

/** Makes a leaf with this key and a zeroed value. */
export function makeLeaf(door: Door, heap: Heap, shape: LeafShape, key: KeyBuffer): number {
  const keyWords = (key.length + 3) >> 2;
  const start = shape.valueWords + (shape.fixedBytes === 0 ? 1 : 0);
  const granules = (start + keyWords + 3) >> 2;
  const leaf = heap.allocate(LAYOUT_TREE_LEAF, granules * 16);
  const i = door.own(leaf, (leaf + 1) | 0, granules) + start;
  const { words } = door;
  if (shape.fixedBytes === 0) words[i - 1] = key.length;
  for (let n = 0; n < keyWords; n++) words[i + n] = key.words[n] as number;
  return leaf;
}

/** Compares the searched key with the leaf's. The answer is good until the next call. Throws CORRUPT on an impossible length. */
export function compareWithLeaf(door: Door, leaf: number, shape: LeafShape, key: KeyBuffer): Order {
  let w = shape.valueWords;
  let i = w < 4 ? door.at((leaf + 1) | 0) : door.at((leaf + 2) | 0) - 4;
  let { words } = door;
  let length = shape.fixedBytes;
  if (length === 0) {
    length = words[i + w++] as number;
    if (length <= 0 || length > KEY_BYTES_MAX) throw corruptLeaf(leaf);
  }
  const shorter = Math.min(length, key.length);
  const count = (shorter + 3) >> 2;
  if (w > 4) atRest(door, leaf, count + 1);
  for (let n = 0; n < count; n++, w++) {
    if (w === 4) {
      i = atRest(door, leaf, count - n);
      words = door.words;
    }
    const mine = key.words[n] as number;
    const theirs = words[i + w] as number;
    if (mine === theirs) continue;
    const at = (n << 3) + (Math.clz32(mine ^ theirs) >> 2);
    if (at >= shorter * 2) break;
    order.sign = mine >>> 0 > theirs >>> 0 ? 1 : -1;
    order.position = at;
    return order;
  }
  order.sign = length === key.length ? 0 : key.length > length ? 1 : -1;
  order.position = length === key.length ? -1 : shorter * 2;
  return order;
}

/** Word `n` of the leaf's encoded key; 0 behind its end. Throws CORRUPT on an impossible length. */
export function leafKeyWord(door: Door, leaf: number, shape: LeafShape, n: number): number {
  let w = shape.valueWords;
  let length = shape.fixedBytes;
  if (length === 0) {
    const i = door.at((leaf + 1 + (w >> 2)) | 0) + (w++ & 3);
    length = door.words[i] as number;
    if (length <= 0 || length > KEY_BYTES_MAX) throw corruptLeaf(leaf);
  }
  if (n * 4 >= length) return 0;
  w += n;
  const i = w < 4 ? door.at((leaf + 1) | 0) + w : atRest(door, leaf, (w >> 2) * 4) + w;
  return door.words[i] as number;
}

/** Copies the leaf's encoded key. Throws CORRUPT on an impossible length. */
export function loadKey(door: Door, leaf: number, shape: LeafShape, target: KeyBuffer): void {
  let w = shape.valueWords;
  let i = w < 4 ? door.at((leaf + 1) | 0) : door.at((leaf + 2) | 0) - 4;
  let { words } = door;
  let length = shape.fixedBytes;
  if (length === 0) {
    length = words[i + w++] as number;
    if (length <= 0 || length > KEY_BYTES_MAX) throw corruptLeaf(leaf);
  }
  const count = (length + 3) >> 2;
  if (w > 4) atRest(door, leaf, count + 1);
  for (let n = 0; n < count; n++, w++) {
    if (w === 4) {
      i = atRest(door, leaf, count - n);
      words = door.words;
    }
    target.words[n] = words[i + w] as number;
  }
  target.length = length;
}

/** Word index of the leaf's first granule, less four: where its words lie after the first granule. The last of `count` more words is bounded too. */
function atRest(door: Door, leaf: number, count: number): number {
  if (count > 4) door.at((leaf + 2 + ((count - 1) >> 2)) | 0);
  return door.at((leaf + 2) | 0) - 4;
}

/** The error for a leaf that contradicts itself. */
export function corruptLeaf(leaf: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The tree leaf at granule ${leaf >>> 0} contradicts itself. Run a check of the store.`,
  );
}
