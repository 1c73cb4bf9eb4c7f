// A transaction written word by word, below door and heap: a run of granules that all hold one number, written through the journal, and one granule
// that is overwritten in place through the undo list.
import {
  CONTROL_RESERVED_GRANULES,
  CONTROL_SEQUENCE,
  CONTROL_SLOTS,
  SLOT_BYTES,
  SLOT_MARK,
  SLOT_TRANSACTION_ID,
  SLOT_UNDO_COUNT,
  UNDO_ENTRY_IMAGE,
} from '@mofo/shm-store';

/** Granules that {@link RawCounter} writes. */
const GRANULES = 300;

/** A number kept in every word of many granules at the end of the store. */
export class RawCounter {
  constructor(store) {
    this.store = store;
    this.main = new Uint32Array(store.windows[0]);
    this.control = new Uint32Array(store.control);
    this.numbers = new Float64Array(store.control);
    this.journal = new Uint32Array(store.journal);
    this.undo = new Uint32Array(store.undo);
    this.first = this.control[CONTROL_RESERVED_GRANULES / 4] - GRANULES - 1;
  }

  /** The number, or -1 if the granules do not all hold the same one. Only in a transaction, or while nobody writes. */
  get value() {
    const value = this.main[this.first * 4];
    for (let i = 0; i < (GRANULES + 1) * 4; i++) if (this.main[this.first * 4 + i] !== value) return -1;
    return value;
  }

  /** Writes a number; the journal's length is what transaction() wants back. Only in a transaction. */
  write(value) {
    const slot = CONTROL_SLOTS + this.store.slot * SLOT_BYTES;
    const inPlace = (this.first + GRANULES) * 4;
    this.journal[0] = this.first;
    this.journal[1] = GRANULES;
    this.journal.fill(value, 2, 2 + GRANULES * 4);
    this.undo[0] = this.first + GRANULES;
    this.undo[1] = this.numbers[(slot + SLOT_TRANSACTION_ID) / 8];
    for (let i = 0; i < 4; i++) this.undo[UNDO_ENTRY_IMAGE + i] = this.main[inPlace + i];
    this.control[(slot + SLOT_UNDO_COUNT) / 4] = 1;
    this.store.guardPages(inPlace >>> 10, 1);
    this.main.fill(value, inPlace, inPlace + 4);
    return 2 + GRANULES * 4;
  }

  /** One transaction that adds one. */
  add() {
    this.store.transaction(() => this.write(this.value + 1));
  }

  get sequence() {
    return this.control[CONTROL_SEQUENCE / 4];
  }

  /** True if no slot has an open or marked transaction and the sequence is even. */
  get isAtRest() {
    for (let slot = 0; slot < 64; slot++) {
      const at = CONTROL_SLOTS + slot * SLOT_BYTES;
      if (this.numbers[(at + SLOT_MARK) / 8] !== 0 || this.numbers[(at + SLOT_TRANSACTION_ID) / 8] !== 0) return false;
      if (this.control[(at + SLOT_UNDO_COUNT) / 4] !== 0) return false;
    }
    return this.sequence % 2 === 0;
  }
}
