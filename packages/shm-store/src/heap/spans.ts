// Spans: runs of 2^order slabs, handed out and merged by the buddy method (Knowlton 1965). A span of order k starts at a multiple of 2^k
// slabs, so none crosses a 4 GiB window, and its buddy is found by flipping one bit.
//
// Slab descriptor (one granule):
//   word 0  bits 0-7 kind · 8-15 size class or order · 16-31 blocks in use (small slabs)
//   word 1  bits 0-15 first free block of the slab as granule offset + 1 (0 none) · 16-31 granules handed out so far
//   word 2  next slab of its list (0 none), word 3 previous slab (0: it is the head)
//
// Invariant: only the first slab of a span has a kind other than NONE, so a ref into the inside of a span fails its proof. Slab 0 holds the
// superblock; 0 can mean none. Crash: every word is changed through `HeapWords.touch`, which saves it first or writes it to the journal.

import type { Door } from '../door.ts';
import { ShmStoreError } from '../errors.ts';
import {
  MAIN_HEAP,
  MAIN_SLAB_TABLE,
  MAIN_SPAN_HEADS,
  SLAB_GRANULES,
  SLAB_KIND_FREE,
  SLAB_KIND_NONE,
  SPAN_ORDER_MAX,
} from '../layout.ts';

const HEAP_GRANULE = MAIN_HEAP / 16;
const TABLE_GRANULE = MAIN_SLAB_TABLE / 16;
const SPAN_HEADS_GRANULE = MAIN_SPAN_HEADS / 16;

/** The heap's own words: read as they stand in the running transaction, changed in place with undo or, at the commit, through the journal. */
export class HeapWords {
  readonly door: Door;
  /** True while the commit applies deferred frees: words then go through the journal instead of the undo list. */
  settling = false;

  constructor(door: Door) {
    this.door = door;
  }

  /** Word index (in `door.words`) at which to change a granule of the superblock or the slab table. */
  touch(granule: number): number {
    return this.settling ? this.door.ownSystem(granule) : this.door.overwrite(granule);
  }

  /** Granule of a slab's descriptor. */
  descriptor(slab: number): number {
    return TABLE_GRANULE + slab;
  }

  /** Reads word `word` of a slab's descriptor. */
  slabWord(slab: number, word: number): number {
    const i = this.door.atSystem(TABLE_GRANULE + slab);
    return this.door.words[i + word] as number;
  }

  /** Writes a whole descriptor. */
  writeSlab(slab: number, word0: number, word1: number, next: number, previous: number): void {
    const i = this.touch(TABLE_GRANULE + slab);
    const words = this.door.words;
    words[i] = word0;
    words[i + 1] = word1;
    words[i + 2] = next;
    words[i + 3] = previous;
  }

  /** Reads the head of a list of slabs: word `index` of the array of heads that starts at `firstGranule`. */
  head(firstGranule: number, index: number): number {
    const i = this.door.atSystem(firstGranule + (index >> 2));
    return this.door.words[i + (index & 3)] as number;
  }

  /** Puts a slab at the head of a list; the caller then writes the slab's own next (returned) and previous (0). */
  push(firstGranule: number, index: number, slab: number): number {
    const i = this.touch(firstGranule + (index >> 2)) + (index & 3);
    const next = this.door.words[i] as number;
    this.door.words[i] = slab;
    if (next !== 0) this.linkSlab(next, 3, slab);
    return next;
  }

  /** Takes a slab out of its list, wherever it stands. */
  unlink(firstGranule: number, index: number, slab: number): void {
    const next = this.slabWord(slab, 2);
    const previous = this.slabWord(slab, 3);
    if (next !== 0) this.linkSlab(next, 3, previous);
    if (previous !== 0) this.linkSlab(previous, 2, next);
    else this.put(firstGranule + (index >> 2), index & 3, next);
  }

  /** First slab, end slab and nominal slab count of the heap. */
  bounds(word: 0 | 1 | 2): number {
    const i = this.door.atSystem(HEAP_GRANULE);
    return this.door.words[i + word] as number;
  }

  /** Writes one word of a granule of the superblock or the slab table. */
  put(granule: number, word: number, value: number): void {
    const i = this.touch(granule) + word;
    this.door.words[i] = value;
  }

  private linkSlab(slab: number, word: 2 | 3, target: number): void {
    if (slab < this.bounds(0) || slab >= this.bounds(1)) {
      throw new ShmStoreError('CORRUPT', `A list of the heap leads to slab ${slab}, which lies outside the heap.`);
    }
    this.put(TABLE_GRANULE + slab, word, target);
  }
}

/** Hands out a span of 2^order slabs and returns its first slab. The caller writes the descriptor. Throws STORE_FULL. */
export function allocateSpan(heap: HeapWords, order: number): number {
  for (let found = order; found <= SPAN_ORDER_MAX; found++) {
    const slab = heap.head(SPAN_HEADS_GRANULE, found);
    if (slab === 0) continue;
    expectFree(heap, slab, found);
    heap.unlink(SPAN_HEADS_GRANULE, found, slab);
    for (let half = found - 1; half >= order; half--) pushFree(heap, slab + 2 ** half, half);
    return slab;
  }
  return extend(heap, order);
}

/** Takes back a span and merges it with its free buddies. The caller has already taken it out of any other list. */
export function releaseSpan(heap: HeapWords, slab: number, order: number): void {
  const first = heap.bounds(0);
  const end = heap.bounds(1);
  let start = slab;
  let size = order;
  while (size < SPAN_ORDER_MAX) {
    const buddy = start ^ (1 << size);
    if (buddy < first || buddy + 2 ** size > end) break;
    if ((heap.slabWord(buddy, 0) & 0xffff) !== (SLAB_KIND_FREE | (size << 8))) break;
    heap.unlink(SPAN_HEADS_GRANULE, size, buddy);
    heap.writeSlab(Math.max(start, buddy), SLAB_KIND_NONE, 0, 0, 0);
    start = Math.min(start, buddy);
    size++;
  }
  pushFree(heap, start, size);
}

function pushFree(heap: HeapWords, slab: number, order: number): void {
  const next = heap.push(SPAN_HEADS_GRANULE, order, slab);
  heap.writeSlab(slab, SLAB_KIND_FREE | (order << 8), 0, next, 0);
}

function expectFree(heap: HeapWords, slab: number, order: number): void {
  const inside = slab >= heap.bounds(0) && slab + 2 ** order <= heap.bounds(1);
  if (inside && (heap.slabWord(slab, 0) & 0xffff) === (SLAB_KIND_FREE | (order << 8))) return;
  throw new ShmStoreError(
    'CORRUPT',
    `The free list of order ${order} leads to slab ${slab}, which is no free span of that order.`,
  );
}

/** Takes slabs that were never handed out; those skipped for alignment become free spans. */
function extend(heap: HeapWords, order: number): number {
  const size = 2 ** order;
  const end = heap.bounds(1);
  const start = Math.ceil(end / size) * size;
  const newEnd = start + size;
  const nominal = heap.bounds(2);
  // Slab 0 is never the heap's. An end below it would be "reserved" already, for it lies below everything.
  if (end < Math.max(1, heap.bounds(0))) {
    throw new ShmStoreError('CORRUPT', `The heap is said to end at slab ${end}, before it begins.`);
  }
  if (newEnd > nominal) {
    throw new ShmStoreError(
      'STORE_FULL',
      `The store is full: ${end} of ${nominal} slabs of 16 KiB are handed out and ${size} more in one piece are wanted. ` +
        'The transaction is rolled back; nothing is lost. Raise sizeBytes, or delete data.',
    );
  }
  heap.door.reserve(newEnd * SLAB_GRANULES);
  heap.put(HEAP_GRANULE, 1, newEnd);
  let gap = end;
  while (gap < start) {
    const order = Math.min(31 - Math.clz32(gap & -gap), 31 - Math.clz32(start - gap));
    heap.writeSlab(gap, SLAB_KIND_NONE, 0, 0, 0);
    pushFree(heap, gap, order);
    gap += 2 ** order;
  }
  return start;
}
