// Inner nodes of the tree (an adaptive radix tree: Leis, Kemper, Neumann, ICDE 2013), in four sizes.
//
// A node tells its children apart by one byte of the key: the one at the node's absolute *depth*. Bytes between the parent's depth and this
// one are not stored; all leaves below agree in them, and a look-up compares the whole key at the leaf. So a node never
// needs editing when something above or below it splits or collapses.
//
//   node 4, 16, 48 ("packed")                      node 256
//   word 0    depth, bits 0-15 · count, bits 16-24   word 0     depth · count
//   word 1…   one byte per child, 4 a word, lowest   words 1-3  zero
//             byte first (1, 4 or 12 words)          word 4+b   child for byte b, 0 none
//   then      children, one owning link a word, from the next granule on
//
//   in granules:  header  | meta and bytes  | children          a block of
//   node 4        H       | A               | B                 48 bytes
//   node 16       H       | A A             | B B B B           112
//   node 48       H       | A A A A         | B × 12            272
//   node 256      H       | A               | B × 64            1,056
//
// Chunks: all of A is one chunk; each B (four children) is one. So adding a child journals A and one B, replacing a link one B.
// Packed children stand in order of arrival (slots 0 to count - 1); what lies in slots from count on means nothing.
//
// Invariants: depth grows strictly from a node to its children and is below KEY_BYTES_MAX; bytes of one node differ; every child is
// a live leaf or node; every node has at least two children. All four are checked by check-tree.ts; a descent relies only on the first, which it
// checks at each step, so it ends on any bytes.
//
// Crash and concurrent reader: a new node is filled while nothing reaches it; one link makes it visible, and that link, like all changes to
// published nodes, goes through the journal. A reader beside the playback may see a mix, but each access is bounded; it then validates
// the sequence and starts over.

import { type Door, type Heap, LAYOUT_TREE_NODE4, LAYOUT_TREE_NODE256, ShmStoreError } from '@mofo/shm-store';

/** Granules of meta and key bytes, by layout id. */
const META_GRANULES = new Int32Array(LAYOUT_TREE_NODE256 + 1);
/** Most children, by layout id. */
const CAPACITY = new Int32Array(LAYOUT_TREE_NODE256 + 1);
/** A node that has no more children than this is replaced by one of the next smaller kind; lower than that kind's size, so that a node does not flip back and forth. */
const SHRINK_AT = new Int32Array(LAYOUT_TREE_NODE256 + 1);

META_GRANULES.set([1, 2, 4, 1], LAYOUT_TREE_NODE4);
CAPACITY.set([4, 16, 48, 256], LAYOUT_TREE_NODE4);
SHRINK_AT.set([0, 3, 12, 36], LAYOUT_TREE_NODE4);

// A node's children while it is rebuilt in another size. Used and left within one call.
const rebuiltBytes = new Uint8Array(256);
const rebuiltLinks = new Int32Array(256);
let rebuiltCount = 0;

/** Most children of a node of this layout. */
export function capacityOf(layout: number): number {
  return CAPACITY[layout] as number;
}

/** Granule of the chunk that holds the child of `slot`; the child is word `slot & 3` of it. */
export function slotGranule(node: number, layout: number, slot: number): number {
  return (node + 1 + (META_GRANULES[layout] as number) + (slot >> 2)) | 0;
}

/** Reads the child of a slot. */
export function childAt(door: Door, node: number, layout: number, slot: number): number {
  const i = door.at(slotGranule(node, layout, slot)) + (slot & 3);
  return door.words[i] as number;
}

/** The node's meta word: depth in bits 0-15, count in bits 16-24. */
export function metaOf(door: Door, node: number): number {
  const i = door.at((node + 1) | 0);
  return door.words[i] as number;
}

/** Count of a meta word, no more than the node can hold. */
export function countOf(meta: number, layout: number): number {
  const count = (meta >>> 16) & 0x1ff;
  const capacity = CAPACITY[layout] as number;
  return Math.min(count, capacity);
}

/** Slot of a key byte in a packed node whose meta chunk stands at word index `i`, or -1. Compares four bytes at a time. */
export function findPackedSlot(words: Int32Array, i: number, layout: number, byte: number): number {
  const count = ((words[i] as number) >>> 16) & 0x1ff;
  const pattern = Math.imul(byte, 0x01010101);
  const keyWords = (CAPACITY[layout] as number) >> 2;
  for (let k = 0; k < keyWords; k++) {
    const differing = (words[i + 1 + k] as number) ^ pattern;
    const zeros = (differing - 0x01010101) & ~differing & -0x7f7f7f80;
    if (zeros === 0) continue;
    const slot = (k << 2) + ((31 - Math.clz32(zeros & -zeros)) >> 3);
    return slot < count ? slot : -1;
  }
  return -1;
}

/** Key byte of a packed slot. */
export function packedByte(words: Int32Array, i: number, slot: number): number {
  return ((words[i + 1 + (slot >> 2)] as number) >>> ((slot & 3) << 3)) & 0xff;
}

/** Some child of the node (the first of a packed one); 0 if there is none, which no writer leaves. */
export function anyChild(door: Door, node: number, layout: number): number {
  if (layout !== LAYOUT_TREE_NODE256)
    return countOf(metaOf(door, node), layout) === 0 ? 0 : childAt(door, node, layout, 0);
  for (let slot = 0; slot < 256; slot++) {
    const child = childAt(door, node, layout, slot);
    if (child !== 0) return child;
  }
  return 0;
}

/** Makes a node 4 with two children. */
export function makeFork(
  door: Door,
  heap: Heap,
  depth: number,
  byteA: number,
  childA: number,
  byteB: number,
  childB: number,
): number {
  rebuiltBytes[0] = byteA;
  rebuiltLinks[0] = childA;
  rebuiltBytes[1] = byteB;
  rebuiltLinks[1] = childB;
  rebuiltCount = 2;
  return build(door, heap, LAYOUT_TREE_NODE4, depth);
}

/** True if the node has no room for another child. */
export function isFull(meta: number, layout: number): boolean {
  return ((meta >>> 16) & 0x1ff) >= (CAPACITY[layout] as number);
}

/** Adds a child to a node that has room, under a byte that has none. */
export function addChild(door: Door, node: number, layout: number, byte: number, child: number): void {
  const slot = layout === LAYOUT_TREE_NODE256 ? byte : countOf(metaOf(door, node), layout);
  const b = door.own(node, slotGranule(node, layout, slot), 1) + (slot & 3);
  door.words[b] = child;
  const a = door.own(node, (node + 1) | 0, META_GRANULES[layout] as number);
  const words = door.words;
  if (layout !== LAYOUT_TREE_NODE256) {
    const w = a + 1 + (slot >> 2);
    const shift = (slot & 3) << 3;
    words[w] = ((words[w] as number) & ~(0xff << shift)) | (byte << shift);
  }
  words[a] = (words[a] as number) + 0x10000;
}

/** Makes a node of the next larger kind with the children of a full one and one more. The caller publishes it and frees the old one. */
export function grownNode(door: Door, heap: Heap, node: number, layout: number, byte: number, child: number): number {
  const meta = load(door, node, layout, -1);
  rebuiltBytes[rebuiltCount] = byte;
  rebuiltLinks[rebuiltCount++] = child;
  return build(door, heap, layout + 1, meta & 0xffff);
}

/** True if the node should be rebuilt smaller when it loses a child. */
export function shouldShrink(meta: number, layout: number): boolean {
  return ((meta >>> 16) & 0x1ff) - 1 <= (SHRINK_AT[layout] as number);
}

/** Makes a node of the next smaller kind with the children of this one except that of `slot`. */
export function shrunkNode(door: Door, heap: Heap, node: number, layout: number, slot: number): number {
  const meta = load(door, node, layout, slot);
  if (rebuiltCount > (CAPACITY[layout - 1] as number)) throw corruptNode(node);
  return build(door, heap, layout - 1, meta & 0xffff);
}

/** Takes the child of `slot` out of a node; the last child of a packed node moves into its place. */
export function removeChild(door: Door, node: number, layout: number, slot: number): void {
  if (layout === LAYOUT_TREE_NODE256) {
    const b = door.own(node, slotGranule(node, layout, slot), 1) + (slot & 3);
    door.words[b] = 0;
    const a = door.own(node, (node + 1) | 0, 1);
    door.words[a] = (door.words[a] as number) - 0x10000;
    return;
  }
  const last = countOf(metaOf(door, node), layout) - 1;
  if (slot !== last) {
    const moved = childAt(door, node, layout, last);
    const b = door.own(node, slotGranule(node, layout, slot), 1) + (slot & 3);
    door.words[b] = moved;
  }
  const a = door.own(node, (node + 1) | 0, META_GRANULES[layout] as number);
  const words = door.words;
  const w = a + 1 + (slot >> 2);
  const shift = (slot & 3) << 3;
  words[w] = ((words[w] as number) & ~(0xff << shift)) | (packedByte(words, a, last) << shift);
  words[a] = (words[a] as number) - 0x10000;
}

/** The error for a node that contradicts itself. */
export function corruptNode(node: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The tree node at granule ${node >>> 0} contradicts itself. Run a check of the store.`,
  );
}

/** Reads all children except that of slot `without` and returns the meta word. */
function load(door: Door, node: number, layout: number, without: number): number {
  const meta = metaOf(door, node);
  const isPacked = layout !== LAYOUT_TREE_NODE256;
  const slots = isPacked ? countOf(meta, layout) : 256;
  rebuiltCount = 0;
  const a = door.at((node + 1) | 0);
  const metaWords = door.words;
  for (let slot = 0; slot < slots; slot++) rebuiltBytes[slot] = isPacked ? packedByte(metaWords, a, slot) : slot;
  let i = 0;
  for (let slot = 0; slot < slots; slot++) {
    if ((slot & 3) === 0) i = door.at(slotGranule(node, layout, slot));
    const child = door.words[i + (slot & 3)] as number;
    if (child === 0 || slot === without) continue;
    rebuiltBytes[rebuiltCount] = rebuiltBytes[slot] as number;
    rebuiltLinks[rebuiltCount++] = child;
  }
  return meta;
}

/** Allocates a node for the loaded children. Fresh, so it is written in place and in one piece. */
function build(door: Door, heap: Heap, layout: number, depth: number): number {
  const count = rebuiltCount;
  const isPacked = layout !== LAYOUT_TREE_NODE256;
  const granules = (META_GRANULES[layout] as number) + (CAPACITY[layout] as number) / 4;
  const node = heap.allocate(layout, granules * 16);
  const i = door.own(node, (node + 1) | 0, granules);
  const words = door.words;
  const children = i + (META_GRANULES[layout] as number) * 4;
  words[i] = depth | (count << 16);
  for (let k = 0; k < count; k++) {
    const byte = rebuiltBytes[k] as number;
    words[children + (isPacked ? k : byte)] = rebuiltLinks[k] as number;
    if (isPacked) {
      const w = i + 1 + (k >> 2);
      words[w] = (words[w] as number) | (byte << ((k & 3) << 3));
    }
  }
  return node;
}
