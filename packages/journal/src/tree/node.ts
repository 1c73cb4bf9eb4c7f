// Inner nodes of the tree. A node tells its children apart by four bits of the key: the *nibble* at the node's absolute *depth*, counted in
// nibbles from the key's start. What lies between the parent's depth and this one is not stored: all entries below agree in it, and a look-up compares
// the whole key at the entry. So a node never needs editing when something above or below it splits or collapses.
//
//   small   | header | depth  places  places  0      | link 1  …  link 8  |                          64 bytes, granules 1-3 are one chunk
//   full    | header | depth  places  places  link 0 | link 1  …  link 8   link 9  …  link 15   0 |  96 bytes, granules 1-5 are one chunk
//                      word 0   1       2       3      4          11
//
// `places` has four bits for each nibble (nibble 0 lowest in word 1, nibble 8 lowest in word 2): where its link stands, counted from word 3. A link leads to
// a node, a bucket, or is 0. A bucket may stand under several neighbouring nibbles: it holds the entries of all of them. A node stands under one.
//
// Most nodes have few children. A small node has each child's link once, numbered from 1 in the order of their nibbles; a nibble without a child has
// place 0, where there is no link. All of it lies in one cache line, so a descent fetches one line at each level, and there are fewer lines, so that
// more of them stay in the caches. In a full node each nibble has its own place. A descent goes through both in the same way (`linkIn`), without asking
// which it is: a processor would often foresee that wrongly. A small node that gets a ninth child is replaced by a full one, and a full one with few
// children left by a small one (node-forms.ts).
//
// Invariants: depth grows strictly from a node to its children and is below NIBBLES_MAX; equal links are neighbours; a node has at least two
// different children; places and unused words are those that follow from the 16 links. All are checked by check-tree.ts; a descent relies only on the
// first, which it checks at each step, so it ends on any bytes, and any place is inside NODE_GRANULES granules.
//
// Crash and concurrent reader: a new node is filled while nothing reaches it; one link makes it visible, and that link, like all changes to
// published nodes, goes through the journal. A reader beside the playback may see a mix, but each access is bounded; it then validates
// the sequence and starts over.

import { type Door, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE, ShmStoreError } from '@mofo/shm-store';
import { KEY_BYTES_MAX, type KeyBuffer } from './key-buffer.ts';

/** Nibbles of the longest key: bound of every depth. */
export const NIBBLES_MAX: number = KEY_BYTES_MAX * 2;

/** Links of a node, one a nibble. */
export const NODE_LINKS = 16;

/** Most children of a small node. */
export const SMALL_LINKS = 8;

/** Granules of a full node's block. */
export const NODE_GRANULES = 6;

/** Granules of a small node's block. */
export const SMALL_NODE_GRANULES = 4;

/** Payload word of the first of the two words of places. */
export const PLACES_AT = 1;

/** Payload word at which place 0 is. */
export const LINKS_AT = 3;

/** Where a place that a small node does not have leads: out of any heap. */
const NOWHERE = -1;

/** Nibble `position` of a key. */
export function nibbleOf(key: KeyBuffer, position: number): number {
  return nibbleOfWord(key.words[position >> 3] as number, position);
}

/** Nibble `position` of a key, given the word of the key in which it lies. */
export function nibbleOfWord(word: number, position: number): number {
  return (word >>> (28 - ((position & 7) << 2))) & 15;
}

/** True if the layout id is that of a node: one comparison for both forms. */
export function isNodeLayout(layout: number): boolean {
  return (layout | 1) === LAYOUT_TREE_NODE;
}

/** True if the node is of the small form. A block's layout never changes. Throws CORRUPT if the block does not lie in the heap. */
export function isSmall(door: Door, node: number): boolean {
  if ((node - door.heapFirst) >>> 0 > door.heapSpan - NODE_GRANULES) requireNode(door, node);
  const words = door.windowWords[node >>> 28] as Int32Array;
  return words[(node & 0x0fffffff) << 2] === LAYOUT_TREE_SMALL_NODE;
}

/** Proves that a link near the heap's end leads to a node or bucket that lies in it: what there is less of than NODE_GRANULES. */
export function requireNode(door: Door, link: number): void {
  door.requireInHeap(link, SMALL_NODE_GRANULES);
  const words = door.windowWords[link >>> 28] as Int32Array;
  const h = (link & 0x0fffffff) << 2;
  const layout = words[h] as number;
  if (!isNodeLayout(layout)) return;
  if (layout === LAYOUT_TREE_NODE) door.requireInHeap(link, NODE_GRANULES);
  else for (let n = 0; n < NODE_LINKS; n++) if (placeIn(words, h + 4, n) > SMALL_LINKS) throw corruptNode(link);
}

/** Depth of a node below one of depth `last`. Throws CORRUPT unless it is deeper. */
export function nextDepth(door: Door, node: number, last: number): number {
  const i = door.at((node + 1) | 0);
  const depth = door.words[i] as number;
  if (depth <= last || depth >= NIBBLES_MAX) throw corruptNode(node);
  return depth;
}

/** Where the nibble's link stands, in a node whose payload is at word index `i`. */
export function placeIn(words: Int32Array, i: number, nibble: number): number {
  return ((words[i + PLACES_AT + (nibble >> 3)] as number) >>> (nibble << 2)) & 15;
}

/** Child under a nibble. */
export function linkOf(door: Door, node: number, nibble: number): number {
  const small = isSmall(door, node);
  const i = door.at((node + 1) | 0);
  const { words } = door;
  const place = placeIn(words, i, nibble);
  return place > SMALL_LINKS && small ? NOWHERE : (words[i + LINKS_AT + place] as number);
}

/** Copies the links of a node. */
export function loadLinks(door: Door, node: number, target: Int32Array): void {
  const small = isSmall(door, node);
  const i = door.at((node + 1) | 0);
  const { words } = door;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const place = placeIn(words, i, nibble);
    target[nibble] = place > SMALL_LINKS && small ? NOWHERE : (words[i + LINKS_AT + place] as number);
  }
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
