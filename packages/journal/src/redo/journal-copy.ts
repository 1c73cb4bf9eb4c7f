// A copy of the complete journal of a playback that another thread is in the middle of, so that readers need not wait for it (R14).
//
// From before the first word of a playback until after the last, the mark in the owner's slot stands and its journal does not change; all that
// the playback changes in main are the targets of the images (and words that no reader looks at). So main with the images laid over it *is* the state after
// the commit, at every moment of the playback, whether its owner runs, is stopped or is dead. The sequence says to which playback a copy belongs: it is odd
// until the playback ends and never has that value again (but after 2^31 commits).
//
//   a mark stands, copy, sequence still the same?   then the copy is the whole journal of this playback
//   no mark anywhere, sequence still the same?      then main is complete already; only the store that makes the sequence even is missing
//
// Whoever reads through the copy asks the last question once more when it has read: until then the bytes prove nothing and are only bounded.
//
// The bytes are read from the file, not through a mapping: if the owner is killed meanwhile and its slot given to somebody else, its pages may go
// back to the system, and touching them would make new ones or be a SIGBUS.

import {
  CONTROL_SEQUENCE,
  CONTROL_SLOTS,
  JOURNAL_HEADER_WORDS,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_JOURNAL_WORDS,
  SLOT_MARK,
  type StoreSegments,
} from '@mofo/shm-store';
import type { ImageIndex } from './image-index.ts';

/** A journal that is complete: the slot it lies in, and its length. */
export interface MarkedJournal {
  readonly slot: number;
  readonly wordCount: number;
}

/** The copy of one journal, and its images by chunk. */
export class JournalCopy {
  /** The odd sequence of the playback that the copy belongs to; 0 if there is none. */
  sequence = 0;
  words: Int32Array = new Int32Array(0);
  floats: Float64Array = new Float64Array(0);
  bytes: Uint8Array = new Uint8Array(0);

  /**
   * Copies the journal of the playback with this sequence and puts its images into `images`. False if the playback ended meanwhile or the
   * journal does not add up; then there is no copy.
   */
  take(
    sequence: number,
    journal: MarkedJournal | undefined,
    controlWords: Uint32Array,
    native: StoreSegments,
    images: ImageIndex,
  ): boolean {
    this.drop(images);
    const wordCount = journal?.wordCount ?? 0;
    // Whole doubles, for `floats`.
    const buffer = new ArrayBuffer((wordCount * 4 + 7) & ~7);
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
    if (journal !== undefined) native.copyJournal(journal.slot, this.bytes.subarray(0, wordCount * 4));
    if (Atomics.load(controlWords, CONTROL_SEQUENCE / 4) !== sequence) return false;
    if (!this.index(wordCount, images)) return false;
    this.sequence = sequence;
    return true;
  }

  /** Forgets the copy. */
  drop(images: ImageIndex): void {
    images.clear();
    this.sequence = 0;
    this.words = new Int32Array(0);
    this.floats = new Float64Array(0);
    this.bytes = new Uint8Array(0);
  }

  private index(wordCount: number, images: ImageIndex): boolean {
    for (let at = 0; at < wordCount; ) {
      const image = at + JOURNAL_HEADER_WORDS;
      const end = image + ((this.words[at + 1] as number) >>> 0) * 4;
      if (end <= image || end > wordCount) {
        images.clear();
        return false;
      }
      images.put(this.words[at] as number, image);
      at = end;
    }
    return true;
  }
}

/** The journal whose mark stands; at most one does, because its owner has the write lock or died with it. */
export function findMarkedJournal(controlWords: Uint32Array): MarkedJournal | undefined {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const at = (CONTROL_SLOTS + slot * SLOT_BYTES) / 4;
    const low = Atomics.load(controlWords, at + SLOT_MARK / 4);
    const high = Atomics.load(controlWords, at + SLOT_MARK / 4 + 1);
    if (low === 0 && high === 0) continue;
    return { slot, wordCount: controlWords[at + SLOT_JOURNAL_WORDS / 4] as number };
  }
  return undefined;
}
