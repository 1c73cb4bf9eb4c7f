// Freeing a whole tree: first the walk, which only reads and proves that the tree is one (keys in strict order, depths growing), then the
// freeing. Damage of the tree itself ends it with CORRUPT before anything is changed; damage inside a value ends the transaction.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_LEAF } from '@mofo/shm-store';
import { enterRelease, leaveRelease } from '../collections/release-depth.ts';
import { corruptBucket, leafOf, loadEntryKey, slotWord } from './bucket.ts';
import { KeyBuffer } from './key-buffer.ts';
import { corruptNode, endOfRun, loadLinks, NODE_LINKS, nextDepth } from './node.ts';
import { treeChanges } from './probe.ts';
import { SortedSlots, sortSlots } from './sort-slots.ts';
import type { TreeCore } from './tree-core.ts';

/** Deletes all entries. In a transaction. Throws CORRUPT before anything is changed. */
export function emptyTree(core: TreeCore): void {
  core.requireLive();
  treeChanges.count++;
  const blocks = collectBlocks(core);
  core.writeEmpty();
  enterRelease();
  try {
    for (let k = 0; k < blocks.values.length; k += 2) {
      core.value.release(core.memory, blocks.values[k] as number, blocks.values[k + 1] as number);
    }
  } finally {
    leaveRelease();
  }
  for (const block of blocks.leaves) core.heap.free(block);
  for (const block of blocks.buckets) core.heap.free(block);
  for (const block of blocks.nodes) core.heap.free(block);
}

/** Frees a tree with its header. In a transaction. */
export function releaseTree(core: TreeCore): void {
  emptyTree(core);
  core.heap.free(core.header);
}

/** A child of a node, with the first and the last nibble it stands under. */
export interface Child {
  readonly link: number;
  readonly first: number;
  readonly last: number;
}

/** The children of a node in key order. A child that stands under nibbles that are no neighbours is there twice. */
export function childrenOf(core: TreeCore, node: number): Child[] {
  const links = new Int32Array(NODE_LINKS);
  loadLinks(core.door, node, links);
  const children: Child[] = [];
  for (let first = 0; first < NODE_LINKS; ) {
    const link = links[first] as number;
    const last = endOfRun(links, first, 1);
    if (link !== 0) children.push({ link, first, last });
    first = last + 1;
  }
  return children;
}

interface Blocks {
  readonly nodes: number[];
  readonly buckets: number[];
  readonly leaves: number[];
  /** Blocks and words of the values, in turn. */
  readonly values: number[];
}

function collectBlocks(core: TreeCore): Blocks {
  const blocks: Blocks = { nodes: [], buckets: [], leaves: [], values: [] };
  const root = core.root();
  const stack: { link: number; depth: number }[] = root === 0 ? [] : [{ link: root, depth: -1 }];
  const previous = new KeyBuffer();
  const key = new KeyBuffer();
  const sorted = new SortedSlots();
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { link } = top;
    const layout = core.layoutAt(link);
    core.heap.check(link, layout);
    if (layout === LAYOUT_TREE_BUCKET) {
      const count = sortSlots(core, link, top.depth, sorted);
      if (count === 0) throw corruptBucket(link);
      for (let k = 0; k < count; k++) {
        const slot = sorted.order[k] as number;
        loadEntryKey(core, link, slot, key);
        if (blocks.values.length > 0 && key.compare(previous) <= 0) throw core.corrupt('its keys are out of order');
        previous.copyFrom(key);
        if (core.keyWords === 0) {
          const leaf = leafOf(core, link, slot);
          core.heap.check(leaf, LAYOUT_TREE_LEAF);
          blocks.leaves.push(leaf);
          blocks.values.push(leaf, 0);
        } else blocks.values.push(link, slotWord(core, slot));
      }
      blocks.buckets.push(link);
      continue;
    }
    const depth = nextDepth(core.door, link, top.depth);
    const children = childrenOf(core, link);
    if (children.length === 0) throw corruptNode(link);
    blocks.nodes.push(link);
    for (let k = children.length - 1; k >= 0; k--) stack.push({ link: (children[k] as Child).link, depth });
  }
  return blocks;
}
