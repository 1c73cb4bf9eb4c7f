// The heap: blocks of a few size classes, carved from slabs of 16 KiB, and large blocks made of whole slabs.
//
// Each small slab keeps its own list of free blocks and a count, so a slab whose blocks are all free goes back to the spans. Slabs with
// room stand in one doubly linked list per class; blocks come from its head.
//
// Crash and concurrent readers: an allocation changes the allocator's words and the new block in place, after saving each overwritten granule in
// the undo list (R11); nothing reaches the block before the commit. A free of a published block waits for the commit, where its words go
// through the journal; a free of a block made at the same level happens at once (R12). Birth stamps come from a counter that
// is never rolled back. Each thread takes them off it in rows, under the write lock, and a process that dies takes the rest of its row with it: what
// matters is only that no stamp is given twice.

import type { Door } from '../door.ts';
import { ShmStoreError } from '../errors.ts';
import {
  MAIN_CLASS_HEADS,
  MAIN_HEAP_END_SLAB,
  MAIN_HEAP_FIRST_SLAB,
  MAIN_STAMP_COUNTER,
  SLAB_GRANULES,
  SLAB_KIND_LARGE,
  SLAB_KIND_SMALL,
  SPAN_ORDER_MAX,
} from '../layout.ts';
import { isFreeHeader, isLiveHeader, writeFreeHeader, writeLiveHeader } from './block-header.ts';
import { CLASS_CAPACITY, CLASS_GRANULES, CLASS_OF_GRANULES, SMALL_GRANULES_MAX } from './size-class.ts';
import { allocateSpan, HeapWords, releaseSpan } from './spans.ts';
import { trimHeap } from './trim.ts';

const CLASS_HEADS_GRANULE = MAIN_CLASS_HEADS / 16;
const FIRST_SLAB_WORD = MAIN_HEAP_FIRST_SLAB / 4;
const END_SLAB_WORD = MAIN_HEAP_END_SLAB / 4;
const WINDOW_MASK = 0x0fffffff;
const CLASS_HEADS_WORD = MAIN_CLASS_HEADS / 4;
/** Birth stamps that a thread takes at once. More would spare little and waste more of the 2^32 when processes are short-lived. */
const STAMP_ROW = 32;
const STAMP_GRANULE = MAIN_STAMP_COUNTER >> 4;
const STAMP_WORD = (MAIN_STAMP_COUNTER & 15) >> 2;

const SMALL_PAYLOAD_MAX_BYTES = SMALL_GRANULES_MAX * 16 - 16;

/** Largest payload of one block in bytes: one 4 GiB window less the header. */
export const PAYLOAD_MAX_BYTES: number = 2 ** SPAN_ORDER_MAX * SLAB_GRANULES * 16 - 16;

/** Allocates, frees and proves blocks of one store for one thread. */
export class Heap {
  private readonly door: Door;
  private readonly heap: HeapWords;
  /** Blocks and their birth stamps, in turn: what stands at a place by the time of the commit may be another block. */
  private readonly pendingFrees: number[] = [];
  private headerIndex = 0;
  private stamp = 0;
  private stampsLeft = 0;

  constructor(door: Door) {
    this.door = door;
    this.heap = new HeapWords(door);
  }

  /**
   * Makes a block for `payloadBytes` bytes of payload, zeroed, in the running transaction, and returns its granule.
   * Throws STORE_FULL, SHM_FULL or OUT_OF_MEMORY (the transaction can be rolled back), READ_ONLY outside a transaction.
   */
  allocate(layoutId: number, payloadBytes: number): number {
    return this.make(layoutId, payloadBytes, true);
  }

  /** The same, but the payload is whatever lay there: for structures that know which of their words mean something. */
  allocateUncleared(layoutId: number, payloadBytes: number): number {
    return this.make(layoutId, payloadBytes, false);
  }

  /**
   * Frees a block: at once if the running level made it, otherwise when the outermost transaction commits. What the block owns is
   * not freed. Throws CORRUPT if there is no live block.
   */
  free(block: number): void {
    this.door.requireTransaction('free');
    this.prove(block);
    if (!this.door.isFreshAtLevel(block)) {
      this.pendingFrees.push(block, this.stampOf(block));
      return;
    }
    try {
      this.release(block);
    } catch (error) {
      this.door.failure ??= error;
      throw error;
    }
  }

  /** Length of the list of frees that wait for the commit; a savepoint notes it. */
  get pendingFreeCount(): number {
    return this.pendingFrees.length;
  }

  /** Forgets the frees of a level that is rolled back. */
  dropPendingFrees(count: number): void {
    // Setting a length is a slow call, and most transactions free nothing.
    if (this.pendingFrees.length !== count) this.pendingFrees.length = count;
  }

  /** Applies the deferred frees through the journal. The last step of an outermost transaction before its mark. */
  settle(): void {
    if (this.pendingFrees.length === 0) return;
    this.heap.settling = true;
    try {
      for (let k = 0; k < this.pendingFrees.length; k += 2) {
        const block = this.pendingFrees[k] as number;
        if (!this.isLive(block, this.pendingFrees[k + 1] as number)) {
          throw new ShmStoreError(
            'CORRUPT',
            `The block at granule ${block >>> 0} was freed twice in one transaction. Everything was rolled back. Run a check of the store.`,
          );
        }
        this.release(block);
      }
    } finally {
      this.heap.settling = false;
      this.pendingFrees.length = 0;
    }
  }

  /** Lowers the heap's end below what is free there: see trim.ts. In a transaction of its own. */
  trim(): void {
    this.door.requireTransaction('trim');
    trimHeap(this.heap);
  }

  /** Throws CORRUPT unless `block` is the start of a live block of this layout. O(1). */
  check(block: number, layoutId: number): void {
    this.prove(block);
    const words = this.headerWords(block);
    const layout = words[this.headerIndex] as number;
    if (layout !== layoutId) {
      throw new ShmStoreError(
        'CORRUPT',
        `The block at granule ${block >>> 0} has layout ${layout}; ${layoutId} was expected.`,
      );
    }
  }

  /** True if a live block with this birth stamp starts at `block`. Never throws on bad refs. */
  isLive(block: number, stamp: number): boolean {
    if (stamp === 0 || !this.isBlockStart(block)) return false;
    const words = this.headerWords(block);
    const i = this.headerIndex;
    return words[i + 1] === stamp && isLiveHeader(words, i, block);
  }

  /** Layout id in the block's header, which must have been proved. */
  layoutOf(block: number): number {
    const i = this.door.at(block);
    return this.door.words[i] as number;
  }

  /** Birth stamp in the block's header, which must have been proved. */
  stampOf(block: number): number {
    const i = this.door.at(block);
    return this.door.words[i + 1] as number;
  }

  /** Bytes of payload that the block can hold. */
  capacityBytes(block: number): number {
    const word0 = this.heap.slabWord(block >>> 10, 0);
    const kind = word0 & 0xff;
    const value = (word0 >>> 8) & 0xff;
    if (kind === SLAB_KIND_SMALL && value < CLASS_GRANULES.length) return (CLASS_GRANULES[value] as number) * 16 - 16;
    if (kind === SLAB_KIND_LARGE && value <= SPAN_ORDER_MAX) return 2 ** value * SLAB_GRANULES * 16 - 16;
    throw new ShmStoreError('CORRUPT', `Slab ${block >>> 10} holds no blocks.`);
  }

  /** Throws CORRUPT unless `block` is the start of a live block, of whatever layout. */
  prove(block: number): void {
    if (this.isBlockStart(block)) {
      const words = this.headerWords(block);
      if (isLiveHeader(words, this.headerIndex, block)) return;
    }
    throw new ShmStoreError('CORRUPT', `No live block starts at granule ${block >>> 0}.`);
  }

  private make(layoutId: number, payloadBytes: number, clear: boolean): number {
    if (!this.door.inTransaction) this.door.requireTransaction('allocate');
    if (!(payloadBytes >= 0 && payloadBytes <= PAYLOAD_MAX_BYTES)) {
      throw new ShmStoreError(
        'BLOCK_TOO_LARGE',
        `A block holds at most ${PAYLOAD_MAX_BYTES} bytes; ${payloadBytes} were asked for.`,
      );
    }
    try {
      if (payloadBytes > SMALL_PAYLOAD_MAX_BYTES) return this.allocateLarge(layoutId, payloadBytes + 16);
      return this.allocateSmall(layoutId, CLASS_OF_GRANULES[(payloadBytes + 31) >> 4] as number, clear);
    } catch (error) {
      this.door.failure ??= error;
      throw error;
    }
  }

  /** True if the superblock says that the slab has been handed out. Throws CORRUPT if there is no such memory. */
  private isSlab(slab: number): boolean {
    const { door } = this;
    const words = door.windowWords[0] as Int32Array;
    if (slab < (words[FIRST_SLAB_WORD] as number) || slab >= (words[END_SLAB_WORD] as number)) return false;
    // The bounds are bytes of the store too: they may say more than there is.
    if (((slab << 10) - door.heapFirst) >>> 0 >= door.heapSpan) door.requireInHeap(slab << 10, 1);
    return true;
  }

  /**
   * True if slab descriptors may have images: in the last step of a commit, and beside somebody else's playback. Otherwise they are
   * read as they stand, because a running transaction changes them in place.
   */
  private get hasSlabImages(): boolean {
    return this.heap.settling || (this.door.hasImages && !this.door.inTransaction);
  }

  /** The words in which a block's header stands, at `headerIndex`. It has an image if the block is being freed or given another layout. */
  private headerWords(block: number): Int32Array {
    const { door } = this;
    const image = door.hasImages ? door.imageOf(block) : 0;
    if (image !== 0) {
      this.headerIndex = image;
      return door.journalWords;
    }
    if ((block - door.heapFirst) >>> 0 >= door.heapSpan) door.requireInHeap(block, 1);
    this.headerIndex = (block & WINDOW_MASK) << 2;
    return door.windowWords[block >>> 28] as Int32Array;
  }

  /** True if the slab's descriptor allows a block to start at this granule (R2). */
  private isBlockStart(block: number): boolean {
    const { door, heap } = this;
    const slab = block >>> 10;
    let words = door.windowWords[0] as Int32Array;
    let i = heap.descriptor(slab) * 4;
    if (this.hasSlabImages) {
      if (slab < heap.bounds(0) || slab >= heap.bounds(1)) return false;
      i = door.atSystem(heap.descriptor(slab));
      words = door.words;
    } else if (!this.isSlab(slab)) return false;
    const word0 = words[i] as number;
    const kind = word0 & 0xff;
    const offset = block & (SLAB_GRANULES - 1);
    if (kind === SLAB_KIND_LARGE) return offset === 0;
    if (kind !== SLAB_KIND_SMALL) return false;
    const sizeClass = (word0 >>> 8) & 0xff;
    if (sizeClass >= CLASS_GRANULES.length) return false;
    const granules = CLASS_GRANULES[sizeClass] as number;
    const handedOut = Math.min((words[i + 1] as number) >>> 16, SLAB_GRANULES);
    return offset % granules === 0 && offset + granules <= handedOut;
  }

  private allocateSmall(layoutId: number, sizeClass: number, clear: boolean): number {
    const { door, heap } = this;
    const granules = CLASS_GRANULES[sizeClass] as number;
    const table = door.windowWords[0] as Int32Array;
    let slab = table[CLASS_HEADS_WORD + sizeClass] as number;
    if (slab === 0) slab = this.addSlab(sizeClass);
    else if (!this.isSlab(slab)) throw corruptSlab(slab, sizeClass);
    const d = door.overwrite(heap.descriptor(slab));
    const descriptor = door.words;
    const word0 = descriptor[d] as number;
    const word1 = descriptor[d + 1] as number;
    const firstFree = word1 & 0xffff;
    let handedOut = word1 >>> 16;
    let nextFree = 0;
    let block: number;
    if ((word0 & 0xffff) !== (SLAB_KIND_SMALL | (sizeClass << 8))) throw corruptSlab(slab, sizeClass);
    if (firstFree !== 0) {
      block = ((slab << 10) + firstFree - 1) | 0;
      if ((firstFree - 1) % granules !== 0 || firstFree - 1 + granules > handedOut) throw corruptSlab(slab, sizeClass);
      const f = door.overwrite(block);
      if (!isFreeHeader(door.words, f, block)) throw corruptSlab(slab, sizeClass);
      nextFree = (door.words[f + 2] as number) & 0xffff;
    } else {
      if (handedOut + granules > SLAB_GRANULES) throw corruptSlab(slab, sizeClass);
      block = ((slab << 10) + handedOut) | 0;
      handedOut += granules;
    }
    door.guardBlock(block, granules);
    const i = door.atSystem(block);
    const words = door.words;
    const used = (word0 >>> 16) + 1;
    descriptor[d] = (word0 & 0xffff) | (used << 16);
    descriptor[d + 1] = nextFree | (handedOut << 16);
    const end = i + granules * 4;
    if (clear) {
      if (granules <= 32) for (let k = i + 4; k < end; k++) words[k] = 0;
      else words.fill(0, i + 4, end);
    }
    writeLiveHeader(words, i, block, layoutId, this.nextStamp(), door.levelId);
    if (used === CLASS_CAPACITY[sizeClass]) {
      heap.unlink(CLASS_HEADS_GRANULE, sizeClass, slab);
      const full = heap.touch(heap.descriptor(slab));
      door.words[full + 2] = 0;
      door.words[full + 3] = 0;
    }
    return block;
  }

  private addSlab(sizeClass: number): number {
    const slab = allocateSpan(this.heap, 0);
    this.heap.writeSlab(slab, SLAB_KIND_SMALL | (sizeClass << 8), 0, 0, 0);
    const next = this.heap.push(CLASS_HEADS_GRANULE, sizeClass, slab);
    if (next !== 0) this.heap.put(this.heap.descriptor(slab), 2, next);
    return slab;
  }

  private allocateLarge(layoutId: number, totalBytes: number): number {
    const order = Math.max(0, Math.ceil(Math.log2(totalBytes / (SLAB_GRANULES * 16))));
    const slab = allocateSpan(this.heap, order);
    this.heap.writeSlab(slab, SLAB_KIND_LARGE | (order << 8) | (1 << 16), 0, 0, 0);
    const block = (slab << 10) | 0;
    const granules = 2 ** order * SLAB_GRANULES;
    this.door.guardBlock(block, granules);
    const i = this.door.overwrite(block);
    const words = this.door.words;
    words.fill(0, i + 4, i + granules * 4);
    writeLiveHeader(words, i, block, layoutId, this.nextStamp(), this.door.levelId);
    return block;
  }

  /** A birth stamp that nobody has had. They are taken in rows of STAMP_ROW: a row is taken off the store's counter before one of it is used. */
  private nextStamp(): number {
    if (this.stampsLeft === 0) {
      this.door.guardBlock(0, 1);
      const i = this.door.atSystem(STAMP_GRANULE) + STAMP_WORD;
      const { words } = this.door;
      this.stamp = words[i] as number;
      words[i] = (this.stamp + STAMP_ROW) | 0;
      this.stampsLeft = STAMP_ROW;
    }
    this.stampsLeft--;
    this.stamp = (this.stamp + 1) | 0;
    // 0 is no stamp. Only one row in 2^32 / STAMP_ROW has it.
    return this.stamp === 0 ? this.nextStamp() : this.stamp;
  }

  private release(block: number): void {
    const { door, heap } = this;
    const slab = block >>> 10;
    this.prove(block);
    const word0 = heap.slabWord(slab, 0);
    const value = (word0 >>> 8) & 0xff;
    const small = (word0 & 0xff) === SLAB_KIND_SMALL;
    const firstFree = small ? heap.slabWord(slab, 1) & 0xffff : 0;
    const i = heap.settling ? door.own(block, block, 1) : door.overwrite(block);
    writeFreeHeader(door.words, i, block, firstFree);
    if (small) this.releaseSmall(block, slab, value);
    else releaseSpan(heap, slab, value);
  }

  private releaseSmall(block: number, slab: number, sizeClass: number): void {
    const { door, heap } = this;
    const d = heap.touch(heap.descriptor(slab));
    const words = door.words;
    const word0 = words[d] as number;
    const used = word0 >>> 16;
    if (used === 0) throw corruptSlab(slab, sizeClass);
    words[d] = (word0 & 0xffff) | ((used - 1) << 16);
    words[d + 1] = ((words[d + 1] as number) & ~0xffff) | ((block & (SLAB_GRANULES - 1)) + 1);
    if (used === CLASS_CAPACITY[sizeClass]) {
      const next = heap.push(CLASS_HEADS_GRANULE, sizeClass, slab);
      const again = heap.touch(heap.descriptor(slab));
      door.words[again + 2] = next;
      door.words[again + 3] = 0;
    }
    // Only at the commit may an empty slab go back: before it, an undo could not restore the free list inside a slab that was used anew.
    if (used === 1 && heap.settling && (heap.slabWord(slab, 2) !== 0 || heap.slabWord(slab, 3) !== 0)) {
      heap.unlink(CLASS_HEADS_GRANULE, sizeClass, slab);
      releaseSpan(heap, slab, 0);
    }
  }
}

function corruptSlab(slab: number, sizeClass: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `Slab ${slab} of size class ${sizeClass} contradicts itself. Run a check of the store.`,
  );
}
