// Inner nodes of the tree. A node tells its children apart by four bits of the key: the *nibble* at the node's absolute *depth*, counted in
// nibbles from the key's start. What lies between the parent's depth and this one is not stored: all entries below agree in it, and a look-up compares
// the whole key at the entry. So a node never needs editing when something above or below it splits or collapses.
//
// A node has one of two forms. Nearly all of a large tree's nodes are in the last level and have few children, all of them buckets: those lie in one
// cache line (small-node.ts). Every other node is full:
//
//   granule 1    word 0: depth · words 1-3 zero                       written once
//   granule 2-5  16 links, one a nibble: to a node, a bucket, or 0    one chunk
//
// in a block of 96 bytes. A bucket may stand under several neighbouring nibbles: it holds the entries of all of them. A node stands under one.
// node-forms.ts says which form a node gets.
//
// Invariants: depth grows strictly from a node to its children and is below NIBBLES_MAX; equal links are neighbours; a node has at least two
// different children; below a small node there are only buckets. All are checked by check-tree.ts; a descent relies only on the first, which it checks
// at each step, so it ends on any bytes.
//
// Crash and concurrent reader: a new node is filled while nothing reaches it; one link makes it visible, and that link, like all changes to
// published nodes, goes through the journal. A reader beside the playback may see a mix, but each access is bounded; it then validates
// the sequence and starts over.

import { type Door, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE, ShmStoreError } from '@mofo/shm-store';
import { KEY_BYTES_MAX, type KeyBuffer } from './key-buffer.ts';
import { SMALL_NODE_GRANULES, smallLink } from './small-node.ts';

/** Nibbles of the longest key: bound of every depth. */
export const NIBBLES_MAX: number = KEY_BYTES_MAX * 2;

/** Links of a node, one a nibble. */
export const NODE_LINKS = 16;

/** Granules of a full node's block. */
export const NODE_GRANULES = 6;

/** Granules of the chunk of its links. */
export const LINK_GRANULES = 4;

/** Nibble `position` of a key. */
export function nibbleOf(key: KeyBuffer, position: number): number {
  return nibbleOfWord(key.words[position >> 3] as number, position);
}

/** Nibble `position` of a key, given the word of the key in which it lies. */
export function nibbleOfWord(word: number, position: number): number {
  return (word >>> (28 - ((position & 7) << 2))) & 15;
}

/** True if the layout id is that of a node. */
export function isNodeLayout(layout: number): boolean {
  return layout === LAYOUT_TREE_NODE || layout === LAYOUT_TREE_SMALL_NODE;
}

/** True if the node is small. A block's layout never changes. Throws CORRUPT if the node does not lie in the heap. */
export function isSmall(door: Door, node: number): boolean {
  if ((node - door.heapFirst) >>> 0 > door.heapSpan - NODE_GRANULES) requireNode(door, node);
  const words = door.windowWords[node >>> 28] as Int32Array;
  return words[(node & 0x0fffffff) << 2] === LAYOUT_TREE_SMALL_NODE;
}

/** Proves that a node, or a bucket's beginning, lies in the heap, near whose end only a full node needs NODE_GRANULES. */
export function requireNode(door: Door, link: number): void {
  door.requireInHeap(link, SMALL_NODE_GRANULES);
  const words = door.windowWords[link >>> 28] as Int32Array;
  if (words[(link & 0x0fffffff) << 2] === LAYOUT_TREE_NODE) door.requireInHeap(link, NODE_GRANULES);
}

/** Depth of a node below one of depth `last`. Throws CORRUPT unless it is deeper. */
export function nextDepth(door: Door, node: number, last: number): number {
  const i = door.at((node + 1) | 0);
  const depth = door.words[i] as number;
  if (depth <= last || depth >= NIBBLES_MAX) throw corruptNode(node);
  return depth;
}

/** Child under a nibble. */
export function linkOf(door: Door, node: number, nibble: number): number {
  if (isSmall(door, node)) {
    const i = door.at((node + 1) | 0);
    return smallLink(door.words, i, nibble);
  }
  const i = door.at((node + 2) | 0);
  return door.words[i + nibble] as number;
}

/** Copies the links of a node. */
export function loadLinks(door: Door, node: number, target: Int32Array): void {
  const small = isSmall(door, node);
  const i = door.at((node + (small ? 1 : 2)) | 0);
  const { words } = door;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++)
    target[nibble] = small ? smallLink(words, i, nibble) : (words[i + nibble] as number);
}

/** Some child of the node, 0 if there is none, which no writer leaves. */
export function anyLink(door: Door, node: number): number {
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const link = linkOf(door, node, nibble);
    if (link !== 0) return link;
  }
  return 0;
}

/** The last nibble of the run of equal links (0 included) that `nibble` is in; with a `step` of -1, the first. */
export function endOfRun(links: Int32Array, nibble: number, step: 1 | -1): number {
  const link = links[nibble];
  let end = nibble;
  while (end + step >= 0 && end + step < NODE_LINKS && links[end + step] === link) end += step;
  return end;
}

/** The error for a node that contradicts itself. */
export function corruptNode(node: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The tree node at granule ${node >>> 0} contradicts itself. Run a check of the store.`,
  );
}
