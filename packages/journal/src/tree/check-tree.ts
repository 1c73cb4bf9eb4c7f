// Walks a whole tree and proves its invariants, reporting instead of throwing, so that a checker finds all damage and an exporter keeps the rest.

import {
  LAYOUT_TREE_BUCKET,
  LAYOUT_TREE_LEAF,
  type ScalarValue,
  type TypeDescription,
  type Visitor,
} from '@mofo/shm-store';
import { hashOf, leafOf, loadEntryKey, openBucket, SIZE_SHIFT, slotWord } from './bucket.ts';
import { KeyBuffer } from './key-buffer.ts';
import { nextDepth, nibbleOf } from './node.ts';
import { hasForm } from './node-forms.ts';
import { SortedSlots, sortSlots } from './sort-slots.ts';
import type { TreeCore } from './tree-core.ts';
import { type Child, childrenOf } from './tree-release.ts';

const LEAF: TypeDescription = { kind: 'tree.leaf' };
const NODE: TypeDescription = { kind: 'tree.node' };
const BUCKET: TypeDescription = { kind: 'tree.bucket' };

/** One step from a node to a child: all entries below have at `depth` a nibble from `first` to `last`. */
interface Edge {
  readonly depth: number;
  readonly first: number;
  readonly last: number;
  readonly above: Edge | undefined;
}

/**
 * Reports every block of the tree below its header, every entry (`enter(key)`, then the value), and as a problem: a link to no live block of a
 * tree, a depth that does not grow, a node with fewer than two children, an empty bucket, a key that does not belong where it
 * stands, has another fingerprint or is out of order, bytes that are no key, a block reached twice, a count that is not the number of entries.
 */
export function checkTree(core: TreeCore, visitor: Visitor): void {
  const walk = new Walk(core, visitor);
  const root = core.root();
  const stack: { link: number; edge: Edge | undefined }[] = root === 0 ? [] : [{ link: root, edge: undefined }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { link, edge } = top;
    try {
      walk.note(link);
      const layout = core.layoutAt(link);
      core.heap.check(link, layout);
      if (layout === LAYOUT_TREE_BUCKET) {
        visitor.owned(link, BUCKET);
        walk.bucket(link, edge);
        continue;
      }
      visitor.owned(link, NODE);
      const depth = nextDepth(core.door, link, edge === undefined ? -1 : edge.depth);
      const children = childrenOf(core, link);
      walk.node(link, children);
      for (let k = children.length - 1; k >= 0; k--) {
        const { link: child, first, last } = children[k] as Child;
        stack.push({ link: child, edge: { depth, first, last, above: edge } });
      }
    } catch (error) {
      visitor.problem(error);
    }
  }
  if (core.count() !== walk.count)
    visitor.problem(core.corrupt(`it has ${walk.count} entries and counts ${core.count()}`));
}

class Walk {
  count = 0;
  private readonly core: TreeCore;
  private readonly visitor: Visitor;
  private readonly seen = new Set<number>();
  private readonly key = new KeyBuffer();
  private readonly previous = new KeyBuffer();
  private readonly sorted = new SortedSlots();

  constructor(core: TreeCore, visitor: Visitor) {
    this.core = core;
    this.visitor = visitor;
  }

  note(link: number): void {
    if (this.seen.has(link)) throw this.core.corrupt(`the block at granule ${link >>> 0} is reached twice`);
    this.seen.add(link);
  }

  node(node: number, children: readonly Child[]): void {
    const { core, visitor } = this;
    if (!hasForm(core.door, node)) visitor.problem(core.corrupt(`the node at granule ${node >>> 0} has unknown bits`));
    if (children.length < 2)
      visitor.problem(core.corrupt(`the node at granule ${node >>> 0} has ${children.length} children`));
    for (const { link, first, last } of children) {
      if (first !== last && core.layoutAt(link) !== LAYOUT_TREE_BUCKET)
        visitor.problem(core.corrupt(`the node at granule ${link >>> 0} stands under several nibbles`));
    }
  }

  bucket(bucket: number, edge: Edge | undefined): void {
    const { core, sorted } = this;
    const word = openBucket(core, bucket);
    const bytes = ((core.granules[word >>> SIZE_SHIFT] as number) - 1) * 16;
    if (core.heap.capacityBytes(bucket) < bytes)
      throw core.corrupt(`the bucket at granule ${bucket >>> 0} is larger than its block`);
    const count = sortSlots(core, bucket, edge === undefined ? -1 : edge.depth, sorted);
    if (count === 0) throw core.corrupt(`the bucket at granule ${bucket >>> 0} is empty`);
    this.unused(bucket);
    for (const slot of sorted.order.slice(0, count)) {
      try {
        this.entry(bucket, slot, edge);
      } catch (error) {
        this.visitor.problem(error);
      }
    }
  }

  /** Words that mean nothing yet are zero, or a later format could not use them. */
  private unused(bucket: number): void {
    const { core, visitor } = this;
    if (core.slotsAt === 8) return;
    const i = core.door.at((bucket + 3) | 0);
    const { words } = core.door;
    for (let k = 0; k < 4; k++) {
      if (words[i + k] === 0) continue;
      visitor.problem(core.corrupt(`the bucket at granule ${bucket >>> 0} has unknown bits`));
      return;
    }
  }

  private entry(bucket: number, slot: number, edge: Edge | undefined): void {
    const { core, key, previous, visitor } = this;
    let block = bucket;
    let word = slotWord(core, slot);
    if (core.keyWords === 0) {
      block = leafOf(core, bucket, slot);
      word = 0;
      this.note(block);
      core.heap.check(block, LAYOUT_TREE_LEAF);
      visitor.owned(block, LEAF);
    }
    this.count++;
    loadEntryKey(core, bucket, slot, key);
    checkKey(core, key, edge, visitor);
    const m = core.door.at((bucket + 1) | 0);
    const print = ((core.door.words[m + 1 + (slot >> 2)] as number) >>> ((slot & 3) << 3)) & 0xff;
    if (print !== hashOf(key.words, (key.length + 3) >> 2) >>> 24)
      visitor.problem(core.corrupt(`the bucket at granule ${bucket >>> 0} has a fingerprint of no key`));
    if (this.count > 1 && key.compare(previous) <= 0) visitor.problem(core.corrupt('its keys are out of order'));
    previous.copyFrom(key);
    visitor.enter(nameOf(core.codec.decode(key)));
    core.value.visit(core.memory, block, word, visitor);
    visitor.leave();
  }
}

function checkKey(core: TreeCore, key: KeyBuffer, edge: Edge | undefined, visitor: Visitor): void {
  for (let at = edge; at !== undefined; at = at.above) {
    const nibble = at.depth < key.length * 2 ? nibbleOf(key, at.depth) : -1;
    if (nibble >= at.first && nibble <= at.last) continue;
    visitor.problem(core.corrupt(`a key stands under nibble ${at.first} at depth ${at.depth}, which it does not have`));
    return;
  }
}

function nameOf(key: unknown): string | number {
  if (typeof key === 'number' || typeof key === 'string') return key;
  return JSON.stringify(key, (_, part: ScalarValue) =>
    typeof part === 'bigint' ? part.toString() : part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );
}
