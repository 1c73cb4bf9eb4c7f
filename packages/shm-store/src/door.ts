// The door: the one way in which structures in a store are read and written.
//
// A structure divides each of its blocks into fixed *chunks* of whole granules (16 bytes) and never lets two chunks overlap.
// To read it calls `at(chunk)`, to write `own(block, chunk, granules)`; both return a word index into `words` (and, halved, into
// `floats`), valid until the next call of either. Take the index first and the view second (`const i = door.at(c); door.words[i]`): in
// `door.words[door.at(c)]` JavaScript reads `words` before the call sets it. While a transaction is open `at` redirects to the journal's image of a chunk that was
// owned before, so a transaction reads its own writes; blocks made by the running transaction are written in place.
//
// Refs are handled as signed 32-bit integers (the bits of the uint32 granule count), so that they stay small integers; 0 means
// none. Compare sizes only after `>>> 0`; add with `| 0`.

/** Made by an earlier transaction: changed through images. */
export const PUBLISHED = 0;
/** Made by the running level: written in place. */
export const FRESH = 1;
/** Made by the running transaction outside the running level: written in place, but the level's own undo must know. */
export const FRESH_OUTSIDE = 2;
/** Who made a block. */
export type Freshness = typeof PUBLISHED | typeof FRESH | typeof FRESH_OUTSIDE;

/** Reads and writes the words of a store; see the head of this file for the contract. */
export interface Door {
  /** The view that the last `at`, `own` or `overwrite` answered for. */
  words: Int32Array;
  /** The same memory as `words`, eight bytes an element. */
  floats: Float64Array;
  /** The same memory as `words`, a byte an element. */
  bytes: Uint8Array;
  /** True between the begin and the end of a transaction of this thread. */
  readonly inTransaction: boolean;

  /** Word index at which to read the chunk that starts at granule `chunk`. Throws the store's CORRUPT error outside the heap. */
  at(chunk: number): number;
  /**
   * Word index at which to write the chunk of `granules` granules that starts at granule `chunk` of the live block `block`. In a
   * block of the running transaction that is the block itself, otherwise an image in the journal. Throws READ_ONLY outside a
   * transaction.
   */
  own(block: number, chunk: number, granules: number): number;
  /**
   * Saves one granule in the undo list, marks its page and returns the word index at which to overwrite it in place. Only for
   * words of the allocator, whose effects no reader can reach before the commit.
   */
  overwrite(granule: number): number;
  /** `at` for a granule that lies in no block: superblock and slab table. The caller has bounded it. */
  atSystem(granule: number): number;
  /** `own` for a granule that lies in no block: superblock and slab table. */
  ownSystem(granule: number): number;
  /** Marks the pages of a block of the running transaction, once, when it is made. */
  guardBlock(block: number, granules: number): void;
  /** The id that headers of new blocks carry: the running transaction's or savepoint's (R12). */
  readonly levelId: number;
  /** Throws READ_ONLY (with what was tried) when no transaction is open. */
  requireTransaction(what: string): void;
  /**
   * What cut a change of the running level short, if anything did: no memory for it, or the end of the stack. A level with such a change cannot end
   * well, also when the error was caught: it throws this instead, and is undone. A property, so that setting it calls nothing.
   */
  failure: unknown;
  /** True if the block's header carries an id of the running transaction's current level. */
  isFreshAtLevel(block: number): boolean;

  /** First granule of the heap. */
  readonly heapFirst: number;
  /** Granules of the heap, from `heapFirst` on, that may be read; grows when memory is reserved. */
  readonly heapSpan: number;

  // For the hottest loops, which read many blocks and write none. A block's granule lies in window `granule >>> 28`, its first word at
  // `(granule & 0x0fffffff) << 2`. What they read here without asking `imageOf` they read as the last commit left it: right for parts of a
  // block that never change after the transaction that made it, and for everything while `hasImages` is false.

  /** Main's words, a window of 4 GiB an element. Never written through. */
  readonly windowWords: readonly Int32Array[];
  /** The same memory, eight bytes an element. */
  readonly windowFloats: readonly Float64Array[];
  /** Where the images lie. */
  readonly journalWords: Int32Array;
  /** True if some chunk has an image. */
  readonly hasImages: boolean;
  /** Word index in `journalWords` of the chunk's image, or 0. */
  imageOf(chunk: number): number;
  /** The same memory as `journalWords`, eight bytes an element. */
  readonly journalFloats: Float64Array;
  /** In a transaction: how a proved block is written. FRESH in place, PUBLISHED by `imageFor`, FRESH_OUTSIDE by `own` only. */
  freshness(block: number): Freshness;
  /** `own` for a published block, without a change of views: the word index in `journalWords` of the chunk's image, which is made if there is none. */
  imageFor(chunk: number, granules: number): number;
  /** Throws CORRUPT unless the granules from `granule` on lie in the heap and in one window; the slow path, once `heapSpan` says no. */
  requireInHeap(granule: number, granules: number): void;

  /** Begins a read section: waits for an even sequence and returns it. Inside a transaction or section returns at once. */
  beginRead(): number;
  /** Ends a read section: true if everything read since `beginRead` belongs together. False: read again. */
  endRead(sequence: number): boolean;
  /** Makes the main segment's granules up to `granule` usable; throws STORE_FULL. */
  reserve(granule: number): void;
}
