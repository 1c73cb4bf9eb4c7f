// Inner nodes of the tree. A node tells its children apart by four bits of the key: the *nibble* at the node's absolute *depth*, counted in
// nibbles from the key's start. What lies between the parent's depth and this one is not stored: all entries below agree in it, and a look-up compares
// the whole key at the entry. So a node never needs editing when something above or below it splits or collapses.
//
//   granule 1    word 0: depth · words 1-3 zero                       written once
//   granule 2-5  16 links, one a nibble: to a node, a bucket, or 0    one chunk
//
// in a block of 96 bytes. A bucket may stand under several neighbouring nibbles: it holds the entries of all of them. A node stands under one.
//
// Invariants: depth grows strictly from a node to its children and is below NIBBLES_MAX; equal links are neighbours; a node has at least two
// different children. All are checked by check-tree.ts; a descent relies only on the first, which it checks at each step, so it ends on any bytes.
//
// Crash and concurrent reader: a new node is filled while nothing reaches it; one link makes it visible, and that link, like all changes to
// published nodes, goes through the journal. A reader beside the playback may see a mix, but each access is bounded; it then validates
// the sequence and starts over.

import { type Door, type Heap, LAYOUT_TREE_NODE, ShmStoreError } from '@mofo/shm-store';
import { KEY_BYTES_MAX, type KeyBuffer } from './key-buffer.ts';

/** Nibbles of the longest key: bound of every depth. */
export const NIBBLES_MAX: number = KEY_BYTES_MAX * 2;

/** Children of a node. */
export const NODE_LINKS = 16;

/** Granules of a node's block. */
export const NODE_GRANULES = 6;

const LINK_GRANULES = 4;

/** Nibble `position` of a key. */
export function nibbleOf(key: KeyBuffer, position: number): number {
  return nibbleOfWord(key.words[position >> 3] as number, position);
}

/** Nibble `position` of a key, given the word of the key in which it lies. */
export function nibbleOfWord(word: number, position: number): number {
  return (word >>> (28 - ((position & 7) << 2))) & 15;
}

/** Makes a node without children. */
export function makeNode(door: Door, heap: Heap, depth: number): number {
  const node = heap.allocate(LAYOUT_TREE_NODE, (NODE_GRANULES - 1) * 16);
  const i = door.own(node, (node + 1) | 0, 1);
  door.words[i] = depth;
  return node;
}

/** Depth of a node below one of depth `last`. Throws CORRUPT unless it is deeper. */
export function nextDepth(door: Door, node: number, last: number): number {
  const i = door.at((node + 1) | 0);
  const depth = door.words[i] as number;
  if (depth <= last || depth >= NIBBLES_MAX) throw corruptNode(node);
  return depth;
}

/** Word index (in `door.words`) of the node's links. */
export function linksAt(door: Door, node: number): number {
  door.at((node + NODE_GRANULES - 1) | 0);
  return door.at((node + 2) | 0);
}

/** Word index at which to write the node's links. */
export function ownLinks(door: Door, node: number): number {
  return door.own(node, (node + 2) | 0, LINK_GRANULES);
}

/** Child under a nibble. */
export function linkOf(door: Door, node: number, nibble: number): number {
  const i = linksAt(door, node);
  return door.words[i + nibble] as number;
}

/** Some child of the node, 0 if there is none, which no writer leaves. */
export function anyLink(door: Door, node: number): number {
  const i = linksAt(door, node);
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const link = door.words[i + nibble] as number;
    if (link !== 0) return link;
  }
  return 0;
}

/** The last nibble of the run of equal links (0 included) that `nibble` is in; with a `step` of -1, the first. */
export function endOfRun(door: Door, node: number, nibble: number, step: 1 | -1): number {
  const i = linksAt(door, node);
  const link = door.words[i + nibble] as number;
  let end = nibble;
  while (end + step >= 0 && end + step < NODE_LINKS && door.words[i + end + step] === link) end += step;
  return end;
}

/** Puts a link under the nibbles from `first` to `last`. In a transaction. */
export function writeLinks(door: Door, node: number, first: number, last: number, link: number): void {
  const i = ownLinks(door, node);
  for (let nibble = first; nibble <= last; nibble++) door.words[i + nibble] = link;
}

/** The only child that all links lead to, or 0 if there are several. */
export function onlyLink(door: Door, node: number): number {
  const i = linksAt(door, node);
  let only = 0;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const link = door.words[i + nibble] as number;
    if (link === 0 || link === only) continue;
    if (only !== 0) return 0;
    only = link;
  }
  return only;
}

/** The error for a node that contradicts itself. */
export function corruptNode(node: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The tree node at granule ${node >>> 0} contradicts itself. Run a check of the store.`,
  );
}
