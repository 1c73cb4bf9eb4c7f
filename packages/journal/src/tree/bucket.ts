// Buckets: where a tree keeps its entries, up to 28 together, in no order.
//
//   granule 1-2  word 0: live slots, one bit each (0-27) · size, bits 28-29          one chunk
//                words 1-7: a fingerprint of each slot's key, four a word, lowest byte first
//   granule 3    zero; only where slots have 4 or 8 words, so that these begin with a cache line
//   then         the slots; each granule is a chunk
//
//   f64 → f64:   | header | live, prints | prints | zero | value key | value key | …      4, 12 or 28 slots in 128, 256 or 512 bytes
//
// A slot is one of three:
//   1 word    keys of more than 8 bytes or of no fixed length: an owning link to a leaf, which holds key and value
//   4 words   value, then key, if they fit
//   8 words   value, then (from word 4) key
//
// What lies in a slot that is not live, and its fingerprint, means nothing. A search compares four fingerprints at a time (a word against
// the searched one four times, Mycroft's test for a zero byte) and then, as a rule, one key. Slots of 4 words have a home besides: of the lines of four
// slots, the one that the key's hash names. A new entry goes home if there is room, so a look-up can try the line at home without waiting for
// the fingerprints: of an entry that is there, header and slot are fetched from memory at the same time (find-in-slots.ts). That is all that homes are
// for: an entry may stand anywhere. Iteration sorts the live slots; they are few.
//
// Crash and concurrent reader: an entry is added by writing its slot and then the chunk of the live bits, both through the journal like every
// change of a published block. A bucket that is rebuilt or split moves entries into a new block that nothing reaches before one link
// is written. Bytes are input: size and live bits bound everything that is read, and are checked first.

import { type Door, FRESH, type Heap, LAYOUT_TREE_BUCKET, LAYOUT_TREE_LEAF, ShmStoreError } from '@mofo/shm-store';
import type { KeyBuffer } from './key-buffer.ts';
import { compareWithLeaf, leafKeyWord, loadKey } from './leaf.ts';

/** Words before the slots that every bucket has: live bits and fingerprints. */
const HEAD_WORDS = 8;
/** Bits of the live slots in word 0. */
export const LIVE_MASK = 0x0fffffff;
/** Bit of word 0 at which the size begins. */
export const SIZE_SHIFT = 28;
/** The largest of the three sizes. */
export const SIZE_MAX = 2;
/** Most slots of a bucket. */
export const SLOTS_MAX = 28;

/** How the entries of one tree are laid out. */
export interface EntryShape {
  readonly door: Door;
  readonly heap: Heap;
  /** Words of the value. */
  readonly valueWords: number;
  /** Length of every encoded key in bytes, or 0 if it varies. */
  readonly fixedBytes: number;
  /** Words of a slot: 1, 4 or 8. */
  readonly slotWords: number;
  /** Payload word at which the slots begin. */
  readonly slotsAt: number;
  /** Words of a key that lies in its slot; 0 if keys lie in leaves. */
  readonly keyWords: number;
  /** Word of a slot at which its key begins. */
  readonly keyAt: number;
  /** Slots by size; 0 for sizes that there are not. */
  readonly capacities: Int32Array;
  /** Granules of a block by size. */
  readonly granules: Int32Array;
  /** Means nothing; where what `fetchLeaves` reads goes, so that it is read. */
  fetched: number;
}

/** Slots by size, for slots of 1, 4 and 8 words: what fits into 64, 96 and 160, otherwise 128, 256 and 512 bytes. */
const CAPACITIES: Readonly<Record<number, readonly number[]>> = { 1: [4, 12, 28], 4: [4, 12, 28], 8: [2, 6, 14] };

/** Lines of four slots by size, of buckets with slots of 4 words. */
const LINES = [1, 3, 7] as const;

/** The parts of a shape that follow from value and key. */
export function layoutEntries(
  valueWords: number,
  fixedBytes: number,
): Pick<EntryShape, 'slotWords' | 'slotsAt' | 'keyWords' | 'keyAt' | 'capacities' | 'granules'> {
  const keyWords = fixedBytes > 8 ? 0 : (fixedBytes + 3) >> 2;
  const fits = valueWords + keyWords <= 4;
  const slotWords = keyWords === 0 ? 1 : fits ? 4 : 8;
  const capacities = Int32Array.from([...(CAPACITIES[slotWords] as readonly number[]), 0]);
  const slotsAt = slotWords === 1 ? HEAD_WORDS : HEAD_WORDS + 4;
  const granules = capacities.map((slots) => 1 + Math.ceil((slotsAt + slots * slotWords) / 4));
  return { slotWords, slotsAt, keyWords, keyAt: fits ? valueWords : 4, capacities, granules };
}

/** A bucket is rebuilt or merged when it has no more entries than this; less than the next smaller size, so that it does not flip back and forth. */
export function thinCount(capacity: number): number {
  return Math.floor(capacity / 3.5);
}

/** A hash of a key's words. Its highest eight bits are the key's fingerprint. */
export function hashOf(words: Int32Array, count: number): number {
  let mixed = 0;
  for (let n = 0; n < count; n++) mixed = Math.imul(mixed ^ (words[n] as number) ^ (mixed >>> 15), 0x9e3779b1);
  return mixed;
}

/** The same for a key of two words, or (`count` 1) of the first. */
export function hashOfPair(high: number, low: number, count: number): number {
  const mixed = Math.imul(high, 0x9e3779b1);
  return count === 1 ? mixed : Math.imul(mixed ^ low ^ (mixed >>> 15), 0x9e3779b1);
}

/** The line of four slots in which a key with this hash is at home. */
export function homeLine(hash: number, size: number): number {
  return (((hash >>> 8) & 0xffff) * (LINES[size] as number)) >>> 16;
}

/** Word 0 of a bucket, once it has been proved that all its slots may be read. Throws CORRUPT. */
export function openBucket(shape: EntryShape, bucket: number): number {
  const { door } = shape;
  const i = door.at((bucket + 1) | 0);
  const word = door.words[i] as number;
  const size = word >>> SIZE_SHIFT;
  if (size > SIZE_MAX || (word & LIVE_MASK) >>> (shape.capacities[size] as number) !== 0) throw corruptBucket(bucket);
  const granules = shape.granules[size] as number;
  if ((bucket - door.heapFirst) >>> 0 > door.heapSpan - granules) door.requireInHeap(bucket, granules);
  return word;
}

/** Number of live slots in word 0. */
export function countLive(word: number): number {
  let bits = word & LIVE_MASK;
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Payload word at which a slot begins. */
export function slotWord(shape: EntryShape, slot: number): number {
  return shape.slotsAt + slot * shape.slotWords;
}

/** Word index at which to read payload word `word` of a block whose granules are chunks from `word` on. */
export function wordAt(door: Door, block: number, word: number): number {
  return door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
}

/** Leaf of a slot that holds a link. Throws CORRUPT. */
export function leafOf(shape: EntryShape, bucket: number, slot: number): number {
  const { door } = shape;
  const i = wordAt(door, bucket, HEAD_WORDS + slot);
  const leaf = door.words[i] as number;
  const h = door.at(leaf);
  if (door.words[h] !== LAYOUT_TREE_LEAF) throw corruptBucket(bucket);
  return leaf;
}

/**
 * Reads a word of each slot's leaf, for keys in leaves, so that the processor fetches them from memory together: one after the other, each would be waited
 * for. Proves nothing.
 */
export function fetchLeaves(shape: EntryShape, bucket: number, slots: number): void {
  const { door } = shape;
  const limit = door.heapSpan - 4;
  let sum = 0;
  for (let left = slots; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const i = wordAt(door, bucket, HEAD_WORDS + slot);
    const leaf = door.words[i] as number;
    if ((leaf - door.heapFirst) >>> 0 > limit) continue;
    sum = (sum + ((door.windowWords[leaf >>> 28] as Int32Array)[(leaf & 0x0fffffff) << 2] as number)) | 0;
  }
  shape.fetched = sum;
}

/** Copies the key of a live slot. */
export function loadEntryKey(shape: EntryShape, bucket: number, slot: number, target: KeyBuffer): void {
  const { door, keyWords } = shape;
  if (keyWords === 0) {
    loadKey(door, leafOf(shape, bucket, slot), shape, target);
    return;
  }
  target.words[0] = entryKeyWord(shape, bucket, slot, 0);
  if (keyWords === 2) target.words[1] = entryKeyWord(shape, bucket, slot, 1);
  target.length = shape.fixedBytes;
}

/** Word `n` of the key of a live slot; 0 behind its end. The caller has opened the bucket. */
export function entryKeyWord(shape: EntryShape, bucket: number, slot: number, n: number): number {
  const { door, keyWords } = shape;
  if (keyWords === 0) return leafKeyWord(door, leafOf(shape, bucket, slot), shape, n);
  if (n >= keyWords) return 0;
  const w = slotWord(shape, slot) + shape.keyAt + n;
  const image = door.hasImages ? door.imageOf((bucket + 1 + (w >> 2)) | 0) : 0;
  if (image !== 0) return door.journalWords[image + (w & 3)] as number;
  const words = door.windowWords[bucket >>> 28] as Int32Array;
  return words[((bucket & 0x0fffffff) << 2) + 4 + w] as number;
}

/** What `compareEntry` found besides the order: the nibble at which the keys differ first, -1 if they are equal. */
export let divergence = -1;

/** 1, 0 or -1: the key comes after, is or comes before that of a live slot. Where one begins the other, the shorter comes first. */
export function compareEntry(shape: EntryShape, bucket: number, slot: number, key: KeyBuffer): number {
  const { door, keyWords, fixedBytes } = shape;
  if (keyWords === 0) {
    const order = compareWithLeaf(door, leafOf(shape, bucket, slot), shape, key);
    divergence = order.position;
    return order.sign;
  }
  const shorter = Math.min(fixedBytes, key.length);
  for (let n = 0; n < (shorter + 3) >> 2; n++) {
    const mine = key.words[n] as number;
    const theirs = entryKeyWord(shape, bucket, slot, n);
    if (mine === theirs) continue;
    const at = (n << 3) + (Math.clz32(mine ^ theirs) >> 2);
    if (at >= shorter * 2) break;
    divergence = at;
    return mine >>> 0 > theirs >>> 0 ? 1 : -1;
  }
  divergence = fixedBytes === key.length ? -1 : shorter * 2;
  return fixedBytes === key.length ? 0 : key.length > fixedBytes ? 1 : -1;
}

/** Makes an empty bucket. The caller fills and publishes it. */
export function makeBucket(shape: EntryShape, size: number): number {
  const { door, heap, granules } = shape;
  const bucket = heap.allocateUncleared(LAYOUT_TREE_BUCKET, ((granules[size] as number) - 1) * 16);
  const i = door.own(bucket, (bucket + 1) | 0, 2);
  const { words } = door;
  words[i] = size << SIZE_SHIFT;
  for (let k = 1; k < shape.slotsAt; k++) words[i + k] = 0;
  return bucket;
}

/** Makes a slot live, once it is filled. */
export function addSlot(door: Door, bucket: number, slot: number, fingerprint: number): void {
  const m = door.own(bucket, (bucket + 1) | 0, 2);
  const { words } = door;
  const p = m + 1 + (slot >> 2);
  const shift = (slot & 3) << 3;
  words[p] = ((words[p] as number) & ~(0xff << shift)) | (fingerprint << shift);
  words[m] = (words[m] as number) | (1 << slot);
}

/** Takes slots out of the live ones. */
export function dropSlots(door: Door, bucket: number, slots: number): void {
  const m = door.own(bucket, (bucket + 1) | 0, 2);
  door.words[m] = (door.words[m] as number) & ~slots;
}

/** Copies the live slots among `slots` of one bucket into free slots of another, which has room for them. */
export function copySlots(shape: EntryShape, source: number, slots: number, target: number): void {
  const { door, slotWords } = shape;
  const moved = openBucket(shape, source) & slots;
  if (countLive(moved) + countLive(openBucket(shape, target)) > capacityOf(shape, target)) throw corruptBucket(target);
  if (door.freshness(target) === FRESH) {
    copyIntoFresh(shape, source, moved, target);
    return;
  }
  for (let left = moved; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const hash = hashOfEntry(shape, source, slot);
    const free = freeSlot(shape, target, hash);
    for (let word = 0; word < slotWords; word += 4) {
      const f = wordAt(door, source, slotWord(shape, slot) + word);
      const { words } = door;
      const to = slotWord(shape, free) + word;
      const t = door.own(target, (target + 1 + (to >> 2)) | 0, 1) + (to & 3);
      const targets = door.words;
      targets[t] = words[f] as number;
      if (slotWords === 1) continue;
      targets[t + 1] = words[f + 1] as number;
      targets[t + 2] = words[f + 2] as number;
      targets[t + 3] = words[f + 3] as number;
    }
    addSlot(door, target, free, hash >>> 24);
  }
}

/** The same for a target of the running level, which is written in place and in one piece: what splits do. */
function copyIntoFresh(shape: EntryShape, source: number, moved: number, target: number): void {
  const { door, slotWords } = shape;
  const main = door.windowWords[source >>> 28] as Int32Array;
  const h = (source & 0x0fffffff) << 2;
  const m = door.own(target, (target + 1) | 0, 2);
  const targets = door.words;
  let word0 = targets[m] as number;
  const size = word0 >>> SIZE_SHIFT;
  for (let left = moved; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const hash = hashOfEntry(shape, source, slot);
    const free = chooseSlot(~word0, slotWords, size, hash);
    for (let word = 0; word < slotWords; word += 4) {
      const from = slotWord(shape, slot) + word;
      const image = door.hasImages ? door.imageOf((source + 1 + (from >> 2)) | 0) : 0;
      const words = image === 0 ? main : door.journalWords;
      const f = image === 0 ? h + 4 + from : image + (from & 3);
      const t = m + slotWord(shape, free) + word;
      targets[t] = words[f] as number;
      if (slotWords === 1) continue;
      targets[t + 1] = words[f + 1] as number;
      targets[t + 2] = words[f + 2] as number;
      targets[t + 3] = words[f + 3] as number;
    }
    const p = m + 1 + (free >> 2);
    const shift = (free & 3) << 3;
    targets[p] = ((targets[p] as number) & ~(0xff << shift)) | ((hash >>> 24) << shift);
    word0 |= 1 << free;
  }
  targets[m] = word0;
}

/** Hash of the key of a live slot; of a key in a leaf only its fingerprint, which is all that is asked of it. */
function hashOfEntry(shape: EntryShape, bucket: number, slot: number): number {
  const { door, keyWords } = shape;
  if (keyWords !== 0)
    return hashOfPair(entryKeyWord(shape, bucket, slot, 0), entryKeyWord(shape, bucket, slot, 1), keyWords);
  const m = door.at((bucket + 1) | 0);
  return ((door.words[m + 1 + (slot >> 2)] as number) >>> ((slot & 3) << 3)) << 24;
}

function capacityOf(shape: EntryShape, bucket: number): number {
  return shape.capacities[openBucket(shape, bucket) >>> SIZE_SHIFT] as number;
}

/** A slot that is not live, for a key with this hash; -1 if there is none. */
export function freeSlot(shape: EntryShape, bucket: number, hash: number): number {
  const { door } = shape;
  const m = door.at((bucket + 1) | 0);
  const word = door.words[m] as number;
  const size = word >>> SIZE_SHIFT;
  const free = ~word & ((1 << (shape.capacities[size] as number)) - 1);
  return free === 0 ? -1 : chooseSlot(free, shape.slotWords, size, hash);
}

/** One of the free slots: at home, if there is one. */
export function chooseSlot(free: number, slotWords: number, size: number, hash: number): number {
  if (slotWords === 4) {
    const home = free & (15 << (homeLine(hash, size) << 2));
    if (home !== 0) return 31 - Math.clz32(home & -home);
  }
  return 31 - Math.clz32(free & -free);
}

/** The error for a bucket that contradicts itself. */
export function corruptBucket(bucket: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The tree bucket at granule ${bucket >>> 0} contradicts itself. Run a check of the store.`,
  );
}
