// The form of a node (see node.ts) with up to eight children, all of them buckets: what nearly all nodes are. Its block is one cache line, so that a descent
// fetches one line where the full form has its header in one and its link in another; and there are fewer lines in all, so that more of them stay
// in the caches. Finding the link in the line takes a little longer than in a full node, which is why those above stay full.
//
//   | header           | depth     places    places    0         |  link 1    link 2   …   link 8  |
//   | 16 bytes         | word 0    word 1    word 2    word 3    |  words 4-11                     |
//                        ╰───────────────────────── one chunk, granules 1-3 ──────────────────────╯
//
// For each nibble `places` has four bits (nibble 0 lowest in word 1, nibble 8 lowest in word 2): the number of its link, or 0. Place 0 is word 3, which is
// zero: a nibble without a child needs no special case. Links are numbered in the order of their nibbles, each child once however many neighbouring
// nibbles it stands under; links that have no nibble are zero. So the bytes follow from the 16 links (check-tree.ts proves it).
//
// Bytes are input: a place beyond 8 is a link to nowhere, for which any read fails as it does for a link out of the heap.

import { type Door, type Heap, LAYOUT_TREE_SMALL_NODE } from '@mofo/shm-store';

/** Most children of a small node. */
export const SMALL_LINKS = 8;

/** Granules of its block. */
export const SMALL_NODE_GRANULES = 4;

const CHUNK_GRANULES = 3;
const CHUNK_WORDS = 12;
const PLACES_AT = 1;
const NO_LINK_AT = 3;
const NOWHERE = -1;

const packed = new Int32Array(CHUNK_WORDS);

/** Makes a small node with these links, which have no more than SMALL_LINKS children. */
export function makeSmallNode(door: Door, heap: Heap, depth: number, links: Int32Array): number {
  const node = heap.allocateUncleared(LAYOUT_TREE_SMALL_NODE, CHUNK_WORDS * 4);
  const i = door.own(node, (node + 1) | 0, CHUNK_GRANULES);
  packLinks(links);
  door.words[i] = depth;
  for (let k = 1; k < CHUNK_WORDS; k++) door.words[i + k] = packed[k] as number;
  return node;
}

/** Gives it other links. */
export function writeSmallLinks(door: Door, node: number, links: Int32Array): void {
  const i = door.own(node, (node + 1) | 0, CHUNK_GRANULES);
  packLinks(links);
  for (let k = 1; k < CHUNK_WORDS; k++) door.words[i + k] = packed[k] as number;
}

/** Replaces the child under a nibble, wherever it stands; false if there is none. */
export function replaceSmallLink(door: Door, node: number, nibble: number, link: number): boolean {
  const i = door.own(node, (node + 1) | 0, CHUNK_GRANULES);
  const place = placeOf(door.words, i, nibble);
  if (place === 0 || place > SMALL_LINKS) return false;
  door.words[i + NO_LINK_AT + place] = link;
  return true;
}

/** Child under a nibble, where the node's chunk begins at word index `i`. Never reads beyond it. */
export function smallLink(words: Int32Array, i: number, nibble: number): number {
  const place = placeOf(words, i, nibble);
  return place > SMALL_LINKS ? NOWHERE : (words[i + NO_LINK_AT + place] as number);
}

/** True if the node's words are those that these links, which were read from it, give. */
export function isPacked(door: Door, node: number, links: Int32Array): boolean {
  const i = door.at((node + 1) | 0);
  packLinks(links);
  for (let k = 1; k < CHUNK_WORDS; k++) if (door.words[i + k] !== packed[k]) return false;
  return true;
}

function placeOf(words: Int32Array, i: number, nibble: number): number {
  return ((words[i + PLACES_AT + (nibble >> 3)] as number) >>> (nibble << 2)) & 15;
}

/** Fills `packed`, but for the depth, with links that have no more than SMALL_LINKS children. */
function packLinks(links: Int32Array): void {
  packed.fill(0);
  let last = 0;
  let place = 0;
  for (let nibble = 0; nibble < links.length; nibble++) {
    const link = links[nibble] as number;
    if (link === 0) continue;
    if (link !== last) packed[NO_LINK_AT + ++place] = link;
    last = link;
    const p = PLACES_AT + (nibble >> 3);
    packed[p] = (packed[p] as number) | (place << (nibble << 2));
  }
}
