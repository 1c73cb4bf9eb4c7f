// The hottest change, on its own: set a double under a key that lies in its slot, where the bucket at hand has the key or a free slot for it. Everything
// else (splits, forks, other values, blocks that an outer level has made) is left to the general way in tree-core.ts, which begins anew.
//
// It writes the same images of the same chunks as the general way, without noting a path or switching the door's views.

import { FRESH, FRESH_OUTSIDE, LAYOUT_TREE_BUCKET } from '@mofo/shm-store';
import { chooseSlot, entryKeyWord, LIVE_MASK, SIZE_SHIFT } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { place, SLOTS_AT, seekSlotPlace } from './slot-place.ts';
import type { TreeCore } from './tree-core.ts';

/** What became of a `putDouble`. */
export const NOT_DONE = 0;
export const REPLACED = 1;
export const ADDED = 2;

/** Sets the value under `key`. The caller has made sure that the tree lives, and adds to its count. */
export function putDouble(core: TreeCore, key: KeyBuffer, value: number): number {
  if (!seekSlotPlace(core, key)) return NOT_DONE;
  const { door } = core;
  const { bucket } = place;
  let { slot } = place;
  const isAdded = slot < 0;
  if (isAdded) {
    slot = freeSlotFor(core, key);
    if (slot < 0) return NOT_DONE;
  }
  // An image of its own proves that this transaction has proved the block before.
  if (place.image === 0) core.heap.check(bucket, LAYOUT_TREE_BUCKET);
  const freshness = door.freshness(bucket);
  if (freshness === FRESH_OUTSIDE) return NOT_DONE;
  if (isAdded) core.ownCount();
  const w = SLOTS_AT + (slot << 2);
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
  words[p] = ((words[p] as number) & ~(0xff << shift)) | ((place.hash >>> 24) << shift);
  words[m] = (words[m] as number) | (1 << slot);
  return ADDED;
}

/** A slot of the bucket at `place` for a new key, if the key belongs there: -1 otherwise. */
function freeSlotFor(core: TreeCore, key: KeyBuffer): number {
  const { word0 } = place;
  const live = word0 & LIVE_MASK;
  const size = word0 >>> SIZE_SHIFT;
  const free = ~live & ((1 << (core.capacities[size] as number)) - 1);
  if (free === 0) return -1;
  const slot = chooseSlot(free, 4, size, place.hash);
  // Compared with a neighbour in the line that is written anyway, if there is one.
  const beside = live & (15 << (slot & -4));
  const other = beside === 0 ? 31 - Math.clz32(live & -live) : 31 - Math.clz32(beside & -beside);
  return agrees(core, key, other) ? slot : -1;
}

/** True if the key agrees with an entry of the bucket in all that comes before the branch they stand under, and differs somewhere. */
function agrees(core: TreeCore, key: KeyBuffer, slot: number): boolean {
  const { bucket, depth } = place;
  const highs = (key.words[0] as number) ^ entryKeyWord(core, bucket, slot, 0);
  if (highs !== 0) return Math.clz32(highs) >> 2 >= depth;
  if (core.keyWords === 1) return false;
  const lows = (key.words[1] as number) ^ entryKeyWord(core, bucket, slot, 1);
  return lows !== 0 && 8 + (Math.clz32(lows) >> 2) >= depth;
}
