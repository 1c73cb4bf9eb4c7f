// One tree: its header, and what is done with its entries, with keys already encoded. Ways down: descend.ts; new entries: insert-entry.ts; what follows in the
// structure: reshape.ts.
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
  type Memory,
  ShmStoreError,
} from '@mofo/shm-store';
import { countLive, dropSlots, layoutEntries, leafOf, SIZE_SHIFT, slotWord, thinCount } from './bucket.ts';
import { descend, findSlot, hashOfProbe, near, seekSlot } from './descend.ts';
import { findLeaf } from './find-in-leaves.ts';
import { findAtHome, foundIn } from './find-in-slots.ts';
import { insert } from './insert-entry.ts';
import type { KeyCodec } from './key-codec.ts';
import type { LeafShape } from './leaf.ts';
import { isNodeLayout } from './node.ts';
import { path } from './path.ts';
import { probe, treeChanges } from './probe.ts';
import { ADDED, NOT_DONE, putDouble } from './put-double.ts';
import { putForeign } from './put-foreign.ts';
import { type TreeShape, takeAway } from './reshape.ts';
import { place, seekSlotPlace } from './slot-place.ts';

const WINDOW_MASK = 0x0fffffff;

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
  /** Hash of the key that was searched last, and the bucket at the end of the path noted then. */
  hash = 0;
  nearest = 0;
  fetched = 0;

  /** True if values are doubles: read without a detour over their type. */
  readonly isDouble: boolean;
  /** True if these lie in slots: written so too. */
  readonly isDoubleInSlot: boolean;

  private provedAt = -1;
  // Where the header's count lies for the level `countLevel`: its image, or the header itself if that is fresh. Neither moves within a level.
  private countLevel = -1;
  private countIndex = 0;
  private isCountImage = false;

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
    const bucket = descend(this, this.root());
    if (bucket === 0) return false;
    this.hash = hashOfProbe(this);
    return findSlot(this, bucket) >= 0;
  }

  /** Sets the entry whose key is in `probe`. In a transaction. */
  put(value: unknown): void {
    this.requireLive();
    treeChanges.count++;
    if (!this.isPlain) {
      putForeign(this, value);
      return;
    }
    if (this.isDoubleInSlot && typeof value === 'number') {
      const done = putDouble(this, probe, value);
      if (done === ADDED) this.addToCount(1);
      if (done !== NOT_DONE) return;
    }
    this.ownCount();
    if (seekSlot(this) < 0) {
      insert(this, value);
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
    const bucket = near(this, this.root(), probe);
    if (bucket === 0 || path.missingAt >= 0) return false;
    this.hash = hashOfProbe(this);
    const slot = findSlot(this, bucket);
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

  /** Makes sure that the count can be changed: before an addition or deletion writes anything. */
  ownCount(): void {
    const { door, header } = this;
    if (this.countLevel === door.levelId) return;
    this.countIndex = (door.own(header, (header + 1) | 0, 1) + 2) >> 1;
    this.isCountImage = door.words === door.journalWords;
    this.countLevel = door.levelId;
  }

  /** Counts an entry more or less. */
  addToCount(change: number): void {
    // Making a value may have opened and closed levels, or run other operations of this tree.
    this.ownCount();
    const { door, countIndex } = this;
    const floats = this.isCountImage ? door.journalFloats : (door.windowFloats[this.header >>> 28] as Float64Array);
    floats[countIndex] = (floats[countIndex] as number) + change;
  }

  /** The error for a link that leads to no node. */
  noNode(link: number): ShmStoreError {
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
