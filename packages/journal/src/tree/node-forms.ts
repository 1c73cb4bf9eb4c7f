// Which form a node has, and writing it. A node is small if it has no more than SMALL_LINKS children, all of them buckets; otherwise full. So on any way
// down at most the last node is small, and a descent takes the full ones in a loop and then perhaps a small one (find-in-slots.ts).
//
// Whoever changes a node copies its 16 links, changes the copy, and writes it back, or makes a node of the other form where the links want one. A full node
// becomes small only when it has fewer children than a small one may have, so that it does not flip back and forth.

import { type Door, type Heap, LAYOUT_TREE_NODE } from '@mofo/shm-store';
import { corruptNode, isNodeLayout, isSmall, LINK_GRANULES, loadLinks, NODE_GRANULES, NODE_LINKS } from './node.ts';
import { isPacked, makeSmallNode, replaceSmallLink, SMALL_LINKS, writeSmallLinks } from './small-node.ts';

/** A full node with no more children than this, all buckets, becomes small. */
const SHRINK_COUNT = 6;

const checked = new Int32Array(NODE_LINKS);

/** Makes a node with these links. The caller publishes it. */
export function makeNode(door: Door, heap: Heap, depth: number, links: Int32Array): number {
  if (countChildren(links) <= SMALL_LINKS && !leadsToNode(door, links)) return makeSmallNode(door, heap, depth, links);
  const node = heap.allocate(LAYOUT_TREE_NODE, (NODE_GRANULES - 1) * 16);
  const i = door.own(node, (node + 1) | 0, 1);
  door.words[i] = depth;
  writeLinks(door, node, links);
  return node;
}

/** True if a node may have these links, of which only `added` (0: none) leads to where none led before. */
export function keepsForm(door: Door, node: number, links: Int32Array, added: number): boolean {
  const count = countChildren(links);
  if (isSmall(door, node)) return count <= SMALL_LINKS && !isNode(door, added);
  return count > SHRINK_COUNT || leadsToNode(door, links);
}

/** Gives a node other links, which its form may have. In a transaction. */
export function writeLinks(door: Door, node: number, links: Int32Array): void {
  if (isSmall(door, node)) {
    writeSmallLinks(door, node, links);
    return;
  }
  const i = door.own(node, (node + 2) | 0, LINK_GRANULES);
  const { words } = door;
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) words[i + nibble] = links[nibble] as number;
}

/** Replaces the child under a nibble, and under the neighbouring nibbles that it stands under too. In a transaction. */
export function replaceLink(door: Door, node: number, nibble: number, link: number): void {
  if (isSmall(door, node)) {
    if (!replaceSmallLink(door, node, nibble, link)) throw corruptNode(node);
    return;
  }
  const i = door.own(node, (node + 2) | 0, LINK_GRANULES);
  const { words } = door;
  const old = words[i + nibble];
  for (let n = nibble; n >= 0 && words[i + n] === old; n--) words[i + n] = link;
  for (let n = nibble + 1; n < NODE_LINKS && words[i + n] === old; n++) words[i + n] = link;
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

/** True if a node has no unknown bits, and is not small above nodes. */
export function hasForm(door: Door, node: number): boolean {
  if (isSmall(door, node)) {
    loadLinks(door, node, checked);
    return isPacked(door, node, checked) && !leadsToNode(door, checked);
  }
  const i = door.at((node + 1) | 0);
  const { words } = door;
  return words[i + 1] === 0 && words[i + 2] === 0 && words[i + 3] === 0;
}

function leadsToNode(door: Door, links: Int32Array): boolean {
  for (let nibble = 0; nibble < NODE_LINKS; nibble++) if (isNode(door, links[nibble] as number)) return true;
  return false;
}

function isNode(door: Door, link: number): boolean {
  if (link === 0) return false;
  const h = door.at(link);
  return isNodeLayout(door.words[h] as number);
}
