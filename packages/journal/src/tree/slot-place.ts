// The search that a change begins with, for keys that lie in slots of 4 words: to the bucket where the key belongs and to its slot, with all
// that it needs in local variables, and through the images that the transaction has made.
//
// The line at home is tried before the fingerprints are looked at: see find-in-slots.ts. A key of another transaction's bytes proves nothing, so whoever
// changes the bucket proves its block first. What is not plain (an empty branch, bytes that contradict themselves) is left to the general way in
// tree-core.ts, which begins anew.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE } from '@mofo/shm-store';
import { entryKeyWord, hashOfPair, homeLine, LIVE_MASK, SIZE_MAX, SIZE_SHIFT } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { NODE_GRANULES } from './node.ts';
import { smallLink } from './small-node.ts';
import type { TreeCore } from './tree-core.ts';

const WINDOW_MASK = 0x0fffffff;
/** Payload word at which slots of 4 words begin. */
export const SLOTS_AT = 12;

class SlotPlace {
  bucket = 0;
  /** Depth of the node above, -1 if there is none. */
  depth = -1;
  /** Word 0 of the bucket. */
  word0 = 0;
  /** Image of the bucket's live bits and fingerprints, 0 if it has none. */
  image = 0;
  hash = 0;
  /** The key's slot, -1 if it has none. */
  slot = -1;
}

/** What the last successful `seekSlotPlace` of this thread has found. */
export const place: SlotPlace = new SlotPlace();

/** Finds the place of a key; false if this way does not lead there. */
export function seekSlotPlace(core: TreeCore, key: KeyBuffer): boolean {
  const { door, keyAt, keyWords } = core;
  const { heapFirst, windowWords, hasImages, journalWords } = door;
  const limit = door.heapSpan - NODE_GRANULES;
  const { words: keyAll } = key;
  const high = keyAll[0] as number;
  const low = keyAll[1] as number;
  const nibbles = core.fixedBytes << 1;
  let link = core.root();
  let depth = -1;
  let window = link >>> 28;
  let main = windowWords[window] as Int32Array;
  let h = 0;
  for (;;) {
    if ((link - heapFirst) >>> 0 > limit) return false;
    if (link >>> 28 !== window) {
      window = link >>> 28;
      main = windowWords[window] as Int32Array;
    }
    h = (link & WINDOW_MASK) << 2;
    if (main[h] !== LAYOUT_TREE_NODE) break;
    const next = main[h + 4] as number;
    if (next <= depth || next >= nibbles) return false;
    // Mostly the next nibble. Then it is not taken from `next`, so that the link is fetched without waiting for the node's header.
    depth++;
    if (next !== depth) depth = next;
    const nibble = ((depth < 8 ? high : low) >>> (28 - ((depth & 7) << 2))) & 15;
    const image = hasImages ? door.imageOf((link + 2) | 0) : 0;
    link = (image === 0 ? main[h + 8 + nibble] : journalWords[image + nibble]) as number;
  }
  if (main[h] === LAYOUT_TREE_SMALL_NODE) {
    const next = main[h + 4] as number;
    if (next <= depth || next >= nibbles) return false;
    depth++;
    if (next !== depth) depth = next;
    const nibble = ((depth < 8 ? high : low) >>> (28 - ((depth & 7) << 2))) & 15;
    const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
    link = image === 0 ? smallLink(main, h + 4, nibble) : smallLink(journalWords, image, nibble);
    if ((link - heapFirst) >>> 0 > limit) return false;
    main = windowWords[link >>> 28] as Int32Array;
    h = (link & WINDOW_MASK) << 2;
  }
  if (main[h] !== LAYOUT_TREE_BUCKET) return false;
  const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
  const meta = image === 0 ? main : journalWords;
  const m = image === 0 ? h + 4 : image;
  const word0 = meta[m] as number;
  const live = word0 & LIVE_MASK;
  const size = word0 >>> SIZE_SHIFT;
  if (size > SIZE_MAX || live === 0 || live >>> (core.capacities[size] as number) !== 0) return false;
  if ((link - heapFirst) >>> 0 > door.heapSpan - (core.granules[size] as number)) return false;

  const hash = hashOfPair(high, low, keyWords);
  let slot = -1;
  if (image === 0) {
    // As long as no entry came or went, main has the right keys.
    let line = 0;
    if (size === SIZE_MAX) line = homeLine(hash, SIZE_MAX);
    else if (size === 1) line = homeLine(hash, 1);
    const k = h + 4 + SLOTS_AT + (line << 4) + keyAt;
    let at = -1;
    const lowMask = keyWords === 1 ? 0 : -1;
    const one = ((main[k] as number) ^ high) | (((main[k + 1] as number) ^ low) & lowMask);
    const two = ((main[k + 4] as number) ^ high) | (((main[k + 5] as number) ^ low) & lowMask);
    const three = ((main[k + 8] as number) ^ high) | (((main[k + 9] as number) ^ low) & lowMask);
    const four = ((main[k + 12] as number) ^ high) | (((main[k + 13] as number) ^ low) & lowMask);
    if (one === 0) at = 0;
    else if (two === 0) at = 1;
    else if (three === 0) at = 2;
    else if (four === 0) at = 3;
    if (at >= 0 && ((live >>> ((line << 2) + at)) & 1) !== 0) slot = (line << 2) + at;
  }
  if (slot < 0) {
    const pattern = Math.imul(hash >>> 24, 0x01010101);
    for (let first = 0; live >>> first !== 0; first += 4) {
      const differing = (meta[m + 1 + (first >> 2)] as number) ^ pattern;
      for (let zeros = (differing - 0x01010101) & ~differing & -0x7f7f7f80; zeros !== 0; zeros &= zeros - 1) {
        const candidate = first + ((31 - Math.clz32(zeros & -zeros)) >> 3);
        if (((live >>> candidate) & 1) === 0) continue;
        if (entryKeyWord(core, link, candidate, 0) !== high) continue;
        if (keyWords === 1 || entryKeyWord(core, link, candidate, 1) === low) slot = candidate;
      }
    }
  }
  place.bucket = link;
  place.depth = depth;
  place.word0 = word0;
  place.image = image;
  place.hash = hash;
  place.slot = slot;
  return true;
}
