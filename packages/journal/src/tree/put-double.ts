// The hottest change, on its own: set a double under a key that lies in its slot, where the bucket at hand has the key or a free slot for it. Everything
// else (splits, forks, other values, blocks that an outer level has made) is left to the general way in tree-core.ts, which begins anew.
//
// It writes the same images of the same chunks as the general way, without switching the door's views for each of them.

import { FRESH, FRESH_OUTSIDE, LAYOUT_TREE_BUCKET } from '@mofo/shm-store';
import { entryKeyWord, LIVE_MASK, SIZE_SHIFT, SLOTS_WORD } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { path } from './path.ts';
import type { TreeCore } from './tree-core.ts';

/** What became of a `putDouble`. */
export const NOT_DONE = 0;
export const REPLACED = 1;
export const ADDED = 2;

/** Sets the value in `bucket`, the end of the noted path, in which the key has the live slot `slot` or (-1) none. */
export function putDouble(
  core: TreeCore,
  bucket: number,
  word0: number,
  slot: number,
  fingerprint: number,
  key: KeyBuffer,
  value: number,
): number {
  const { door } = core;
  const isAdded = slot < 0;
  if (isAdded) {
    if (path.missingAt >= 0 || !belongs(core, bucket, word0, key)) return NOT_DONE;
    const free = ~word0 & LIVE_MASK;
    slot = 31 - Math.clz32(free & -free);
    if (free === 0 || slot >= (core.capacities[word0 >>> SIZE_SHIFT] as number)) return NOT_DONE;
  }
  core.heap.check(bucket, LAYOUT_TREE_BUCKET);
  const freshness = door.freshness(bucket);
  if (freshness === FRESH_OUTSIDE) return NOT_DONE;
  const w = SLOTS_WORD + (slot << 2);
  let m = 0;
  let s = 0;
  if (freshness === FRESH) {
    m = door.own(bucket, (bucket + 1) | 0, 2);
    s = m + w;
  } else {
    s = door.imageFor((bucket + 1 + (w >> 2)) | 0, 1);
    if (isAdded) m = door.imageFor((bucket + 1) | 0, 2);
  }
  // Only now: making an image may have made the journal larger.
  const words = freshness === FRESH ? door.words : door.journalWords;
  const floats = freshness === FRESH ? door.floats : door.journalFloats;
  floats[s >> 1] = value;
  if (!isAdded) return REPLACED;
  words[s + 2] = key.words[0] as number;
  if (core.keyWords === 2) words[s + 3] = key.words[1] as number;
  const p = m + 1 + (slot >> 2);
  const shift = (slot & 3) << 3;
  words[p] = ((words[p] as number) & ~(0xff << shift)) | (fingerprint << shift);
  words[m] = (words[m] as number) | (1 << slot);
  return ADDED;
}

/** True if the key agrees with the bucket's entries in all that comes before the branch they stand under. */
function belongs(core: TreeCore, bucket: number, word0: number, key: KeyBuffer): boolean {
  const live = word0 & LIVE_MASK;
  if (live === 0) return false;
  if (path.length === 0) return true;
  const first = 31 - Math.clz32(live & -live);
  const depth = path.depths[path.length - 1] as number;
  const high = (key.words[0] as number) ^ entryKeyWord(core, bucket, first, 0);
  if (high !== 0) return Math.clz32(high) >> 2 >= depth;
  if (core.keyWords === 1) return false;
  const low = (key.words[1] as number) ^ entryKeyWord(core, bucket, first, 1);
  return low !== 0 && 8 + (Math.clz32(low) >> 2) >= depth;
}
