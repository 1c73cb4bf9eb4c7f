// The hottest look-up of keys that lie in leaves, on its own, while no journal image stands in the way; what find-in-slots.ts is for keys in slots.
//
// A key that is found proves itself; everything else (no such key, bytes that contradict themselves) is left to the general way in tree-core.ts, which
// begins anew.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_LEAF, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE } from '@mofo/shm-store';
import { hashOf, LIVE_MASK, SIZE_MAX, SIZE_SHIFT } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { smallLink } from './small-node.ts';
import type { TreeCore } from './tree-core.ts';

const WINDOW_MASK = 0x0fffffff;
/** Words of a block before the links in a bucket: header, live bits, fingerprints. */
const LINKS_AT = 12;
const BUCKET_GRANULES_MAX = 11;

/** The leaf that has the key, 0 if it is not found so. For trees with keys in leaves. The caller has made sure that there are no images. */
export function findLeaf(core: TreeCore, key: KeyBuffer): number {
  const { door } = core;
  const { heapFirst, windowWords } = door;
  const limit = door.heapSpan - BUCKET_GRANULES_MAX;
  const { words: keyWords, length } = key;
  let link = core.root();
  let depth = -1;
  let words: Int32Array;
  let h = 0;
  for (;;) {
    if ((link - heapFirst) >>> 0 > limit) return 0;
    words = windowWords[link >>> 28] as Int32Array;
    h = (link & WINDOW_MASK) << 2;
    if (words[h] !== LAYOUT_TREE_NODE) break;
    const next = words[h + 4] as number;
    if (next <= depth || next >= length << 1) return 0;
    depth++;
    if (next !== depth) depth = next;
    link = words[h + 8 + (((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15)] as number;
  }
  if (words[h] === LAYOUT_TREE_SMALL_NODE) {
    const next = words[h + 4] as number;
    if (next <= depth || next >= length << 1) return 0;
    depth++;
    if (next !== depth) depth = next;
    const nibble = ((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15;
    link = smallLink(words, h + 4, nibble);
    if ((link - heapFirst) >>> 0 > limit) return 0;
    words = windowWords[link >>> 28] as Int32Array;
    h = (link & WINDOW_MASK) << 2;
  }
  if (words[h] !== LAYOUT_TREE_BUCKET) return 0;
  const word0 = words[h + 4] as number;
  const live = word0 & LIVE_MASK;
  if (word0 >>> SIZE_SHIFT > SIZE_MAX) return 0;
  const count = (length + 3) >> 2;
  const pattern = Math.imul(hashOf(keyWords, count) >>> 24, 0x01010101);
  for (let first = 0; live >>> first !== 0; first += 4) {
    const differing = (words[h + 5 + (first >> 2)] as number) ^ pattern;
    for (let zeros = (differing - 0x01010101) & ~differing & -0x7f7f7f80; zeros !== 0; zeros &= zeros - 1) {
      const slot = first + ((31 - Math.clz32(zeros & -zeros)) >> 3);
      if (((live >>> slot) & 1) === 0) continue;
      const leaf = words[h + LINKS_AT + slot] as number;
      if (hasLeafKey(core, leaf, keyWords, length, count)) return leaf;
    }
  }
  return 0;
}

/** True if the block is a leaf with this key. */
function hasLeafKey(core: TreeCore, leaf: number, key: Int32Array, length: number, count: number): boolean {
  const { door, fixedBytes, valueWords } = core;
  const start = 4 + valueWords + (fixedBytes === 0 ? 1 : 0);
  if ((leaf - door.heapFirst) >>> 0 > door.heapSpan - ((start + count + 3) >> 2)) return false;
  const words = door.windowWords[leaf >>> 28] as Int32Array;
  const h = (leaf & WINDOW_MASK) << 2;
  if (words[h] !== LAYOUT_TREE_LEAF) return false;
  if (fixedBytes === 0 && words[h + start - 1] !== length) return false;
  for (let n = 0; n < count; n++) if (words[h + start + n] !== key[n]) return false;
  return true;
}
