// Walks a whole tree and proves its invariants, reporting instead of throwing, so that a checker finds all damage and an exporter keeps the rest.

import {
  LAYOUT_TREE_LEAF,
  LAYOUT_TREE_NODE4,
  LAYOUT_TREE_NODE256,
  type ScalarValue,
  type TypeDescription,
  type Visitor,
} from '@mofo/shm-store';
import { byteOf, KeyBuffer } from './key-buffer.ts';
import { loadKey } from './leaf.ts';
import { capacityOf, metaOf, shouldShrink } from './node.ts';
import type { TreeCore } from './tree-core.ts';
import { sortedChildren } from './tree-release.ts';

const LEAF: TypeDescription = { kind: 'tree.leaf' };
const NODE: TypeDescription = { kind: 'tree.node' };

/** One step from a node to a child: all leaves below have `byte` at `depth`. */
interface Edge {
  readonly depth: number;
  readonly byte: number;
  readonly above: Edge | undefined;
}

/**
 * Reports every block of the tree below its header, every entry (`enter(key)`, then the value), and as a problem: a link to no live block of a
 * tree, a depth that does not grow, a node with too few, too many or equal key bytes, a key that does not belong
 * where it stands or is out of order, bytes that are no key, a block reached twice, a count that is not the number of entries.
 */
export function checkTree(core: TreeCore, visitor: Visitor): void {
  const { door, heap, memory } = core;
  const root = core.root();
  const seen = new Set<number>();
  const stack: { link: number; edge: Edge | undefined }[] = root === 0 ? [] : [{ link: root, edge: undefined }];
  const key = new KeyBuffer();
  const previous = new KeyBuffer();
  let count = 0;
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { link, edge } = top;
    try {
      if (seen.has(link)) throw core.corrupt(`the block at granule ${link >>> 0} is reached twice`);
      seen.add(link);
      const layout = core.layoutAt(link);
      heap.check(link, layout);
      if (layout !== LAYOUT_TREE_LEAF) {
        visitor.owned(link, NODE);
        const depth = core.nextDepth(link, edge === undefined ? -1 : edge.depth);
        const children = sortedChildren(core, link, layout);
        checkNode(core, link, layout, children, visitor);
        for (let k = children.length - 1; k >= 0; k--) {
          const { byte, child } = children[k] as { byte: number; child: number };
          stack.push({ link: child, edge: { depth, byte, above: edge } });
        }
        continue;
      }
      visitor.owned(link, LEAF);
      count++;
      loadKey(door, link, core, key);
      checkKey(core, key, edge, visitor);
      if (count > 1 && key.compare(previous) <= 0) visitor.problem(core.corrupt('its keys are out of order'));
      previous.copyFrom(key);
      visitor.enter(nameOf(core.codec.decode(key)));
      core.value.visit(memory, link, 0, visitor);
      visitor.leave();
    } catch (error) {
      visitor.problem(error);
    }
  }
  if (core.count() !== count) visitor.problem(core.corrupt(`it has ${count} entries and counts ${core.count()}`));
}

function checkNode(
  core: TreeCore,
  node: number,
  layout: number,
  children: readonly { byte: number; child: number }[],
  visitor: Visitor,
): void {
  const meta = metaOf(core.door, node);
  const counted = (meta >>> 16) & 0x1ff;
  const report = (what: string): void => visitor.problem(core.corrupt(`the node at granule ${node >>> 0} ${what}`));
  if (meta >>> 25 !== 0) report('has unknown bits');
  if (counted > capacityOf(layout)) report(`counts ${counted} children and has room for ${capacityOf(layout)}`);
  else if (counted !== children.length) report(`counts ${counted} children and has ${children.length}`);
  if (counted < 2) report(`has ${counted} children`);
  else if (layout !== LAYOUT_TREE_NODE4 && shouldShrink(meta + 0x10000, layout))
    report(`is too large for its ${counted} children`);
  for (let k = 0; k < children.length; k++) {
    if ((children[k] as { child: number }).child === 0) report('has an empty child');
    if (k > 0 && children[k]?.byte === children[k - 1]?.byte && layout !== LAYOUT_TREE_NODE256)
      report(`has two children for one byte`);
  }
}

function checkKey(core: TreeCore, key: KeyBuffer, edge: Edge | undefined, visitor: Visitor): void {
  for (let at = edge; at !== undefined; at = at.above) {
    if (at.depth < key.length && byteOf(key, at.depth) === at.byte) continue;
    visitor.problem(core.corrupt(`a key stands under byte ${at.byte} at depth ${at.depth}, which it does not have`));
    return;
  }
}

function nameOf(key: unknown): string | number {
  if (typeof key === 'number' || typeof key === 'string') return key;
  return JSON.stringify(key, (_, part: ScalarValue) =>
    typeof part === 'bigint' ? part.toString() : part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );
}
