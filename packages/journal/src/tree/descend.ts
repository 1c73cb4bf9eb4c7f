// The general ways down a tree: to the only bucket that can have a key, or to the nearest one with a note of the path, and in the bucket to the slot. Through
// the images of a transaction, and with all checks; find-in-slots.ts, find-in-leaves.ts and slot-place.ts are the shortcuts.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_NODE } from '@mofo/shm-store';
import { corruptBucket, hashOf, hashOfPair, LIVE_MASK, leafOf, SIZE_MAX, SIZE_SHIFT, slotWord } from './bucket.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { compareWithLeaf } from './leaf.ts';
import { anyLink, corruptNode, isNodeLayout, NIBBLES_MAX, NODE_GRANULES, NODE_LINKS, requireNode } from './node.ts';
import { path } from './path.ts';
import { probe } from './probe.ts';
import { smallLink } from './small-node.ts';
import type { TreeCore } from './tree-core.ts';

const WINDOW_MASK = 0x0fffffff;

/** Descent to the bucket nearest to a key: where the key's nibble has no child, on through any. 0 if the tree is empty. Notes the path. Hot. */
export function near(core: TreeCore, root: number, key: KeyBuffer): number {
  const { door } = core;
  const { heapFirst, hasImages } = door;
  const { nodes, depths, nibbles } = path;
  const limit = door.heapSpan - NODE_GRANULES;
  const { words: keyWords } = key;
  const length = key.length << 1;
  let link = root;
  let depth = -1;
  let steps = 0;
  path.missingAt = -1;
  while (link !== 0) {
    if ((link - heapFirst) >>> 0 > limit) requireNode(door, link);
    const words = door.windowWords[link >>> 28] as Int32Array;
    const h = (link & WINDOW_MASK) << 2;
    const layout = words[h] as number;
    if (layout === LAYOUT_TREE_BUCKET) break;
    if (!isNodeLayout(layout)) throw core.noNode(link);
    const next = words[h + 4] as number;
    if (next <= depth || next >= NIBBLES_MAX) throw corruptNode(link);
    // See find-in-slots.ts for why it is guessed.
    depth++;
    if (next !== depth) depth = next;
    let nibble = NODE_LINKS;
    let child = 0;
    if (depth < length) {
      nibble = ((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15;
      if (layout === LAYOUT_TREE_NODE) {
        const image = hasImages ? door.imageOf((link + 2) | 0) : 0;
        child = (image === 0 ? words[h + 8 + nibble] : door.journalWords[image + nibble]) as number;
      } else {
        const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
        child = image === 0 ? smallLink(words, h + 4, nibble) : smallLink(door.journalWords, image, nibble);
      }
    }
    if (child === 0) {
      child = anyLink(door, link);
      if (child === 0) throw corruptNode(link);
      if (path.missingAt < 0) path.missingAt = steps;
    }
    nodes[steps] = link;
    depths[steps] = depth;
    nibbles[steps++] = nibble;
    link = child;
  }
  path.length = steps;
  return link;
}

/** Exact descent to the only bucket that can hold the key in `probe`, or 0. The hot loop: it knows the layout of nodes by heart. */
export function descend(core: TreeCore, root: number): number {
  const { door } = core;
  const { heapFirst, hasImages } = door;
  const limit = door.heapSpan - NODE_GRANULES;
  const { words: keyWords } = probe;
  const nibbles = probe.length << 1;
  let link = root;
  let depth = -1;
  while (link !== 0) {
    if ((link - heapFirst) >>> 0 > limit) requireNode(door, link);
    const words = door.windowWords[link >>> 28] as Int32Array;
    const h = (link & WINDOW_MASK) << 2;
    const layout = words[h] as number;
    if (layout === LAYOUT_TREE_BUCKET) return link;
    if (!isNodeLayout(layout)) throw core.noNode(link);
    const next = words[h + 4] as number;
    if (next <= depth || next >= NIBBLES_MAX) throw corruptNode(link);
    if (next >= nibbles) return 0;
    // See find-in-slots.ts for why it is guessed.
    depth++;
    if (next !== depth) depth = next;
    const nibble = ((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15;
    if (layout === LAYOUT_TREE_NODE) {
      const image = hasImages ? door.imageOf((link + 2) | 0) : 0;
      link = (image === 0 ? words[h + 8 + nibble] : door.journalWords[image + nibble]) as number;
    } else {
      const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
      link = image === 0 ? smallLink(words, h + 4, nibble) : smallLink(door.journalWords, image, nibble);
    }
  }
  return 0;
}

/** The live slot of a bucket that has the key in `probe`, or -1; notes in the tree where its value lies. Hot. */
export function findSlot(core: TreeCore, bucket: number): number {
  const { door } = core;
  const { hasImages } = door;
  const main = door.windowWords[bucket >>> 28] as Int32Array;
  const h = (bucket & WINDOW_MASK) << 2;
  const image = hasImages ? door.imageOf((bucket + 1) | 0) : 0;
  const meta = image === 0 ? main : door.journalWords;
  const m = image === 0 ? h + 4 : image;
  const word = meta[m] as number;
  const size = word >>> SIZE_SHIFT;
  const live = word & LIVE_MASK;
  if (size > SIZE_MAX || live >>> (core.capacities[size] as number) !== 0) throw corruptBucket(bucket);
  const granules = core.granules[size] as number;
  if ((bucket - door.heapFirst) >>> 0 > door.heapSpan - granules) door.requireInHeap(bucket, granules);
  const pattern = Math.imul(core.hash >>> 24, 0x01010101);
  for (let first = 0; live >>> first !== 0; first += 4) {
    const differing = (meta[m + 1 + (first >> 2)] as number) ^ pattern;
    let zeros = (differing - 0x01010101) & ~differing & -0x7f7f7f80;
    while (zeros !== 0) {
      const slot = first + ((31 - Math.clz32(zeros & -zeros)) >> 3);
      if (((live >>> slot) & 1) !== 0 && hasKey(core, bucket, main, h, slot)) return slot;
      zeros &= zeros - 1;
    }
  }
  return -1;
}

/** True if a live slot's key is the one in `probe`; notes where its value lies. */
function hasKey(core: TreeCore, bucket: number, main: Int32Array, h: number, slot: number): boolean {
  const { door, keyWords } = core;
  if (keyWords === 0) {
    const leaf = leafOf(core, bucket, slot);
    if (compareWithLeaf(door, leaf, core, probe).position !== -1) return false;
    core.foundBlock = leaf;
    core.foundWord = 0;
    return true;
  }
  const w = slotWord(core, slot);
  const k = w + core.keyAt;
  const image = door.hasImages ? door.imageOf((bucket + 1 + (k >> 2)) | 0) : 0;
  const words = image === 0 ? main : door.journalWords;
  const i = image === 0 ? h + 4 + k : image + (k & 3);
  if (words[i] !== probe.words[0]) return false;
  if (keyWords === 2 && words[i + 1] !== probe.words[1]) return false;
  core.foundBlock = bucket;
  core.foundWord = w;
  return true;
}

/** Descends with a note of the path and looks for the key in `probe`: its slot, or -1. `nearest` is then the bucket at the path's end. */
export function seekSlot(core: TreeCore): number {
  core.nearest = near(core, core.root(), probe);
  core.hash = hashOfProbe(core);
  return core.nearest === 0 || path.missingAt >= 0 ? -1 : findSlot(core, core.nearest);
}

export function hashOfProbe(core: TreeCore): number {
  const { words } = probe;
  if (core.keyWords === 0) return hashOf(words, (probe.length + 3) >> 2);
  return hashOfPair(words[0] as number, words[1] as number, core.keyWords);
}
