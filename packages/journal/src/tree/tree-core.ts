// Search, insertion and deletion in one tree, with keys already encoded.
//
// Header block:
//
//   word 0    root: owning link to a leaf or node, 0 when empty       chunk 0
//   word 1    value words, bits 0-7 · fixed key bytes, bits 8-23
//   word 2-3  number of entries as a double
//   word 4    hash of the key type's description                       chunk 1, written once
//   word 5    hash of the value type's description
//
// The descriptions themselves stand with whatever owns the tree (root entry, record type, another tree), the hashes prove that they fit.
//
//   header ──root──▶ node 4, depth 0 ──'a'──▶ leaf "alice"
//                          │
//                          └────'b'──▶ node 4, depth 2 ──'b'──▶ leaf "bob"      ('bo' differs first at byte 2)
//                                            └────────'n'──▶ leaf "bonnie"
//
// Invariant: all leaves below a node agree in the bytes before its depth, and each leaf below a child has that child's byte at the depth.
// Every change makes new blocks first, which nothing reaches, and then writes one link (or one child and its byte): see node.ts
// for why neither a crash nor a concurrent reader sees half of it. The header's count is owned first, so that running out of journal happens
// before anything is changed.

import {
  type Door,
  type FieldType,
  type Heap,
  LAYOUT_TREE,
  LAYOUT_TREE_LEAF,
  LAYOUT_TREE_NODE4,
  LAYOUT_TREE_NODE256,
  type Memory,
  ShmStoreError,
} from '@mofo/shm-store';
import { byteOf, KEY_BYTES_MAX, KeyBuffer } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';
import { divergence, type LeafShape, loadKey, makeLeaf } from './leaf.ts';
import * as nodes from './node.ts';

/** The key that the running operation works on. One per thread: operations are synchronous, and take it again after calling user code. */
export const probe: KeyBuffer = new KeyBuffer();

/** Grows with every change of any tree in this thread, so that a running iteration notices that what it has read ahead is stale. */
export const treeChanges: { count: number } = { count: 0 };

/** One tree's place and types, with the operations that do not depend on them. */
export class TreeCore implements LeafShape {
  readonly memory: Memory;
  readonly door: Door;
  readonly heap: Heap;
  readonly header: number;
  readonly stamp: number;
  readonly codec: KeyCodec;
  readonly value: FieldType<unknown, unknown>;
  readonly isPlain: boolean;
  readonly valueWords: number;
  readonly fixedBytes: number;

  // The link that `writeLink` writes: word `linkWord` of the chunk `linkChunk` in the block `linkBlock`.
  private linkBlock = 0;
  private linkChunk = 0;
  private linkWord = 0;

  constructor(memory: Memory, header: number, codec: KeyCodec, value: FieldType<unknown, unknown>, isPlain: boolean) {
    this.memory = memory;
    this.door = memory.door;
    this.heap = memory.heap;
    this.header = header;
    memory.heap.check(header, LAYOUT_TREE);
    this.stamp = memory.heap.stampOf(header);
    this.codec = codec;
    this.value = value;
    this.isPlain = isPlain;
    this.valueWords = value.words;
    this.fixedBytes = codec.fixedBytes;
    const i = this.door.at((header + 1) | 0);
    if (this.door.words[i + 1] !== shapeWord(this)) {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `The tree at granule ${header >>> 0} was made for keys or values of another type. Nothing was changed.`,
      );
    }
  }

  /** Root link. Throws DANGLING_REF if the tree is no more. */
  root(): number {
    const { door, header } = this;
    const h = door.at(header);
    if (door.words[h + 1] !== this.stamp || door.words[h] !== LAYOUT_TREE) throw this.gone();
    const i = door.at((header + 1) | 0);
    return door.words[i] as number;
  }

  /** Number of entries. */
  count(): number {
    this.root();
    const i = this.door.at((this.header + 1) | 0);
    const count = this.door.floats[(i + 2) >> 1] as number;
    if (!(count >= 0 && Number.isInteger(count))) throw this.corrupt('its count is no count');
    return count;
  }

  /** The leaf whose key is in `probe`, or 0. */
  find(): number {
    const { door } = this;
    const leaf = this.descend(this.root());
    if (leaf === 0) return 0;
    return divergence(door, leaf, this, probe) === -1 ? leaf : 0;
  }

  /** Sets the entry whose key is in `probe`. In a transaction. */
  put(value: unknown): void {
    this.requireLive();
    treeChanges.count++;
    const { door, header } = this;
    const i = door.own(header, (header + 1) | 0, 1);
    const near = this.near(door.words[i] as number, probe);
    const position = near === 0 ? 0 : divergence(door, near, this, probe);
    if (position === -1) {
      this.heap.check(near, LAYOUT_TREE_LEAF);
      this.value.write(this.memory, near, 0, value);
      return;
    }
    const leaf = makeLeaf(door, this.heap, this, probe);
    try {
      this.value.initialize(this.memory, leaf, 0, value);
      this.link(leaf, near, position);
    } catch (error) {
      this.value.release(this.memory, leaf, 0);
      this.heap.free(leaf);
      throw error;
    }
  }

  /** Deletes the entry whose key is in `probe`; false if there is none. In a transaction. */
  remove(): boolean {
    this.requireLive();
    treeChanges.count++;
    const { door, header } = this;
    const leaf = this.descendNoting(this.root(), probe, false);
    if (leaf === 0 || divergence(door, leaf, this, probe) !== -1) return false;
    this.heap.check(leaf, LAYOUT_TREE_LEAF);
    door.own(header, (header + 1) | 0, 1);
    const above = pathLength - 1;
    // The node loses a child; if it is replaced, the link to it changes, which is the one before.
    this.standAt(above < 0 ? -1 : above - 1);
    if (above < 0) this.writeLink(0);
    else this.removeFrom(pathNodes[above] as number, pathLayouts[above] as number, pathSlots[above] as number);
    this.addToCount(-1);
    this.value.release(this.memory, leaf, 0);
    this.heap.free(leaf);
    return true;
  }

  /** Throws DANGLING_REF unless the tree's header is a live block: what a write needs to be sure of. */
  requireLive(): void {
    this.door.requireTransaction('change a tree');
    if (!this.heap.isLive(this.header, this.stamp)) throw this.gone();
  }

  /** Layout id of a leaf or node of this tree. Throws CORRUPT on any other block. */
  layoutAt(link: number): number {
    const h = this.door.at(link);
    const layout = this.door.words[h] as number;
    if (layout < LAYOUT_TREE_LEAF || layout > LAYOUT_TREE_NODE256) throw this.noNode(link);
    return layout;
  }

  /** Depth of a node below one of depth `last`. Throws CORRUPT unless it is deeper. */
  nextDepth(node: number, last: number): number {
    const depth = nodes.metaOf(this.door, node) & 0xffff;
    if (depth <= last || depth >= KEY_BYTES_MAX) throw nodes.corruptNode(node);
    return depth;
  }

  /** Sets the root and count of a tree that has just been emptied. */
  writeEmpty(): void {
    const { door, header } = this;
    const i = door.own(header, (header + 1) | 0, 1);
    door.words[i] = 0;
    door.floats[(i + 2) >> 1] = 0;
  }

  /** The error for a tree that contradicts itself. */
  corrupt(what: string): ShmStoreError {
    return new ShmStoreError(
      'CORRUPT',
      `The tree at granule ${this.header >>> 0} is damaged: ${what}. Nothing was changed. Run a check of the store.`,
    );
  }

  /** Exact descent to the only leaf that can have the key, or 0. The hot loop: it knows the node layouts by heart. */
  private descend(root: number): number {
    const { door } = this;
    const { words: keyWords, length } = probe;
    let link = root;
    let last = -1;
    while (link !== 0) {
      const h = door.at(link);
      const layout = door.words[h] as number;
      if (layout === LAYOUT_TREE_LEAF) return link;
      if (layout < LAYOUT_TREE_NODE4 || layout > LAYOUT_TREE_NODE256) throw this.noNode(link);
      const i = door.at((link + 1) | 0);
      const { words } = door;
      const depth = (words[i] as number) & 0xffff;
      if (depth <= last || depth >= KEY_BYTES_MAX) throw nodes.corruptNode(link);
      if (depth >= length) return 0;
      last = depth;
      const byte = ((keyWords[depth >> 2] as number) >>> (24 - ((depth & 3) << 3))) & 0xff;
      const slot = layout === LAYOUT_TREE_NODE256 ? byte : nodes.findPackedSlot(words, i, layout, byte);
      if (slot < 0) return 0;
      const c = door.at(nodes.slotGranule(link, layout, slot)) + (slot & 3);
      link = door.words[c] as number;
    }
    return 0;
  }

  /** Descent that, where the key's byte is missing, goes on through any child: the leaf shows where the key branches off. 0 if empty. */
  near(root: number, key: KeyBuffer): number {
    return this.descendNoting(root, key, true);
  }

  /** Descent to the leaf nearest to the key, or, without `orNear`, to the only one that can have it (0 if none). Notes the path. */
  private descendNoting(root: number, key: KeyBuffer, orNear: boolean): number {
    const { door } = this;
    const { words: keyWords, length } = key;
    let link = root;
    let last = -1;
    pathLength = 0;
    while (link !== 0) {
      const h = door.at(link);
      const layout = door.words[h] as number;
      if (layout === LAYOUT_TREE_LEAF) return link;
      if (layout < LAYOUT_TREE_NODE4 || layout > LAYOUT_TREE_NODE256) throw this.noNode(link);
      const i = door.at((link + 1) | 0);
      const { words } = door;
      const depth = (words[i] as number) & 0xffff;
      if (depth <= last || depth >= KEY_BYTES_MAX) throw nodes.corruptNode(link);
      last = depth;
      let slot = -1;
      let child = 0;
      if (depth < length) {
        const byte = ((keyWords[depth >> 2] as number) >>> (24 - ((depth & 3) << 3))) & 0xff;
        slot = layout === LAYOUT_TREE_NODE256 ? byte : nodes.findPackedSlot(words, i, layout, byte);
        if (slot >= 0) {
          const c = door.at(nodes.slotGranule(link, layout, slot)) + (slot & 3);
          child = door.words[c] as number;
          if (child === 0) slot = -1;
        }
      }
      pathNodes[pathLength] = link;
      pathLayouts[pathLength] = layout;
      pathDepths[pathLength] = depth;
      pathSlots[pathLength++] = slot;
      if (child === 0) {
        if (!orNear) return 0;
        child = nodes.anyChild(door, link, layout);
        if (child === 0) throw nodes.corruptNode(link);
      }
      link = child;
    }
    return 0;
  }

  /** Makes the tree reach a new leaf, whose key differs from that of the leaf `near` first at `position`. */
  private link(leaf: number, near: number, position: number): void {
    const { door, heap } = this;
    if (!this.isPlain) {
      // Making the value may have run other tree operations or user code, this tree's included: begin again.
      loadKey(door, leaf, this, probe);
      near = this.near(this.root(), probe);
      position = near === 0 ? 0 : divergence(door, near, this, probe);
      if (position === -1) throw this.corrupt('the same key was set while its value was being made');
    }
    const byte = byteOf(probe, position);
    let step = 0;
    if (near !== 0) while (step < pathLength && (pathDepths[step] as number) < position) step++;
    this.standAt(step - 1);
    if (near === 0) {
      this.writeLink(leaf);
    } else if (step < pathLength && pathDepths[step] === position) {
      const node = pathNodes[step] as number;
      const layout = pathLayouts[step] as number;
      if (pathSlots[step] !== -1) throw nodes.corruptNode(node);
      heap.check(node, layout);
      if (nodes.isFull(nodes.metaOf(door, node), layout)) this.grow(node, layout, byte, leaf);
      else nodes.addChild(door, node, layout, byte, leaf);
    } else {
      const below = step < pathLength ? (pathNodes[step] as number) : near;
      this.writeLinkOrFree(nodes.makeFork(door, heap, position, this.nearByte(near, position), below, byte, leaf));
    }
    this.addToCount(1);
  }

  private grow(node: number, layout: number, byte: number, leaf: number): void {
    if (layout === LAYOUT_TREE_NODE256) throw nodes.corruptNode(node);
    this.writeLinkOrFree(nodes.grownNode(this.door, this.heap, node, layout, byte, leaf));
    this.heap.free(node);
  }

  /** Takes a child out of a node that the current link leads to. */
  private removeFrom(node: number, layout: number, slot: number): void {
    const { door, heap } = this;
    heap.check(node, layout);
    const meta = nodes.metaOf(door, node);
    const count = nodes.countOf(meta, layout);
    if (count < 2) throw nodes.corruptNode(node);
    if (layout === LAYOUT_TREE_NODE4 && count === 2) {
      const sibling = nodes.childAt(door, node, layout, 1 - slot);
      if (sibling === 0) throw nodes.corruptNode(node);
      this.writeLink(sibling);
      heap.free(node);
    } else if (layout !== LAYOUT_TREE_NODE4 && nodes.shouldShrink(meta, layout)) {
      this.writeLinkOrFree(nodes.shrunkNode(door, heap, node, layout, slot));
      heap.free(node);
    } else {
      nodes.removeChild(door, node, layout, slot);
    }
  }

  private nearByte(near: number, position: number): number {
    loadKey(this.door, near, this, nearKey);
    return byteOf(nearKey, position);
  }

  /** Makes the child that step `index` of the noted path went to the current link; -1 is the root. */
  private standAt(index: number): void {
    if (index < 0) {
      this.linkBlock = this.header;
      this.linkChunk = (this.header + 1) | 0;
      this.linkWord = 0;
      return;
    }
    const node = pathNodes[index] as number;
    const slot = pathSlots[index] as number;
    if (slot < 0) throw nodes.corruptNode(node);
    this.linkBlock = node;
    this.linkChunk = nodes.slotGranule(node, pathLayouts[index] as number, slot);
    this.linkWord = slot & 3;
  }

  private writeLink(link: number): void {
    if (this.linkBlock !== this.header) this.heap.prove(this.linkBlock);
    const i = this.door.own(this.linkBlock, this.linkChunk, 1) + this.linkWord;
    this.door.words[i] = link;
  }

  /** Publishes a new node; if that fails, the node is given back, so that nothing leaks when the transaction goes on. */
  private writeLinkOrFree(node: number): void {
    try {
      this.writeLink(node);
    } catch (error) {
      this.heap.free(node);
      throw error;
    }
  }

  private addToCount(change: number): void {
    const { door, header } = this;
    const i = door.own(header, (header + 1) | 0, 1);
    const f = (i + 2) >> 1;
    door.floats[f] = (door.floats[f] as number) + change;
  }

  private noNode(link: number): ShmStoreError {
    return this.corrupt(`a link leads to granule ${link >>> 0}, which is no node`);
  }

  private gone(): ShmStoreError {
    return new ShmStoreError(
      'DANGLING_REF',
      `The tree at granule ${this.header >>> 0} has been deleted. Nothing was changed. Read it again from where it belongs.`,
    );
  }
}

/** Word 1 of a header: what the leaves look like. */
export function shapeWord(shape: LeafShape): number {
  return shape.valueWords | (shape.fixedBytes << 8);
}

const nearKey = new KeyBuffer();

// The nodes that the last descent went through, and the slot it took in each (-1: the key's byte was missing).
const pathNodes = new Int32Array(KEY_BYTES_MAX);
const pathLayouts = new Int32Array(KEY_BYTES_MAX);
const pathDepths = new Int32Array(KEY_BYTES_MAX);
const pathSlots = new Int32Array(KEY_BYTES_MAX);
let pathLength = 0;
