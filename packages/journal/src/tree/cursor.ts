// A walk over the leaves of one tree in key order, forwards or backwards, from any place.
//
// A frame per level notes the node, the order of its children (packed nodes keep them in order of arrival, so their slots are sorted when the
// walk enters) and how far it has come. The cursor is valid only inside one read section, or inside a transaction until
// the next change; iterators read a batch with it and later seek again by key. There is one cursor per thread, because a walk runs no
// user code.
//
// Bytes are input: depths grow strictly, so there are at most KEY_BYTES_MAX frames, and callers check that keys grow strictly, so a walk
// over nodes that reach each other in a circle or twice ends with CORRUPT.

import { LAYOUT_TREE_LEAF, LAYOUT_TREE_NODE256 } from '@mofo/shm-store';
import { byteOf, KEY_BYTES_MAX, type KeyBuffer } from './key-buffer.ts';
import { divergence, divergenceSign } from './leaf.ts';
import { childAt, corruptNode, countOf, metaOf, packedByte } from './node.ts';
import type { TreeCore } from './tree-core.ts';

const ORDER_SLOTS = 48;
const FRAMES_MAX = KEY_BYTES_MAX + 1;

class Cursor {
  private core: TreeCore | undefined;
  private forward = true;
  private top = -1;
  private pending = 0;
  private readonly nodes = new Int32Array(FRAMES_MAX);
  private readonly layouts = new Int32Array(FRAMES_MAX);
  private readonly depths = new Int32Array(FRAMES_MAX);
  // In a packed node the next index into `order`, in a node 256 the next byte.
  private readonly positions = new Int32Array(FRAMES_MAX);
  private readonly counts = new Int32Array(FRAMES_MAX);
  private readonly order = new Uint8Array(FRAMES_MAX * ORDER_SLOTS);
  private readonly orderBytes = new Uint8Array(FRAMES_MAX * ORDER_SLOTS);

  /** Stands before the first leaf (forwards) or after the last (backwards). */
  start(core: TreeCore, forward: boolean): void {
    this.core = core;
    this.forward = forward;
    this.top = -1;
    this.pending = 0;
    const root = core.root();
    if (root !== 0) this.enter(root);
  }

  /**
   * Stands so that `next` gives the leaf nearest to `bound` in the walk's direction: at or after it forwards, at or before it backwards;
   * a leaf equal to it only if `inclusive`. `bound` need not be a whole key.
   */
  seek(core: TreeCore, forward: boolean, bound: KeyBuffer, inclusive: boolean): void {
    this.core = core;
    this.forward = forward;
    this.top = -1;
    this.pending = 0;
    const root = core.root();
    if (root === 0) return;
    const near = core.near(root, bound);
    const position = divergence(core.door, near, core, bound);
    const sign = divergenceSign;
    let link = root;
    for (;;) {
      const layout = core.layoutAt(link);
      if (layout === LAYOUT_TREE_LEAF) break;
      const depth = this.nextDepth(link);
      if (position !== -1 && depth >= position) {
        if (depth > position) break;
        this.push(link, layout, depth);
        this.skipTo(position < bound.length ? byteOf(bound, position) : -1, false);
        return;
      }
      this.push(link, layout, depth);
      const child = this.skipTo(byteOf(bound, depth), true);
      if (child === 0) throw corruptNode(link);
      link = child;
    }
    if (position === -1) {
      if (inclusive) this.pending = link;
    } else if (this.forward ? sign < 0 : sign > 0) {
      this.enter(link);
    }
  }

  /** The next leaf, or 0 at the end. */
  next(): number {
    if (this.pending !== 0) {
      const leaf = this.pending;
      this.pending = 0;
      return leaf;
    }
    while (this.top >= 0) {
      const child = this.nextChild();
      if (child === 0) this.top--;
      else {
        this.enter(child);
        if (this.pending !== 0) return this.next();
      }
    }
    return 0;
  }

  /** Goes into a leaf (which becomes pending) or a node. */
  private enter(link: number): void {
    const core = this.core as TreeCore;
    const layout = core.layoutAt(link);
    if (layout === LAYOUT_TREE_LEAF) this.pending = link;
    else this.push(link, layout, this.nextDepth(link));
  }

  private nextDepth(node: number): number {
    return (this.core as TreeCore).nextDepth(node, this.top < 0 ? -1 : (this.depths[this.top] as number));
  }

  private push(node: number, layout: number, depth: number): void {
    const { door } = this.core as TreeCore;
    const top = ++this.top;
    this.nodes[top] = node;
    this.layouts[top] = layout;
    this.depths[top] = depth;
    if (layout === LAYOUT_TREE_NODE256) {
      this.counts[top] = 256;
      this.positions[top] = this.forward ? 0 : 255;
      return;
    }
    const count = countOf(metaOf(door, node), layout);
    if (count === 0) throw corruptNode(node);
    const i = door.at((node + 1) | 0);
    const { words } = door;
    const { order, orderBytes } = this;
    const base = top * ORDER_SLOTS;
    for (let slot = 0; slot < count; slot++) {
      const byte = packedByte(words, i, slot);
      let k = base + slot;
      while (k > base && (orderBytes[k - 1] as number) > byte) {
        orderBytes[k] = orderBytes[k - 1] as number;
        order[k] = order[k - 1] as number;
        k--;
      }
      orderBytes[k] = byte;
      order[k] = slot;
    }
    this.counts[top] = count;
    this.positions[top] = this.forward ? 0 : count - 1;
  }

  /** The child at the top frame's position, moving past it; 0 at its end. */
  private nextChild(): number {
    const { door } = this.core as TreeCore;
    const { top, forward } = this;
    const node = this.nodes[top] as number;
    const layout = this.layouts[top] as number;
    const count = this.counts[top] as number;
    const step = forward ? 1 : -1;
    let position = this.positions[top] as number;
    let child = 0;
    if (layout !== LAYOUT_TREE_NODE256) {
      if (position < 0 || position >= count) return 0;
      child = childAt(door, node, layout, this.order[top * ORDER_SLOTS + position] as number);
      if (child === 0) throw corruptNode(node);
      position += step;
    } else {
      while (child === 0 && position >= 0 && position < 256) {
        child = childAt(door, node, layout, position);
        position += step;
      }
    }
    this.positions[top] = position;
    return child;
  }

  /**
   * Moves the top frame past the children on the near side of `byte`, and, if `takeEqual`, returns the child of that byte (0 if none) and moves
   * past it too. Without `takeEqual` a child of that byte is left out.
   */
  private skipTo(byte: number, takeEqual: boolean): number {
    const { top, forward } = this;
    if ((this.layouts[top] as number) === LAYOUT_TREE_NODE256) {
      this.positions[top] = forward ? byte + 1 : byte - 1;
      if (!takeEqual) return 0;
      return childAt((this.core as TreeCore).door, this.nodes[top] as number, LAYOUT_TREE_NODE256, byte);
    }
    const base = top * ORDER_SLOTS;
    const count = this.counts[top] as number;
    let equal = -1;
    let position = forward ? 0 : count - 1;
    for (; position >= 0 && position < count; position += forward ? 1 : -1) {
      const here = this.orderBytes[base + position] as number;
      if (here === byte) equal = position;
      else if (forward ? here > byte : here < byte) break;
    }
    this.positions[top] = position;
    if (!takeEqual || equal < 0) return 0;
    const core = this.core as TreeCore;
    return childAt(
      core.door,
      this.nodes[top] as number,
      this.layouts[top] as number,
      this.order[base + equal] as number,
    );
  }
}

/** The thread's cursor. */
export const cursor: Cursor = new Cursor();
