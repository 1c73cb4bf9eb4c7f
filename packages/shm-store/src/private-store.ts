// A store in private memory: the same words, heap and structures without sharing, for scratch data and as the naive twin in tests. It has
// no locks, survives nothing, and its commit is plain JavaScript: use it for data that may be lost.

import { ShmStoreError } from './errors.ts';
import {
  CONTROL_COMMIT_COUNT,
  CONTROL_LAST_TRANSACTION_ID,
  CONTROL_PAGE_STATES,
  CONTROL_SEQUENCE,
  CONTROL_SLOTS,
  JOURNAL_HEADER_WORDS,
  MAIN_LAST_TRANSACTION_ID,
  PAGE_BYTES,
  SLAB_BYTES,
  SLOT_BYTES,
  SLOT_TRANSACTION_ID,
  SLOT_UNDO_COUNT,
  STORE_SIZE_MIN_BYTES,
  UNDO_ENTRY_IMAGE,
  UNDO_ENTRY_WORDS,
} from './layout.ts';
import type { StoreSegments } from './native-binding.ts';
import { formatControl, formatMain } from './superblock.ts';

/** Largest private store: one ArrayBuffer. */
export const PRIVATE_STORE_SIZE_MAX_BYTES: number = 2 ** 31;

const PAGE_STATES_OFFSET = CONTROL_SLOTS + SLOT_BYTES;

/**
 * Makes a store of `sizeBytes` (1 MiB to 2 GiB, a multiple of 16 KiB) in private memory of this thread. Costs that much address
 * space at once; pages are used when touched. Throws INVALID_SIZE.
 */
export function openPrivateStore(options: { readonly sizeBytes: number }): StoreSegments {
  const { sizeBytes } = options;
  if (
    !(sizeBytes >= STORE_SIZE_MIN_BYTES && sizeBytes <= PRIVATE_STORE_SIZE_MAX_BYTES) ||
    sizeBytes % SLAB_BYTES !== 0
  ) {
    throw new ShmStoreError(
      'INVALID_SIZE',
      `A private store has 1 MiB to 2 GiB in multiples of 16 KiB, not ${sizeBytes} bytes.`,
    );
  }
  return new PrivateStore(sizeBytes);
}

class PrivateStore implements StoreSegments {
  readonly windows: readonly ArrayBuffer[];
  readonly control: ArrayBuffer;
  readonly journal: ArrayBuffer;
  readonly journalCapacityBytes: number;
  readonly undo: ArrayBuffer;
  readonly undoCapacityBytes: number;
  readonly slot = 0;
  readonly created = true;
  private readonly main: Int32Array;
  private readonly mainFloats: Float64Array;
  private readonly controlWords: Uint32Array;
  private readonly controlFloats: Float64Array;
  private inFrame = false;
  private open = false;

  constructor(sizeBytes: number) {
    const main = new ArrayBuffer(sizeBytes);
    this.windows = [main];
    this.control = new ArrayBuffer(PAGE_STATES_OFFSET + sizeBytes / PAGE_BYTES + 64);
    this.journal = new ArrayBuffer(Math.min(2 * sizeBytes, 2 ** 30));
    this.undo = new ArrayBuffer(this.journal.byteLength / 2);
    this.journalCapacityBytes = this.journal.byteLength;
    this.undoCapacityBytes = this.undo.byteLength;
    formatMain(main, sizeBytes);
    formatControl(this.control, sizeBytes, this.journal.byteLength, this.undo.byteLength);
    this.main = new Int32Array(main);
    this.mainFloats = new Float64Array(main);
    this.controlWords = new Uint32Array(this.control, 0, PAGE_STATES_OFFSET / 4);
    this.controlFloats = new Float64Array(this.control, 0, PAGE_STATES_OFFSET / 8);
    this.controlFloats[CONTROL_PAGE_STATES / 8] = PAGE_STATES_OFFSET;
  }

  transaction(body: () => number, lockLater = false): void {
    if (this.inFrame) throw new ShmStoreError('IN_TRANSACTION', 'A transaction of this private store is open already.');
    this.inFrame = true;
    try {
      if (!lockLater) this.takeLock();
      const words = body();
      if (this.open) this.playBack(words);
    } catch (error) {
      if (this.open) this.rollBack();
      throw error;
    } finally {
      this.controlWords[(CONTROL_SLOTS + SLOT_UNDO_COUNT) / 4] = 0;
      this.controlFloats[(CONTROL_SLOTS + SLOT_TRANSACTION_ID) / 8] = 0;
      this.open = false;
      this.inFrame = false;
    }
  }

  takeLock(): void {
    if (!this.inFrame) {
      throw new ShmStoreError('NO_TRANSACTION', 'The lock is taken inside the body of a transaction only.');
    }
    if (this.open) return;
    this.open = true;
    const id = (this.controlFloats[CONTROL_LAST_TRANSACTION_ID / 8] as number) + 1;
    this.controlFloats[CONTROL_LAST_TRANSACTION_ID / 8] = id;
    this.controlFloats[(CONTROL_SLOTS + SLOT_TRANSACTION_ID) / 8] = id;
    this.controlWords[(CONTROL_SLOTS + SLOT_UNDO_COUNT) / 4] = 0;
  }

  /** One window shows everything from the start. */
  showMain(): void {}

  reserveMain(granule: number): void {
    if (granule * 16 > this.main.byteLength)
      throw new ShmStoreError('STORE_FULL', 'The private store is full. Make it larger.');
  }

  reserveJournal(bytes: number): void {
    if (bytes > this.journal.byteLength)
      throw new ShmStoreError('JOURNAL_FULL', 'The transaction is larger than the journal. Split it.');
  }

  reserveUndo(bytes: number): void {
    if (bytes > this.undo.byteLength)
      throw new ShmStoreError('JOURNAL_FULL', 'The transaction is larger than the undo list. Split it.');
  }

  guardPages(firstPage: number, pageCount: number): void {
    new Uint8Array(this.control, PAGE_STATES_OFFSET).fill(1, firstPage, firstPage + pageCount);
  }

  assistReader(): 'idle' {
    return 'idle';
  }

  copyJournal(_slot: number, target: Uint8Array): void {
    target.set(new Uint8Array(this.journal, 0, target.length));
  }

  close(): void {
    if (this.inFrame) throw new ShmStoreError('IN_TRANSACTION', 'A store cannot be closed inside its own transaction.');
  }

  private playBack(journalWords: number): void {
    const journal = new Int32Array(this.journal);
    this.controlWords[CONTROL_SEQUENCE / 4] = (this.controlWords[CONTROL_SEQUENCE / 4] as number) + 1;
    for (let i = 0; i < journalWords; ) {
      const target = (journal[i] as number) >>> 0;
      const words = (journal[i + 1] as number) * 4;
      this.main.set(journal.subarray(i + JOURNAL_HEADER_WORDS, i + JOURNAL_HEADER_WORDS + words), target * 4);
      i += JOURNAL_HEADER_WORDS + words;
    }
    this.mainFloats[MAIN_LAST_TRANSACTION_ID / 8] = this.controlFloats[CONTROL_LAST_TRANSACTION_ID / 8] as number;
    this.controlFloats[CONTROL_COMMIT_COUNT / 8] = (this.controlFloats[CONTROL_COMMIT_COUNT / 8] as number) + 1;
    this.controlWords[CONTROL_SEQUENCE / 4] = (this.controlWords[CONTROL_SEQUENCE / 4] as number) + 1;
  }

  private rollBack(): void {
    const undo = new Int32Array(this.undo);
    for (let i = (this.controlWords[(CONTROL_SLOTS + SLOT_UNDO_COUNT) / 4] as number) - 1; i >= 0; i--) {
      const entry = i * UNDO_ENTRY_WORDS;
      this.main.set(
        undo.subarray(entry + UNDO_ENTRY_IMAGE, entry + UNDO_ENTRY_WORDS),
        ((undo[entry] as number) >>> 0) * 4,
      );
    }
  }
}
