// The order of a bucket's entries, which stand in none: for iteration, for checks, and to free a tree.

import { type EntryShape, entryKeyWord, fetchLeaves, LIVE_MASK, openBucket, SLOTS_MAX } from './bucket.ts';

const SIGN = -0x80000000;

/** The live slots of one bucket in the order of their keys, until it is filled again. */
export class SortedSlots {
  /** How many there are. */
  count = 0;
  /** Their numbers, smallest key first. */
  readonly order: Uint8Array = new Uint8Array(SLOTS_MAX);
  /**
   * The two words by which they were sorted, with the highest bit flipped so that signed order is key order. Of keys that lie in their slots
   * these are the whole keys.
   */
  readonly high: Int32Array = new Int32Array(SLOTS_MAX);
  readonly low: Int32Array = new Int32Array(SLOTS_MAX);
}

// By slot: the two words, gathered before anything is compared, so that a bucket's lines are fetched from memory together and not one after the
// other behind branches that depend on them.
const highs = new Int32Array(SLOTS_MAX);
const lows = new Int32Array(SLOTS_MAX);
/** 26 bits of the key from the nibble on at which the entries may differ, and the slot: nearly always enough to sort by. */
const marks = new Int32Array(SLOTS_MAX);
const SLOT_BITS = 5;
const SLOT_MASK = 31;

/**
 * Fills `sorted` with the live slots of a bucket and returns how many there are. `depth` is that of the node above (or -1): the keys agree before it, and if
 * they do not, on bytes that contradict themselves, they are sorted all the same.
 */
export function sortSlots(shape: EntryShape, bucket: number, depth: number, sorted: SortedSlots): number {
  const live = openBucket(shape, bucket) & LIVE_MASK;
  const first = shape.keyWords !== 0 || depth < 0 ? 0 : depth >> 3;
  if (shape.keyWords === 0 || shape.door.hasImages) gatherAnywhere(shape, bucket, live, first);
  else gatherFromMain(shape, bucket, live);
  const bit = Math.max(0, depth - first * 8) << 2;
  let count = 0;
  for (let left = live; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    const mark = markOf(highs[slot] as number, lows[slot] as number, bit) | slot;
    let k = count++;
    for (; k > 0 && (marks[k - 1] as number) > mark; k--) marks[k] = marks[k - 1] as number;
    marks[k] = mark;
  }
  const { order, high, low } = sorted;
  let isSorted = true;
  for (let k = 0; k < count; k++) {
    const slot = (marks[k] as number) & SLOT_MASK;
    const h = (highs[slot] as number) ^ SIGN;
    const l = (lows[slot] as number) ^ SIGN;
    order[k] = slot;
    high[k] = h;
    low[k] = l;
    if (k === 0) continue;
    const before = high[k - 1] as number;
    if (before > h || (before === h && (low[k - 1] as number) >= l)) isSorted = false;
  }
  if (!isSorted) sortByAll(shape, bucket, first, sorted, count);
  sorted.count = count;
  return count;
}

function markOf(high: number, low: number, bit: number): number {
  const bits = bit === 0 ? high : bit < 32 ? (high << bit) | (low >>> (32 - bit)) : low << (bit - 32);
  return (bits >>> 6) << SLOT_BITS;
}

function gatherFromMain(shape: EntryShape, bucket: number, live: number): void {
  const { slotWords, keyWords } = shape;
  const words = shape.door.windowWords[bucket >>> 28] as Int32Array;
  const keys = ((bucket & 0x0fffffff) << 2) + 4 + shape.slotsAt + shape.keyAt;
  const lowMask = keyWords === 1 ? 0 : -1;
  for (let slot = 0, key = keys; live >>> slot !== 0; slot++, key += slotWords) {
    highs[slot] = words[key] as number;
    lows[slot] = (words[key + 1] as number) & lowMask;
  }
}

function gatherAnywhere(shape: EntryShape, bucket: number, live: number, first: number): void {
  if (shape.keyWords === 0) fetchLeaves(shape, bucket, live);
  for (let left = live; left !== 0; left &= left - 1) {
    const slot = 31 - Math.clz32(left & -left);
    highs[slot] = entryKeyWord(shape, bucket, slot, first);
    lows[slot] = entryKeyWord(shape, bucket, slot, first + 1);
  }
}

/** Sorts what is nearly sorted by whole keys. */
function sortByAll(shape: EntryShape, bucket: number, first: number, sorted: SortedSlots, count: number): void {
  const { order, high, low } = sorted;
  for (let n = 1; n < count; n++) {
    const slot = order[n] as number;
    const h = high[n] as number;
    const l = low[n] as number;
    let k = n;
    for (; k > 0; k--) {
      const before = high[k - 1] as number;
      const lowBefore = low[k - 1] as number;
      const other = order[k - 1] as number;
      if (before < h || (before === h && !isBefore(shape, bucket, slot, l, other, lowBefore, first))) break;
      high[k] = before;
      low[k] = lowBefore;
      order[k] = other;
    }
    high[k] = h;
    low[k] = l;
    order[k] = slot;
  }
}

/** True if the key of `slot` comes before that of `other`; they agree in their first word, and the second words are known. */
function isBefore(
  shape: EntryShape,
  bucket: number,
  slot: number,
  low: number,
  other: number,
  otherLow: number,
  first: number,
): boolean {
  if (low !== otherLow) return low < otherLow;
  if (shape.keyWords !== 0) return false;
  for (let n = first + 2; n <= 256; n++) {
    const mine = entryKeyWord(shape, bucket, slot, n) >>> 0;
    const theirs = entryKeyWord(shape, bucket, other, n) >>> 0;
    if (mine !== theirs) return mine < theirs;
  }
  return false;
}
