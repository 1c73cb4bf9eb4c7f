// Search, insertion and deletion in one tree, with keys already encoded.
//
// Header block:
//
//   word 0    root: owning link to a bucket or node, 0 when empty     chunk 0
//   word 1    value words, bits 0-7 · fixed key bytes, bits 8-23
//   word 2-3  number of entries as a double
//   word 4    hash of the key type's description                       chunk 1, written once
//   word 5    hash of the value type's description
//
// The descriptions themselves stand with whatever owns the tree (root entry, record type, another tree), the hashes prove that they fit.
//
// A radix tree over buckets (a burst trie: Heinz, Zobel, Williams, ACM TOIS 2002; buckets for ranges of branches as in the B-trie: Askitis, Zobel,
// VLDB Journal 2009). The few nodes are small and stay in the caches; an operation on one of many entries misses them at its bucket only.
//
//   header ──root──▶ node, depth 0 ──0─▶ bucket { … }
//                        │ ─1…7─▶ bucket { … }                  one bucket for the entries of seven branches, until it is full
//                        └────8─▶ node, depth 5 ──0…15─▶ …       ('8' is followed by the same four nibbles in all of them)
//
// Invariant: all entries below a node agree in the nibbles before its depth, and each entry below a child has at the depth a nibble of that child's.
// Every change makes new blocks first, which nothing reaches, and then writes links and live bits through the journal: see node.ts and
// bucket.ts for why neither a crash nor a concurrent reader sees half of it. The header's count is owned first, so that running out of
// journal happens before anything is changed.

import {
  type Door,
  type FieldType,
  f64,
  type Heap,
  LAYOUT_TREE,
  LAYOUT_TREE_BUCKET,
  LAYOUT_TREE_LEAF,
  LAYOUT_TREE_NODE,
  type Memory,
  ShmStoreError,
} from '@mofo/shm-store';
import {
  addSlot,
  compareEntry,
  corruptBucket,
  countLive,
  divergence,
  dropSlots,
  freeSlot,
  hashOf,
  hashOfPair,
  LIVE_MASK,
  layoutEntries,
  leafOf,
  makeBucket,
  openBucket,
  SIZE_MAX,
  SIZE_SHIFT,
  slotWord,
  thinCount,
} from './bucket.ts';
import { findLeaf } from './find-in-leaves.ts';
import { findAtHome, foundIn } from './find-in-slots.ts';
import { KeyBuffer } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';
import { compareWithLeaf, type LeafShape, makeLeaf } from './leaf.ts';
import {
  anyLink,
  corruptNode,
  isNodeLayout,
  NIBBLES_MAX,
  NODE_GRANULES,
  NODE_LINKS,
  nibbleOf,
  requireNode,
} from './node.ts';
import { path } from './path.ts';
import { ADDED, NOT_DONE, putDouble } from './put-double.ts';
import { linkFork, linkGap, makeRoom, type TreeShape, takeAway, writeRoot } from './reshape.ts';
import { place, seekSlotPlace } from './slot-place.ts';
import { smallLink } from './small-node.ts';

/** The key that the running operation works on. One per thread: operations are synchronous, and take it again after calling user code. */
export const probe: KeyBuffer = new KeyBuffer();

/** Grows with every change of any tree in this thread, so that a running iteration notices that what it has read ahead is stale. */
export const treeChanges: { count: number } = { count: 0 };

const WINDOW_MASK = 0x0fffffff;
/** Words of a value on their way from one chunk to another. */
const copied = new Int32Array(4);
/** Rebuilding a bucket, putting a node above it and splitting it make room in three turns. */
const TURNS_MAX = 8;

/** One tree's place and types, with the operations that do not depend on them. */
export class TreeCore implements TreeShape, LeafShape {
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
  readonly slotWords: number;
  readonly slotsAt: number;
  readonly keyWords: number;
  readonly keyAt: number;
  readonly capacities: Int32Array;
  readonly granules: Int32Array;
  /** Where the value lies that `find` found: block and payload word. */
  foundBlock = 0;
  foundWord = 0;

  /** True if values are doubles: read without a detour over their type. */
  readonly isDouble: boolean;
  /** True if these lie in slots: written so too. */
  readonly isDoubleInSlot: boolean;

  private provedAt = -1;
  // Where the header's count lies for the level `countLevel`: its image, or the header itself if that is fresh. Neither moves within a level.
  private countLevel = -1;
  private countIndex = 0;
  private isCountImage = false;
  private hash = 0;
  private nearest = 0;

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
    const entries = layoutEntries(value.words, codec.fixedBytes);
    this.slotWords = entries.slotWords;
    this.slotsAt = entries.slotsAt;
    this.keyWords = entries.keyWords;
    this.keyAt = entries.keyAt;
    this.capacities = entries.capacities;
    this.granules = entries.granules;
    // By identity: another type of that kind may read something else, as an exporter's that reads places.
    this.isDouble = (value as unknown) === f64();
    this.isDoubleInSlot = this.isDouble && entries.slotWords === 4;
    const i = this.door.at((header + 1) | 0);
    if (this.door.words[i + 1] !== shapeWord(value.words, codec.fixedBytes)) {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `The tree at granule ${header >>> 0} was made for keys or values of another type. Nothing was changed.`,
      );
    }
  }

  /** Root link. Throws DANGLING_REF if the tree is no more. */
  root(): number {
    const { door, header } = this;
    if (door.hasImages && !door.inTransaction) return this.rootBesidePlayback();
    const words = door.windowWords[header >>> 28] as Int32Array;
    const h = (header & WINDOW_MASK) << 2;
    // A running transaction puts no header of a tree's blocks into its journal before its last step.
    if (words[h + 1] !== this.stamp || words[h] !== LAYOUT_TREE) throw this.gone();
    const image = door.hasImages ? door.imageOf((header + 1) | 0) : 0;
    return (image === 0 ? words[h + 4] : door.journalWords[image]) as number;
  }

  /** The same through the journal that somebody else plays back, which may free this tree. */
  private rootBesidePlayback(): number {
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

  /** True if there is an entry with the key that is in `probe`; `foundBlock` and `foundWord` then say where its value lies. */
  find(): boolean {
    if (this.door.hasImages) return this.findAnywhere();
    if (this.slotWords === 4) {
      const i = findAtHome(this, probe);
      if (i >= 0) {
        this.foundBlock = foundIn;
        this.foundWord = i - ((foundIn & WINDOW_MASK) << 2) - 4;
        return true;
      }
    } else if (this.keyWords === 0) {
      const leaf = findLeaf(this, probe);
      if (leaf !== 0) {
        this.foundBlock = leaf;
        this.foundWord = 0;
        return true;
      }
    }
    return this.findAnywhere();
  }

  /** The value under the key that is in `probe`, or `undefined`. */
  get(): unknown {
    if (this.isDoubleInSlot && !this.door.hasImages) {
      const i = findAtHome(this, probe);
      if (i >= 0) return (this.door.windowFloats[foundIn >>> 28] as Float64Array)[i >> 1];
      return this.findAnywhere() ? this.read() : undefined;
    }
    return this.find() ? this.read() : undefined;
  }

  private findAnywhere(): boolean {
    const bucket = this.descend(this.root());
    if (bucket === 0) return false;
    this.hash = this.hashOfProbe();
    return this.findSlot(bucket) >= 0;
  }

  /** Sets the entry whose key is in `probe`. In a transaction. */
  put(value: unknown): void {
    this.requireLive();
    treeChanges.count++;
    if (!this.isPlain) {
      this.putForeign(value);
      return;
    }
    if (this.isDoubleInSlot && typeof value === 'number') {
      const done = putDouble(this, probe, value);
      if (done === ADDED) this.addToCount(1);
      if (done !== NOT_DONE) return;
    }
    this.ownCount();
    if (this.seekSlot() < 0) {
      this.insert(value);
      return;
    }
    this.heap.check(this.foundBlock, this.keyWords === 0 ? LAYOUT_TREE_LEAF : LAYOUT_TREE_BUCKET);
    this.value.write(this.memory, this.foundBlock, this.foundWord, value);
  }

  /** The value that `find` has found. */
  read(): unknown {
    return this.readAt(this.foundBlock, this.foundWord);
  }

  /** The value of a live slot. */
  readSlot(bucket: number, slot: number): unknown {
    if (this.keyWords === 0) return this.readAt(leafOf(this, bucket, slot), 0);
    return this.readAt(bucket, slotWord(this, slot));
  }

  private readAt(block: number, word: number): unknown {
    const { door } = this;
    if (!this.isDouble) return this.value.read(this.memory, block, word);
    const image = door.hasImages ? door.imageOf((block + 1 + (word >> 2)) | 0) : 0;
    if (image !== 0) return door.journalFloats[image >> 1];
    const floats = door.windowFloats[block >>> 28] as Float64Array;
    return floats[((block & WINDOW_MASK) << 1) + 2 + (word >> 1)];
  }

  /** Deletes the entry whose key is in `probe`; false if there is none. In a transaction. */
  remove(): boolean {
    this.requireLive();
    treeChanges.count++;
    const { door, heap } = this;
    if (this.slotWords === 4 && seekSlotPlace(this, probe)) {
      if (place.slot < 0) return false;
      if (this.removeFromCrowd()) return true;
    }
    const bucket = this.near(this.root(), probe);
    if (bucket === 0 || path.missingAt >= 0) return false;
    this.hash = this.hashOfProbe();
    const slot = this.findSlot(bucket);
    if (slot < 0) return false;
    const block = this.foundBlock;
    const word = this.foundWord;
    heap.check(bucket, LAYOUT_TREE_BUCKET);
    if (block !== bucket) heap.check(block, LAYOUT_TREE_LEAF);
    this.ownCount();
    dropSlots(door, bucket, 1 << slot);
    this.addToCount(-1);
    takeAway(this, bucket);
    // The words of the slot are as they were, also if the bucket has been freed: nothing has been allocated since.
    this.value.release(this.memory, block, word);
    if (block !== bucket) heap.free(block);
    return true;
  }

  /** Deletes the entry at `place` if its bucket keeps enough of them to stay as it is. */
  private removeFromCrowd(): boolean {
    const { door } = this;
    const { bucket, slot, word0 } = place;
    if (countLive(word0) - 1 <= thinCount(this.capacities[word0 >>> SIZE_SHIFT] as number)) return false;
    if (place.image === 0) this.heap.check(bucket, LAYOUT_TREE_BUCKET);
    this.ownCount();
    dropSlots(door, bucket, 1 << slot);
    this.addToCount(-1);
    if (!this.isDouble) this.value.release(this.memory, bucket, slotWord(this, slot));
    return true;
  }

  /** Throws DANGLING_REF unless the tree's header is a live block: what a write needs to be sure of. */
  requireLive(): void {
    const { door, header } = this;
    door.requireTransaction('change a tree');
    // Proved once in a level, in which no slab changes its kind; after that the stamp tells whether the level itself freed the header.
    const words = door.windowWords[header >>> 28] as Int32Array;
    const h = (header & WINDOW_MASK) << 2;
    if (this.provedAt === door.levelId && words[h + 1] === this.stamp && words[h] === LAYOUT_TREE) return;
    if (!this.heap.isLive(header, this.stamp)) throw this.gone();
    this.provedAt = door.levelId;
  }

  /** Layout id of a node or bucket of this tree. Throws CORRUPT on any other block. */
  layoutAt(link: number): number {
    const h = this.door.at(link);
    const layout = this.door.words[h] as number;
    if (!isNodeLayout(layout) && layout !== LAYOUT_TREE_BUCKET) throw this.noNode(link);
    return layout;
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

  /** Descent to the bucket nearest to a key: where the key's nibble has no child, on through any. 0 if the tree is empty. Notes the path. Hot. */
  near(root: number, key: KeyBuffer): number {
    const { door } = this;
    const { heapFirst, hasImages } = door;
    const { nodes, depths, nibbles } = path;
    const limit = door.heapSpan - NODE_GRANULES;
    const { words: keyWords } = key;
    const length = key.length << 1;
    let link = root;
    let depth = -1;
    let steps = 0;
    path.missingAt = -1;
    while (link !== 0) {
      if ((link - heapFirst) >>> 0 > limit) requireNode(door, link);
      const words = door.windowWords[link >>> 28] as Int32Array;
      const h = (link & WINDOW_MASK) << 2;
      const layout = words[h] as number;
      if (layout === LAYOUT_TREE_BUCKET) break;
      if (!isNodeLayout(layout)) throw this.noNode(link);
      const next = words[h + 4] as number;
      if (next <= depth || next >= NIBBLES_MAX) throw corruptNode(link);
      // See find-in-slots.ts for why it is guessed.
      depth++;
      if (next !== depth) depth = next;
      let nibble = NODE_LINKS;
      let child = 0;
      if (depth < length) {
        nibble = ((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15;
        if (layout === LAYOUT_TREE_NODE) {
          const image = hasImages ? door.imageOf((link + 2) | 0) : 0;
          child = (image === 0 ? words[h + 8 + nibble] : door.journalWords[image + nibble]) as number;
        } else {
          const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
          child = image === 0 ? smallLink(words, h + 4, nibble) : smallLink(door.journalWords, image, nibble);
        }
      }
      if (child === 0) {
        child = anyLink(door, link);
        if (child === 0) throw corruptNode(link);
        if (path.missingAt < 0) path.missingAt = steps;
      }
      nodes[steps] = link;
      depths[steps] = depth;
      nibbles[steps++] = nibble;
      link = child;
    }
    path.length = steps;
    return link;
  }

  /** Exact descent to the only bucket that can hold the key in `probe`, or 0. The hot loop: it knows the layout of nodes by heart. */
  private descend(root: number): number {
    const { door } = this;
    const { heapFirst, hasImages } = door;
    const limit = door.heapSpan - NODE_GRANULES;
    const { words: keyWords } = probe;
    const nibbles = probe.length << 1;
    let link = root;
    let depth = -1;
    while (link !== 0) {
      if ((link - heapFirst) >>> 0 > limit) requireNode(door, link);
      const words = door.windowWords[link >>> 28] as Int32Array;
      const h = (link & WINDOW_MASK) << 2;
      const layout = words[h] as number;
      if (layout === LAYOUT_TREE_BUCKET) return link;
      if (!isNodeLayout(layout)) throw this.noNode(link);
      const next = words[h + 4] as number;
      if (next <= depth || next >= NIBBLES_MAX) throw corruptNode(link);
      if (next >= nibbles) return 0;
      // See find-in-slots.ts for why it is guessed.
      depth++;
      if (next !== depth) depth = next;
      const nibble = ((keyWords[depth >> 3] as number) >>> (28 - ((depth & 7) << 2))) & 15;
      if (layout === LAYOUT_TREE_NODE) {
        const image = hasImages ? door.imageOf((link + 2) | 0) : 0;
        link = (image === 0 ? words[h + 8 + nibble] : door.journalWords[image + nibble]) as number;
      } else {
        const image = hasImages ? door.imageOf((link + 1) | 0) : 0;
        link = image === 0 ? smallLink(words, h + 4, nibble) : smallLink(door.journalWords, image, nibble);
      }
    }
    return 0;
  }

  /** The live slot of a bucket that has the key in `probe`, or -1; notes where its value lies. Hot. */
  private findSlot(bucket: number): number {
    const { door } = this;
    const { hasImages } = door;
    const main = door.windowWords[bucket >>> 28] as Int32Array;
    const h = (bucket & WINDOW_MASK) << 2;
    const image = hasImages ? door.imageOf((bucket + 1) | 0) : 0;
    const meta = image === 0 ? main : door.journalWords;
    const m = image === 0 ? h + 4 : image;
    const word = meta[m] as number;
    const size = word >>> SIZE_SHIFT;
    const live = word & LIVE_MASK;
    if (size > SIZE_MAX || live >>> (this.capacities[size] as number) !== 0) throw corruptBucket(bucket);
    const granules = this.granules[size] as number;
    if ((bucket - door.heapFirst) >>> 0 > door.heapSpan - granules) door.requireInHeap(bucket, granules);
    const pattern = Math.imul(this.hash >>> 24, 0x01010101);
    for (let first = 0; live >>> first !== 0; first += 4) {
      const differing = (meta[m + 1 + (first >> 2)] as number) ^ pattern;
      let zeros = (differing - 0x01010101) & ~differing & -0x7f7f7f80;
      while (zeros !== 0) {
        const slot = first + ((31 - Math.clz32(zeros & -zeros)) >> 3);
        if (((live >>> slot) & 1) !== 0 && this.hasKey(bucket, main, h, slot)) return slot;
        zeros &= zeros - 1;
      }
    }
    return -1;
  }

  /** True if a live slot's key is the one in `probe`; notes where its value lies. */
  private hasKey(bucket: number, main: Int32Array, h: number, slot: number): boolean {
    const { door, keyWords } = this;
    if (keyWords === 0) {
      const leaf = leafOf(this, bucket, slot);
      if (compareWithLeaf(door, leaf, this, probe).position !== -1) return false;
      this.foundBlock = leaf;
      this.foundWord = 0;
      return true;
    }
    const w = slotWord(this, slot);
    const k = w + this.keyAt;
    const image = door.hasImages ? door.imageOf((bucket + 1 + (k >> 2)) | 0) : 0;
    const words = image === 0 ? main : door.journalWords;
    const i = image === 0 ? h + 4 + k : image + (k & 3);
    if (words[i] !== probe.words[0]) return false;
    if (keyWords === 2 && words[i + 1] !== probe.words[1]) return false;
    this.foundBlock = bucket;
    this.foundWord = w;
    return true;
  }

  /** Descends with a note of the path and looks for the key in `probe`: its slot, or -1. `nearest` is then the bucket at the path's end. */
  private seekSlot(): number {
    this.nearest = this.near(this.root(), probe);
    this.hash = this.hashOfProbe();
    return this.nearest === 0 || path.missingAt >= 0 ? -1 : this.findSlot(this.nearest);
  }

  /** Adds an entry after `seekSlot` has found none. The value's own words are made by `fill`, or, if there is a block to take them from, copied. */
  private insert(value: unknown, made = 0): void {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      if (turn > 0) this.nearest = this.near(this.root(), probe);
      const near = this.nearest;
      if (near === 0) {
        const bucket = this.fillNew(value, made);
        writeRoot(this, bucket);
        this.addToCount(1);
        return;
      }
      const live = openBucket(this, near) & LIVE_MASK;
      if (live === 0) throw corruptBucket(near);
      compareEntry(this, near, 31 - Math.clz32(live & -live), probe);
      const position = divergence;
      const below = this.stepBelow(position);
      if (below < 0) {
        this.heap.check(near, LAYOUT_TREE_BUCKET);
        if (freeSlot(this, near, this.hash) < 0) {
          makeRoom(this, near, probe);
          continue;
        }
        this.fill(near, value, made);
      } else {
        const nibble = nibbleOf(probe, position);
        const first = 31 - Math.clz32(live & -live);
        const bucket = this.fillNew(value, made);
        if (below === path.missingAt && path.depths[below] === position) linkGap(this, below, nibble, bucket);
        else linkFork(this, below, position, near, first, nibble, bucket);
      }
      this.addToCount(1);
      return;
    }
    throw this.corrupt('a bucket cannot be split');
  }

  /**
   * Where a key goes that differs from what is found at the path's end first at `position`: -1 into that bucket; otherwise the step whose node
   * gets a new child (if it stands at that depth) or a new node above itself.
   */
  private stepBelow(position: number): number {
    const { missingAt, length, depths } = path;
    if (position < 0) throw this.corrupt('a key is not found in the bucket that has it');
    if (missingAt >= 0 && depths[missingAt] === position) return missingAt;
    let step = length;
    while (step > 0 && (depths[step - 1] as number) > position) step--;
    const isAtNode = step > 0 && depths[step - 1] === position && step < length;
    if (isAtNode || (missingAt >= 0 && step > missingAt))
      throw this.corrupt('an entry stands where it does not belong');
    return step === length ? -1 : step;
  }

  private fillNew(value: unknown, made: number): number {
    const bucket = makeBucket(this, 0);
    try {
      this.fill(bucket, value, made);
    } catch (error) {
      this.heap.free(bucket);
      throw error;
    }
    return bucket;
  }

  /** Fills a free slot of a bucket and makes it live. If the value is refused, nothing that means anything has changed. */
  private fill(bucket: number, value: unknown, made: number): void {
    const { door, keyWords } = this;
    const slot = freeSlot(this, bucket, this.hash);
    if (slot < 0) throw corruptBucket(bucket);
    const w = slotWord(this, slot);
    if (keyWords === 0) {
      const leaf = made === 0 ? this.makeLeafOf(value) : made;
      const i = door.own(bucket, (bucket + 1 + (w >> 2)) | 0, 1) + (w & 3);
      door.words[i] = leaf;
    } else {
      const { keyAt } = this;
      const k = door.own(bucket, (bucket + 1 + ((w + keyAt) >> 2)) | 0, 1) + (keyAt & 3);
      door.words[k] = probe.words[0] as number;
      if (keyWords === 2) door.words[k + 1] = probe.words[1] as number;
      const v = keyAt < 4 ? k - keyAt : door.own(bucket, (bucket + 1 + (w >> 2)) | 0, 1);
      if (this.isDouble && typeof value === 'number') door.floats[v >> 1] = value;
      else this.fillValue(v, bucket, w, value, made);
    }
    addSlot(door, bucket, slot, this.hash >>> 24);
  }

  private fillValue(v: number, bucket: number, w: number, value: unknown, made: number): void {
    const { words } = this.door;
    for (let n = 0; n < this.valueWords; n++) words[v + n] = 0;
    if (made !== 0) this.copyValue(made, 0, bucket, w);
    else this.initializeIn(bucket, w, value);
  }

  private makeLeafOf(value: unknown): number {
    const leaf = makeLeaf(this.door, this.heap, this, probe);
    try {
      this.initializeIn(leaf, 0, value);
    } catch (error) {
      this.heap.free(leaf);
      throw error;
    }
    return leaf;
  }

  private initializeIn(block: number, word: number, value: unknown): void {
    try {
      this.value.initialize(this.memory, block, word, value);
    } catch (error) {
      this.value.release(this.memory, block, word);
      throw error;
    }
  }

  /** Sets an entry whose value runs code of the program, which may change this very tree: the value is made in a block apart. */
  private putForeign(value: unknown): void {
    this.ownCount();
    const key = new KeyBuffer(probe.length);
    key.copyFrom(probe);
    const inLeaf = this.keyWords === 0;
    if (this.seekSlot() < 0) {
      const made = inLeaf ? this.makeLeafOf(value) : this.makeApart(value);
      probe.copyFrom(key);
      if (this.seekSlot() >= 0) {
        this.value.release(this.memory, made, 0);
        this.heap.free(made);
        throw this.corrupt('the same key was set while its value was being made');
      }
      this.insert(undefined, made);
      if (!inLeaf) this.heap.free(made);
      return;
    }
    const block = this.foundBlock;
    this.heap.check(block, inLeaf ? LAYOUT_TREE_LEAF : LAYOUT_TREE_BUCKET);
    if (inLeaf) this.value.write(this.memory, block, 0, value);
    else this.replaceApart(key, value);
  }

  private makeApart(value: unknown): number {
    const apart = this.heap.allocate(LAYOUT_TREE_LEAF, 16);
    try {
      this.initializeIn(apart, 0, value);
    } catch (error) {
      this.heap.free(apart);
      throw error;
    }
    return apart;
  }

  /** Replaces the value that `seekSlot` has found: in a copy, which is laid back where the entry then stands. */
  private replaceApart(key: KeyBuffer, value: unknown): void {
    const apart = this.heap.allocate(LAYOUT_TREE_LEAF, 16);
    try {
      this.copyValue(this.foundBlock, this.foundWord, apart, 0);
      this.value.write(this.memory, apart, 0, value);
      probe.copyFrom(key);
      if (this.seekSlot() < 0) {
        const lost = this.corrupt('a key was deleted while its value was being replaced');
        this.door.failure ??= lost;
        throw lost;
      }
      this.copyValue(apart, 0, this.foundBlock, this.foundWord);
    } finally {
      this.heap.free(apart);
    }
  }

  /** Copies the words of a value. */
  private copyValue(source: number, sourceWord: number, target: number, targetWord: number): void {
    const { door } = this;
    const from = door.at((source + 1 + (sourceWord >> 2)) | 0) + (sourceWord & 3);
    const { words } = door;
    for (let n = 0; n < 4; n++) copied[n] = words[from + n] as number;
    const to = door.own(target, (target + 1 + (targetWord >> 2)) | 0, 1) + (targetWord & 3);
    for (let n = 0; n < this.valueWords; n++) door.words[to + n] = copied[n] as number;
  }

  private hashOfProbe(): number {
    const { words } = probe;
    if (this.keyWords === 0) return hashOf(words, (probe.length + 3) >> 2);
    return hashOfPair(words[0] as number, words[1] as number, this.keyWords);
  }

  /** Makes sure that the count can be changed: before an addition or deletion writes anything. */
  ownCount(): void {
    const { door, header } = this;
    if (this.countLevel === door.levelId) return;
    this.countIndex = (door.own(header, (header + 1) | 0, 1) + 2) >> 1;
    this.isCountImage = door.words === door.journalWords;
    this.countLevel = door.levelId;
  }

  private addToCount(change: number): void {
    // Making a value may have opened and closed levels, or run other operations of this tree.
    this.ownCount();
    const { door, countIndex } = this;
    const floats = this.isCountImage ? door.journalFloats : (door.windowFloats[this.header >>> 28] as Float64Array);
    floats[countIndex] = (floats[countIndex] as number) + change;
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

/** Word 1 of a header: what the entries look like. */
export function shapeWord(valueWords: number, fixedBytes: number): number {
  return valueWords | (fixedBytes << 8);
}
