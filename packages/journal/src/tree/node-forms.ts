// Writing nodes in the form that fits the number of their children: see node.ts. Whoever changes a node copies its 16 links, changes the copy, and writes it
// back here, or, if it then wants the other form, makes a new node of it.

import { type Door, type Heap, LAYOUT_TREE_NODE, LAYOUT_TREE_SMALL_NODE } from '@mofo/shm-store';
import {
  corruptNode,
  isSmall,
  LINKS_AT,
  loadLinks,
  NODE_GRANULES,
  NODE_LINKS,
  PLACES_AT,
  placeIn,
  SMALL_LINKS,
  SMALL_NODE_GRANULES,
} from './node.ts';

/** A full node with no more children than this becomes a small one; fewer than SMALL_LINKS, so that it does not flip back and forth. */
const SHRINK_COUNT = 6;

/** The payload of a node. */
const packed = new Int32Array((NODE_GRANULES - 1) * 4);
const checked = new Int32Array(NODE_LINKS);

/** Makes a node with these links. The caller publishes it. */
export function makeNode(door: Door, heap: Heap, depth: number, links: Int32Array): number {
  const small = countChildren(links) <= SMALL_LINKS;
  const layout = small ? LAYOUT_TREE_SMALL_NODE : LAYOUT_TREE_NODE;
  const node = heap.allocateUncleared(layout, (granulesOf(small) - 1) * 16);
  const i = door.own(node, (node + 1) | 0, granulesOf(small) - 1);
  door.words[i] = depth;
  writePacked(door.words, i, small, links);
  return node;
}

/** True if a node can have these links and keep its form. */
export function keepsForm(door: Door, node: number, links: Int32Array): boolean {
  const count = countChildren(links);
  return isSmall(door, node) ? count <= SMALL_LINKS : count > SHRINK_COUNT;
}

/** Gives a node whose form fits other links. In a transaction. */
export function writeLinks(door: Door, node: number, links: Int32Array): void {
  const small = isSmall(door, node);
  const i = door.own(node, (node + 1) | 0, granulesOf(small) - 1);
  writePacked(door.words, i, small, links);
}

/** Replaces the child under a nibble, and under the neighbouring nibbles that it stands under too. In a transaction. */
export function replaceLink(door: Door, node: number, nibble: number, link: number): void {
  const small = isSmall(door, node);
  const i = door.own(node, (node + 1) | 0, granulesOf(small) - 1);
  const { words } = door;
  const first = i + LINKS_AT;
  const place = placeIn(words, i, nibble);
  if (small) {
    if (place === 0 || place > SMALL_LINKS) throw corruptNode(node);
    words[first + place] = link;
    return;
  }
  const old = words[first + place];
  for (let p = place; p >= 0 && words[first + p] === old; p--) words[first + p] = link;
  for (let p = place + 1; p < NODE_LINKS && words[first + p] === old; p++) words[first + p] = link;
}

/** Number of children: of links that are not 0 and differ from the one before. */
export function countChildren(links: Int32Array): number {
  let count = 0;
  let last = 0;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const link = links[nibble] as number;
    if (link === 0 || link === last) continue;
    last = link;
    count++;
  }
  return count;
}

/** True if the node's places and unused words are as its form wants them. */
export function hasForm(door: Door, node: number): boolean {
  const small = isSmall(door, node);
  loadLinks(door, node, checked);
  packLinks(small, checked);
  const i = door.at((node + 1) | 0);
  for (let k = 1; k < (granulesOf(small) - 1) * 4; k++) if (door.words[i + k] !== packed[k]) return false;
  return true;
}

function granulesOf(small: boolean): number {
  return small ? SMALL_NODE_GRANULES : NODE_GRANULES;
}

function writePacked(words: Int32Array, i: number, small: boolean, links: Int32Array): void {
  packLinks(small, links);
  const count = (granulesOf(small) - 1) * 4;
  for (let k = 1; k < count; k++) words[i + k] = packed[k] as number;
}

/** Fills `packed`, but for the depth. A small node has no more than SMALL_LINKS children; what more a damaged one has is left out. */
function packLinks(small: boolean, links: Int32Array): void {
  packed.fill(0);
  let last = 0;
  let count = 0;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
    const link = links[nibble] as number;
    if (small && link === 0) continue;
    if (link !== last && count < SMALL_LINKS) count++;
    last = link;
    const place = small ? count : nibble;
    packed[LINKS_AT + place] = link;
    const p = PLACES_AT + (nibble >> 3);
    packed[p] = (packed[p] as number) | (place << (nibble << 2));
  }
}
