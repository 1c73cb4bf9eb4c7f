// Freeing a whole tree: first the walk, which only reads and proves that the tree is one (keys in strict order, depths growing), then the
// freeing. Damage of the tree itself ends it with CORRUPT before anything is changed; damage inside a value ends the transaction.

import { LAYOUT_TREE_LEAF, LAYOUT_TREE_NODE256 } from '@mofo/shm-store';
import { enterRelease, leaveRelease } from '../collections/release-depth.ts';
import { KeyBuffer } from './key-buffer.ts';
import { loadKey } from './leaf.ts';
import { childAt, corruptNode, countOf, metaOf, packedByte } from './node.ts';
import { type TreeCore, treeChanges } from './tree-core.ts';

/** Deletes all entries. In a transaction. Throws CORRUPT before anything is changed. */
export function emptyTree(core: TreeCore): void {
  core.requireLive();
  treeChanges.count++;
  const blocks = collectBlocks(core);
  core.writeEmpty();
  enterRelease();
  try {
    for (const block of blocks.leaves) {
      core.value.release(core.memory, block, 0);
      core.heap.free(block);
    }
  } finally {
    leaveRelease();
  }
  for (const block of blocks.nodes) core.heap.free(block);
}

/** Frees a tree with its header. In a transaction. */
export function releaseTree(core: TreeCore): void {
  emptyTree(core);
  core.heap.free(core.header);
}

/** Key bytes and children of a node in key order. */
export function sortedChildren(core: TreeCore, node: number, layout: number): { byte: number; child: number }[] {
  const { door } = core;
  const children: { byte: number; child: number }[] = [];
  if (layout === LAYOUT_TREE_NODE256) {
    for (let byte = 0; byte < 256; byte++) {
      const child = childAt(door, node, layout, byte);
      if (child !== 0) children.push({ byte, child });
    }
    return children;
  }
  const count = countOf(metaOf(door, node), layout);
  for (let slot = 0; slot < count; slot++) {
    const i = door.at((node + 1) | 0);
    const byte = packedByte(door.words, i, slot);
    children.push({ byte, child: childAt(door, node, layout, slot) });
  }
  return children.sort((a, b) => a.byte - b.byte);
}

function collectBlocks(core: TreeCore): { leaves: number[]; nodes: number[] } {
  const leaves: number[] = [];
  const nodes: number[] = [];
  const root = core.root();
  const stack: { link: number; depth: number }[] = root === 0 ? [] : [{ link: root, depth: -1 }];
  const previous = new KeyBuffer();
  const key = new KeyBuffer();
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { link } = top;
    const layout = core.layoutAt(link);
    core.heap.check(link, layout);
    if (layout === LAYOUT_TREE_LEAF) {
      loadKey(core.door, link, core, key);
      if (leaves.length > 0 && key.compare(previous) <= 0) throw core.corrupt('its keys are out of order');
      previous.copyFrom(key);
      leaves.push(link);
      continue;
    }
    const depth = core.nextDepth(link, top.depth);
    const children = sortedChildren(core, link, layout);
    if (children.length === 0) throw corruptNode(link);
    nodes.push(link);
    for (let k = children.length - 1; k >= 0; k--)
      stack.push({ link: (children[k] as { child: number }).child, depth });
  }
  return { leaves, nodes };
}
