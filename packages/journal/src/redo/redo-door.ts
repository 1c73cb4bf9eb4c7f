// The redo journal's side of the door. A write to a published chunk copies the chunk into the journal once; from then on reads and writes
// of this transaction go to that image, and the commit (native) plays all images back into the main segment. Main is unchanged until
// then, except for what nobody can reach: blocks made by the transaction, and the allocator's words, whose old values are in the undo list.
//
// Once a level has saved a granule, further overwrites by the same level need no entry (see saved-granules.ts).
//
// Journal: entries of two words (target granule, granule count) and the image. Undo list: eight words an entry; its count, in the slot, is raised
// before the granule is overwritten, so whoever finds this process dead can put every granule back.

import {
  CONTROL_EPOCH,
  CONTROL_LAST_TRANSACTION_ID,
  CONTROL_PAGE_COUNT,
  CONTROL_PAGE_STATES,
  CONTROL_RESERVED_GRANULES,
  CONTROL_SEQUENCE,
  CONTROL_SLOTS,
  type Door,
  FRESH,
  FRESH_OUTSIDE,
  type Freshness,
  JOURNAL_HEADER_WORDS,
  MAIN_HEAP_FIRST_SLAB,
  MAIN_SLAB_TABLE,
  PUBLISHED,
  ShmStoreError,
  SLAB_GRANULES,
  SLOT_BYTES,
  SLOT_TRANSACTION_ID,
  SLOT_UNDO_COUNT,
  type StoreSegments,
  UNDO_ENTRY_IMAGE,
  UNDO_ENTRY_WORDS,
} from '@mofo/shm-store';
import { ImageIndex } from './image-index.ts';
import { JournalCopy } from './journal-copy.ts';
import { ReadRestart } from './read-restart.ts';
import { SavedGranules } from './saved-granules.ts';
import { SavepointLog } from './savepoint-log.ts';
import { waitForSequence } from './wait-for-sequence.ts';

const WINDOW_MASK = 0x0fffffff;
const UNDO_ENTRY_BYTES = UNDO_ENTRY_WORDS * 4;
const RESERVE_FIRST_BYTES = 65536;
const RESERVE_STEP_MAX_BYTES = 4 * 2 ** 20;

/** One level of nesting: where it began, so that it can be undone alone. */
interface Level {
  readonly id: number;
  readonly journalTop: number;
  readonly undoCount: number;
  readonly log: SavepointLog;
  /** The outer level's own failure. */
  readonly failure: unknown;
}

/** `Door` over the segments of one thread. */
export class RedoDoor implements Door {
  words: Int32Array;
  floats: Float64Array;
  bytes: Uint8Array;
  inTransaction = false;
  levelId = 0;
  failure: unknown;
  /** Set while a transaction runs that has not taken the lock yet: takes it, or throws {@link ReadRestart}. */
  onFirstWrite: (() => void) | undefined;
  readonly heapFirst: number;
  heapSpan = 0;
  windowWords: readonly Int32Array[];
  windowFloats: readonly Float64Array[];
  /** This thread's own journal; while `overlaid`, the copy of another one's. */
  journalWords: Int32Array;
  journalFloats: Float64Array;

  private readonly native: StoreSegments;
  /**
   * As far as main is shown; more by the native `showMain` when a read goes there, or a transaction begins. What was shown once stays readable through the
   * old views.
   */
  private windows: readonly ArrayBuffer[];
  private windowBytes: readonly Uint8Array[];
  private journalBytes: Uint8Array;
  private undoWords: Int32Array;
  private readonly controlWords: Uint32Array;
  private readonly controlFloats: Float64Array;
  private readonly pageStates: Uint8Array;
  private readonly slotUndoCount: number;
  private readonly slotTransactionId: number;

  private readonly images = new ImageIndex();
  private readonly saved = new SavedGranules();
  private levels: Level[] = [];
  private level: Level | undefined;
  private transactionId = 0;
  /** Last id handed out in this transaction: a header with a later one is damaged, not fresh. */
  private lastId = 0;
  private journalTop = 0;
  private journalReservedWords = 0;
  private undoCount = 0;
  private undoReservedEntries = 0;
  private dirtyMark = 1;
  private tableEnd = 0;
  /** Granules that all windows together show: at least the slab table. */
  private shown = 0;
  /**
   * True while a read section is open: nested reads restart the whole section instead of themselves. A field, for it is taken back where the stack may be at its
   * end and a call fail.
   */
  inReadSection = false;
  /** 1 while reads go through the copy of a journal that somebody else plays back. */
  private overlaid = 0;
  private readonly copy = new JournalCopy();
  private ownJournal: Pick<JournalCopy, 'words' | 'floats' | 'bytes'> | undefined;

  constructor(native: StoreSegments) {
    this.native = native;
    this.windows = native.windows;
    this.windowWords = native.windows.map((window) => new Int32Array(window));
    this.windowFloats = native.windows.map((window) => new Float64Array(window));
    this.windowBytes = native.windows.map((window) => new Uint8Array(window));
    this.journalWords = new Int32Array(native.journal);
    this.journalFloats = new Float64Array(native.journal);
    this.journalBytes = new Uint8Array(native.journal);
    this.undoWords = new Int32Array(native.undo);
    const header = new Float64Array(native.control, 0, CONTROL_SLOTS / 8);
    const pageStates = header[CONTROL_PAGE_STATES / 8] as number;
    this.controlWords = new Uint32Array(native.control, 0, pageStates / 4);
    this.controlFloats = new Float64Array(native.control, 0, pageStates / 8);
    this.pageStates = new Uint8Array(
      native.control,
      pageStates,
      (header[CONTROL_PAGE_COUNT / 8] as number) || undefined,
    );
    const slot = CONTROL_SLOTS + native.slot * SLOT_BYTES;
    this.slotUndoCount = (slot + SLOT_UNDO_COUNT) / 4;
    this.slotTransactionId = (slot + SLOT_TRANSACTION_ID) / 8;
    this.words = this.windowWords[0] as Int32Array;
    this.floats = this.windowFloats[0] as Float64Array;
    this.bytes = this.windowBytes[0] as Uint8Array;
    this.heapFirst = (this.words[MAIN_HEAP_FIRST_SLAB / 4] as number) * SLAB_GRANULES;
    this.shown = shownGranules(this.windows);
    this.writeViewsTwice();
    this.refreshReserved();
  }

  /**
   * V8 takes a field that has been written once for a constant and compiles that into everything that reads it; the first growth of the store would throw
   * all of it away. So what growth replaces is replaced before anything is compiled.
   */
  private writeViewsTwice(): void {
    this.windows = this.windows.slice();
    this.windowWords = this.windowWords.slice();
    this.windowFloats = this.windowFloats.slice();
    this.windowBytes = this.windowBytes.slice();
    this.journalWords = this.journalWords.subarray();
    this.journalFloats = this.journalFloats.subarray();
    this.journalBytes = this.journalBytes.subarray();
    this.undoWords = this.undoWords.subarray();
  }

  at(chunk: number): number {
    if (this.images.size !== 0) {
      const image = this.images.get(chunk);
      if (image !== 0) return this.showJournal(image);
    }
    if ((chunk - this.heapFirst) >>> 0 >= this.heapSpan) this.checkBounds(chunk);
    return this.showMain(chunk);
  }

  get hasImages(): boolean {
    return this.images.size !== 0;
  }

  imageOf(chunk: number): number {
    return this.images.get(chunk);
  }

  requireInHeap(granule: number, granules: number): void {
    this.checkBounds(granule);
    const last = (granule + granules - 1) | 0;
    this.checkBounds(last);
    if (granule >>> 28 !== last >>> 28) throw outside(granule, this.heapFirst, this.heapSpan);
  }

  atSystem(granule: number): number {
    if (this.images.size !== 0) {
      const image = this.images.get(granule);
      if (image !== 0) return this.showJournal(image);
    }
    // Slab numbers come out of the bytes themselves.
    if (granule >>> 0 >= this.tableEnd && (granule - this.heapFirst) >>> 0 >= this.heapSpan) this.checkBounds(granule);
    return this.showMain(granule);
  }

  own(block: number, chunk: number, granules: number): number {
    if (!this.inTransaction) this.requireTransaction('write');
    const id = this.blockId(block);
    if (id >= this.transactionId && id <= this.lastId) {
      const index = this.showMain(chunk);
      if (id < this.levelId) this.level?.log.save(chunk, this.words, index, granules * 4);
      return index;
    }
    return this.ownImage(chunk, granules);
  }

  freshness(block: number): Freshness {
    const id = this.blockId(block);
    if (id < this.transactionId || id > this.lastId) return PUBLISHED;
    return id < this.levelId ? FRESH_OUTSIDE : FRESH;
  }

  imageFor(chunk: number, granules: number): number {
    const image = this.images.get(chunk);
    if (image === 0) return this.addImage(chunk, granules);
    if (this.level !== undefined && image < this.level.journalTop) {
      this.level.log.save(chunk, this.journalWords, image, granules * 4);
    }
    return image;
  }

  ownSystem(granule: number): number {
    if (!this.inTransaction) this.requireTransaction('write');
    return this.ownImage(granule, 1);
  }

  overwrite(granule: number): number {
    if (!this.inTransaction) this.requireTransaction('write');
    const index = this.showMain(granule);
    if (this.saved.has(granule)) return index;
    if (this.undoCount >= this.undoReservedEntries) this.reserveUndo();
    const { words, undoWords } = this;
    const entry = this.undoCount * UNDO_ENTRY_WORDS;
    undoWords[entry] = granule;
    undoWords[entry + 1] = this.transactionId | 0;
    undoWords[entry + 2] = 0;
    undoWords[entry + 3] = 0;
    undoWords[entry + UNDO_ENTRY_IMAGE] = words[index] as number;
    undoWords[entry + UNDO_ENTRY_IMAGE + 1] = words[index + 1] as number;
    undoWords[entry + UNDO_ENTRY_IMAGE + 2] = words[index + 2] as number;
    undoWords[entry + UNDO_ENTRY_IMAGE + 3] = words[index + 3] as number;
    this.controlWords[this.slotUndoCount] = ++this.undoCount;
    const page = granule >>> 8;
    if (this.pageStates[page] !== this.dirtyMark) this.native.guardPages(page, 1);
    this.saved.add(granule);
    return index;
  }

  guardBlock(block: number, granules: number): void {
    const first = block >>> 8;
    const last = ((block >>> 0) + granules - 1) >>> 8;
    for (let page = first; page <= last; page++) {
      if (this.pageStates[page] === this.dirtyMark) continue;
      this.native.guardPages(page, last - page + 1);
      return;
    }
  }

  requireTransaction(what: string): void {
    if (this.inTransaction) return;
    if (this.onFirstWrite !== undefined) {
      this.onFirstWrite();
      return;
    }
    throw new ShmStoreError(
      'READ_ONLY',
      `Cannot ${what} outside a transaction: nothing was changed. Put the change into store.transaction(() => { … }).`,
    );
  }

  isFreshAtLevel(block: number): boolean {
    const id = this.blockId(block);
    return id >= this.levelId && id <= this.lastId;
  }

  beginRead(): number {
    const sequence = this.controlWords[CONTROL_SEQUENCE / 4] as number;
    if (((sequence & 1) | this.overlaid) === 0 || this.inTransaction) return sequence;
    return this.beginReadBesidePlayback(sequence);
  }

  endRead(sequence: number): boolean {
    if (this.inTransaction || this.controlWords[CONTROL_SEQUENCE / 4] === sequence) return true;
    if (this.inReadSection) throw new ReadRestart();
    return false;
  }

  reserve(granule: number): void {
    this.showReserved();
    if (granule - this.heapFirst <= this.heapSpan) return;
    this.native.reserveMain(granule);
    this.showReserved();
  }

  // What transactions and read sections need of the door.

  /** Reads the store's bounds again, which only `trim` lowers. */
  forgetBounds(): void {
    this.refreshReserved();
  }

  /** Enters a transaction that the native frame has begun. */
  enter(): void {
    if (this.overlaid !== 0) this.endOverlay();
    this.transactionId = this.controlFloats[this.slotTransactionId] as number;
    this.levelId = this.transactionId;
    this.lastId = this.transactionId;
    this.failure = undefined;
    // Setting a length is a slow call.
    if (this.levels.length !== 0) this.levels.length = 0;
    this.level = undefined;
    this.journalTop = 0;
    this.undoCount = 0;
    this.images.clear();
    this.saved.next();
    this.dirtyMark = 1 + ((this.controlWords[CONTROL_EPOCH / 4] as number) & 1);
    this.showReserved();
    this.inTransaction = true;
  }

  /** Length of the journal in words: what the commit plays back. */
  get journalLength(): number {
    return this.journalTop;
  }

  /** Forgets the transaction, whatever became of it. */
  leave(): void {
    this.inTransaction = false;
    if (this.overlaid !== 0) this.endOverlay();
    this.images.clear();
  }

  /** Opens a level of nesting. */
  pushLevel(): void {
    const index = CONTROL_LAST_TRANSACTION_ID / 8;
    const id = (this.controlFloats[index] as number) + 1;
    this.controlFloats[index] = id;
    this.lastId = id;
    const log = new SavepointLog();
    const { failure } = this;
    this.level = { id: this.levelId, journalTop: this.journalTop, undoCount: this.undoCount, log, failure };
    this.levels.push(this.level);
    this.saved.next();
    this.levelId = id;
    this.failure = undefined;
  }

  /** Closes the innermost level, keeping its changes: what it saved, the level around it may need. */
  popLevel(): void {
    const inner = this.levels.pop();
    if (inner === undefined) return;
    this.level = this.levels[this.levels.length - 1];
    this.levelId = inner.id;
    this.saved.next();
    if (this.level !== undefined) this.level.log.adopt(inner.log);
    this.failure = inner.failure;
  }

  /** Closes the innermost level and undoes its changes alone. */
  rollBackLevel(): void {
    const inner = this.levels.pop();
    if (inner === undefined) return;
    this.level = this.levels[this.levels.length - 1];
    this.levelId = inner.id;
    this.saved.next();
    inner.log.restore();
    this.undoDownTo(inner.undoCount);
    this.dropImagesFrom(inner.journalTop);
    this.failure = inner.failure;
  }

  /** A read begins while the sequence is odd, or was so at the last one. */
  private beginReadBesidePlayback(sequence: number): number {
    const { copy } = this;
    const isCopied = this.overlaid !== 0 && sequence === copy.sequence;
    if (this.inReadSection) {
      if (isCopied) return sequence;
      throw new ReadRestart();
    }
    // As long as the owner lives; a dead one's playback is completed instead.
    if (isCopied && this.native.assistReader() === 'busy') return sequence;
    if (this.overlaid !== 0) this.endOverlay();
    const found = waitForSequence(this.controlWords, this.native, copy, this.images);
    if ((found & 1) !== 0) {
      this.ownJournal = { words: this.journalWords, floats: this.journalFloats, bytes: this.journalBytes };
      this.useJournal(copy);
      this.overlaid = 1;
    }
    return found;
  }

  private endOverlay(): void {
    this.copy.drop(this.images);
    this.useJournal(this.ownJournal as Pick<JournalCopy, 'words' | 'floats' | 'bytes'>);
    this.overlaid = 0;
  }

  private useJournal({ words, floats, bytes }: Pick<JournalCopy, 'words' | 'floats' | 'bytes'>): void {
    this.journalWords = words;
    this.journalFloats = floats;
    this.journalBytes = bytes;
  }

  private showJournal(index: number): number {
    this.words = this.journalWords;
    this.floats = this.journalFloats;
    this.bytes = this.journalBytes;
    return index;
  }

  private showMain(granule: number): number {
    const window = granule >>> 28;
    this.words = this.windowWords[window] as Int32Array;
    this.floats = this.windowFloats[window] as Float64Array;
    this.bytes = this.windowBytes[window] as Uint8Array;
    return (granule & WINDOW_MASK) << 2;
  }

  private blockId(block: number): number {
    if ((block - this.heapFirst) >>> 0 >= this.heapSpan) this.checkBounds(block);
    const words = this.windowWords[block >>> 28] as Int32Array;
    const header = (block & WINDOW_MASK) << 2;
    return ((words[header + 3] as number) & 0xffff) * 4294967296 + ((words[header + 2] as number) >>> 0);
  }

  private ownImage(chunk: number, granules: number): number {
    return this.showJournal(this.imageFor(chunk, granules));
  }

  private addImage(chunk: number, granules: number): number {
    const count = granules * 4;
    const entry = this.journalTop;
    const image = entry + JOURNAL_HEADER_WORDS;
    if (image + count > this.journalReservedWords) this.reserveJournal(image + count);
    const { journalWords } = this;
    const words = this.windowWords[chunk >>> 28] as Int32Array;
    const source = (chunk & WINDOW_MASK) << 2;
    journalWords[entry] = chunk;
    journalWords[entry + 1] = granules;
    if (count <= 64) for (let k = 0; k < count; k++) journalWords[image + k] = words[source + k] as number;
    else journalWords.set(words.subarray(source, source + count), image);
    this.journalTop = image + count;
    this.images.put(chunk, image);
    return image;
  }

  private reserveJournal(wordCount: number): void {
    const step = Math.min(Math.max(this.journalReservedWords * 4, RESERVE_FIRST_BYTES), RESERVE_STEP_MAX_BYTES);
    const wanted = Math.max(wordCount * 4, this.journalReservedWords * 4 + step);
    const limit = this.native.journalCapacityBytes;
    const bytes = wordCount * 4 > limit ? wordCount * 4 : Math.min(wanted, limit);
    try {
      this.native.reserveJournal(bytes);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
    const { journal } = this.native;
    if (journal !== this.journalWords.buffer) {
      this.journalWords = new Int32Array(journal);
      this.journalFloats = new Float64Array(journal);
      this.journalBytes = new Uint8Array(journal);
    }
    this.journalReservedWords = bytes >>> 2;
  }

  private reserveUndo(): void {
    const reserved = this.undoReservedEntries * UNDO_ENTRY_BYTES;
    const step = Math.min(Math.max(reserved, RESERVE_FIRST_BYTES), RESERVE_STEP_MAX_BYTES);
    const limit = this.native.undoCapacityBytes;
    const bytes = reserved + UNDO_ENTRY_BYTES > limit ? reserved + UNDO_ENTRY_BYTES : Math.min(reserved + step, limit);
    try {
      this.native.reserveUndo(bytes);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
    const { undo } = this.native;
    if (undo !== this.undoWords.buffer) this.undoWords = new Int32Array(undo);
    this.undoReservedEntries = Math.floor(bytes / UNDO_ENTRY_BYTES);
  }

  private undoDownTo(count: number): void {
    const { undoWords } = this;
    while (this.undoCount > count) {
      const entry = (this.undoCount - 1) * UNDO_ENTRY_WORDS;
      const index = this.showMain(undoWords[entry] as number);
      for (let k = 0; k < 4; k++) this.words[index + k] = undoWords[entry + UNDO_ENTRY_IMAGE + k] as number;
      this.controlWords[this.slotUndoCount] = --this.undoCount;
    }
  }

  private dropImagesFrom(journalTop: number): void {
    if (this.journalTop === journalTop) return;
    this.journalTop = journalTop;
    this.images.clear();
    for (let entry = 0; entry < journalTop; ) {
      this.images.put(this.journalWords[entry] as number, entry + JOURNAL_HEADER_WORDS);
      entry += JOURNAL_HEADER_WORDS + (this.journalWords[entry + 1] as number) * 4;
    }
  }

  private refreshReserved(): void {
    const reserved = this.controlWords[CONTROL_RESERVED_GRANULES / 4] as number;
    this.heapSpan = Math.max(0, Math.min(reserved, this.shown) - this.heapFirst);
    this.tableEnd = Math.min(MAIN_SLAB_TABLE / 16 + Math.ceil(reserved / SLAB_GRANULES), this.heapFirst);
  }

  /** Shows all that is reserved, perhaps by another process: a transaction looks at no bounds before it writes. */
  private showReserved(): void {
    const reserved = this.controlWords[CONTROL_RESERVED_GRANULES / 4] as number;
    if (reserved > this.shown) this.show(reserved);
    this.refreshReserved();
  }

  /** Shows main at least up to this granule. */
  private show(granule: number): void {
    this.native.showMain(granule);
    const { windows } = this.native;
    if (windows === this.windows) return;
    this.windowWords = windows.map((window) => new Int32Array(window));
    this.windowFloats = windows.map((window) => new Float64Array(window));
    this.windowBytes = windows.map((window) => new Uint8Array(window));
    this.windows = windows;
    this.shown = shownGranules(windows);
  }

  /** Slow path of a bounds check: memory may have been reserved since or not be shown yet, or the granule may lie in the superblock or slab table. */
  private checkBounds(granule: number): void {
    const unsigned = granule >>> 0;
    const reserved = this.controlWords[CONTROL_RESERVED_GRANULES / 4] as number;
    if (unsigned >= this.shown && unsigned < reserved) this.show(unsigned + 1);
    this.refreshReserved();
    if (unsigned >= this.heapFirst && unsigned - this.heapFirst < this.heapSpan) return;
    if (unsigned < this.tableEnd) return;
    throw outside(granule, this.heapFirst, this.heapSpan);
  }
}

function shownGranules(windows: readonly ArrayBuffer[]): number {
  let bytes = 0;
  for (const window of windows) bytes += window.byteLength;
  return bytes / 16;
}

function outside(granule: number, heapFirst: number, heapSpan: number): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `A ref points to granule ${granule >>> 0}, outside the store's heap (${heapFirst} to ${heapFirst + heapSpan}). ` +
      'Nothing was changed. Run a check of the store.',
  );
}
