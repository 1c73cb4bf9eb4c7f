// The hottest look-up, on its own: a key that lies in its slot, while no journal image stands in the way. All that it needs is in local variables, and the
// line at home is tried before the fingerprints are looked at, so that the processor fetches it together with the bucket's header.
//
// A key that is found proves itself; everything else (another line, no such key, bytes that contradict themselves) is left to the general way in
// tree-core.ts, which begins anew.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE } from '@mofo/shm-store';
import { hashOfPair, homeLine, LIVE_MASK, SIZE_MAX, SIZE_SHIFT } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { NODE_GRANULES } from './node.ts';
import { smallLink } from './small-node.ts';
import type { TreeCore } from './tree-core.ts';

const WINDOW_MASK = 0x0fffffff;
/** Words of a bucket's block before its lines of four slots. */
const LINES_AT = 16;
/** Granules of the largest bucket with slots of 4 words. */
const BUCKET_GRANULES_MAX = 32;

/** The block that the last find was made in. */
export let foundIn = 0;

/**
 * Word index, in the window of `foundIn`, of the slot at home that has the key; -1 if it is not found so. For trees with slots of 4 words. The caller has
 * made sure that there are no images.
 */
export function findAtHome(core: TreeCore, key: KeyBuffer): number {
  const { door, keyAt, keyWords } = core;
  const { heapFirst, windowWords } = door;
  const limit = door.heapSpan - NODE_GRANULES;
  const { words: keyAll } = key;
  const high = keyAll[0] as number;
  const low = keyAll[1] as number;
  const nibbles = core.fixedBytes << 1;
  let link = core.root();
  let depth = -1;
  let window = link >>> 28;
  let words = windowWords[window] as Int32Array;
  let h = 0;
  for (;;) {
    if ((link - heapFirst) >>> 0 > limit) return -1;
    if (link >>> 28 !== window) {
      window = link >>> 28;
      words = windowWords[window] as Int32Array;
    }
    h = (link & WINDOW_MASK) << 2;
    if (words[h] !== LAYOUT_TREE_NODE) break;
    const next = words[h + 4] as number;
    if (next <= depth || next >= nibbles) return -1;
    // Mostly the next nibble. Then it is not taken from `next`, so that the link is fetched without waiting for the node's header.
    depth++;
    if (next !== depth) depth = next;
    link = words[h + 8 + (((depth < 8 ? high : low) >>> (28 - ((depth & 7) << 2))) & 15)] as number;
  }
  if (words[h] === LAYOUT_TREE_SMALL_NODE) {
    const next = words[h + 4] as number;
    if (next <= depth || next >= nibbles) return -1;
    depth++;
    if (next !== depth) depth = next;
    const nibble = ((depth < 8 ? high : low) >>> (28 - ((depth & 7) << 2))) & 15;
    link = smallLink(words, h + 4, nibble);
    if ((link - heapFirst) >>> 0 > limit) return -1;
    words = windowWords[link >>> 28] as Int32Array;
    h = (link & WINDOW_MASK) << 2;
  }
  if (words[h] !== LAYOUT_TREE_BUCKET) return -1;
  const word0 = words[h + 4] as number;
  const size = word0 >>> SIZE_SHIFT;
  const hash = hashOfPair(high, low, keyWords);
  // Branches, not a table: a processor goes on past a branch that it foresees, but waits for an index.
  let line = 0;
  if (size === SIZE_MAX) line = homeLine(hash, SIZE_MAX);
  else if (size === 1) line = homeLine(hash, 1);
  else if (size !== 0) return -1;
  const first = h + LINES_AT + (line << 4);
  const k = first + keyAt;
  let at = 0;
  // All four are looked at, wherever the key is: what has never run would be left out of the compiled code, which would be thrown away when it does.
  const lowMask = keyWords === 1 ? 0 : -1;
  const one = ((words[k] as number) ^ high) | (((words[k + 1] as number) ^ low) & lowMask);
  const two = ((words[k + 4] as number) ^ high) | (((words[k + 5] as number) ^ low) & lowMask);
  const three = ((words[k + 8] as number) ^ high) | (((words[k + 9] as number) ^ low) & lowMask);
  const four = ((words[k + 12] as number) ^ high) | (((words[k + 13] as number) ^ low) & lowMask);
  if (one === 0) at = 0;
  else if (two === 0) at = 1;
  else if (three === 0) at = 2;
  else if (four === 0) at = 3;
  else return -1;
  if ((((word0 & LIVE_MASK) >>> ((line << 2) + at)) & 1) === 0) return -1;
  if ((link - heapFirst) >>> 0 > door.heapSpan - BUCKET_GRANULES_MAX) return -1;
  foundIn = link;
  return first + (at << 2);
}
