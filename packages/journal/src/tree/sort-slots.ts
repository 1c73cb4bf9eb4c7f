// The order of a bucket's entries, which stand in none: for iteration, for checks, and to free a tree.

import { type EntryShape, entryKeyWord, LIVE_MASK, openBucket, SLOTS_MAX } from './bucket.ts';

const SIGN = -0x80000000;

/**
 * The first two words by which `sortSlots` has sorted, in sorted order, with their highest bit flipped so that signed order is key order. Of keys that
 * lie in their slots these are the whole keys, good until the next call.
 */
export const sortedHigh: Int32Array = new Int32Array(SLOTS_MAX);
export const sortedLow: Int32Array = new Int32Array(SLOTS_MAX);

/**
 * Writes the numbers of the live slots into `order`, smallest key first, and returns how many there are. `depth` is that of the node above (or -1):
 * the keys agree before it. Insertion sort: there are few.
 */
export function sortSlots(shape: EntryShape, bucket: number, depth: number, order: Uint8Array): number {
  const { door, keyWords } = shape;
  const live = openBucket(shape, bucket) & LIVE_MASK;
  if (keyWords === 0) return sortLeaves(shape, bucket, live, depth < 0 ? 0 : depth >> 3, order);
  const { hasImages } = door;
  const words = door.windowWords[bucket >>> 28] as Int32Array;
  const keys = ((bucket & 0x0fffffff) << 2) + 4 + shape.slotsAt + shape.keyAt;
  let count = 0;
  for (let left = live; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const key = keys + slot * shape.slotWords;
    const high = (hasImages ? entryKeyWord(shape, bucket, slot, 0) : (words[key] as number)) ^ SIGN;
    let low = SIGN;
    if (keyWords === 2) low = (hasImages ? entryKeyWord(shape, bucket, slot, 1) : (words[key + 1] as number)) ^ SIGN;
    let k = count++;
    for (; k > 0; k--) {
      const before = sortedHigh[k - 1] as number;
      if (before < high || (before === high && (sortedLow[k - 1] as number) <= low)) break;
      sortedHigh[k] = before;
      sortedLow[k] = sortedLow[k - 1] as number;
      order[k] = order[k - 1] as number;
    }
    sortedHigh[k] = high;
    sortedLow[k] = low;
    order[k] = slot;
  }
  return count;
}

/** The same for keys in leaves, which agree in the words before `first`. */
function sortLeaves(shape: EntryShape, bucket: number, live: number, first: number, order: Uint8Array): number {
  let count = 0;
  for (let left = live; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const high = entryKeyWord(shape, bucket, slot, first) ^ SIGN;
    const low = entryKeyWord(shape, bucket, slot, first + 1) ^ SIGN;
    let k = count++;
    for (; k > 0; k--) {
      const before = sortedHigh[k - 1] as number;
      if (
        before < high ||
        (before === high && !isBefore(shape, bucket, slot, low, order[k - 1] as number, k - 1, first))
      )
        break;
      sortedHigh[k] = before;
      sortedLow[k] = sortedLow[k - 1] as number;
      order[k] = order[k - 1] as number;
    }
    sortedHigh[k] = high;
    sortedLow[k] = low;
    order[k] = slot;
  }
  return count;
}

/** True if the key of `slot` comes before that of `other`; they agree in their first word, and the second words are known. */
function isBefore(
  shape: EntryShape,
  bucket: number,
  slot: number,
  low: number,
  other: number,
  otherAt: number,
  first: number,
): boolean {
  const otherLow = sortedLow[otherAt] as number;
  if (low !== otherLow) return low < otherLow;
  for (let n = first + 2; n <= 256; n++) {
    const mine = entryKeyWord(shape, bucket, slot, n) >>> 0;
    const theirs = entryKeyWord(shape, bucket, other, n) >>> 0;
    if (mine !== theirs) return mine < theirs;
  }
  return false;
}
