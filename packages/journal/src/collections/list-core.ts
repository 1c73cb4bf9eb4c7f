// A list's blocks: a tree of chunks of equal size, addressed by position, as deep as the length needs.
//
//   header   word 0 root chunk (0 empty) · word 1 height (0: the root holds values) · word 2-3 length as a double    one chunk
//            word 4 words of a slot                                                                                  written once
//
//   chunk    124 words. At height 0: slots of 1, 2 or 4 words, so 124, 62 or 31 values. Above: 124 links.             a chunk a granule
//
//   height 1:  root [ link link link … ] ──▶ [ v v v … ] [ v v v … ] [ v v … 0 0 ]
//
// Invariants: the values of position 0 to length - 1 are there, all slots after them are zero, and there is no chunk without a value in
// it. Slots are zero before a value is made in them. Replacing or adding a value changes one granule (and the header), through the
// journal or in fresh blocks; neither a crash nor a reader sees a part. Height and links are checked at each step, so a descent takes at most
// HEIGHT_MAX steps on any bytes.

import { type Door, type Heap, LAYOUT_LIST, LAYOUT_LIST_CHUNK, type Memory, ShmStoreError } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import { requireHandle } from './handle.ts';
import { clearSlot, copySlot, slotWords } from './slots.ts';
import type { StoredValue } from './stored-value.ts';

/** Most values of one list: what five levels hold is more, but positions stay 32-bit integers. */
export const LIST_LENGTH_MAX: number = 2 ** 31 - 1;

const CHUNK_WORDS = 124;
const HEIGHT_MAX = 5;

/** Where a value lies. */
export interface Place {
  block: number;
  word: number;
}

/** One list's blocks. All methods run inside a read section or transaction of the caller. */
export class ListCore {
  readonly memory: Memory;
  readonly header: number;
  readonly stored: StoredValue;
  private readonly door: Door;
  private readonly heap: Heap;
  private readonly stamp: number;
  private readonly slot: number;
  private readonly perChunk: number;
  /** Set by `locate`. */
  readonly place: Place = { block: 0, word: 0 };

  constructor(memory: Memory, header: number, stored: StoredValue) {
    memory.heap.check(header, LAYOUT_LIST);
    this.memory = memory;
    this.door = memory.door;
    this.heap = memory.heap;
    this.header = header;
    this.stamp = memory.heap.stampOf(header);
    this.stored = stored;
    this.slot = slotWords(stored);
    this.perChunk = CHUNK_WORDS / this.slot;
    const i = this.door.at((header + 2) | 0);
    if (this.door.words[i] !== this.slot) {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `The list at granule ${header >>> 0} was made for values of another type. Nothing was changed.`,
      );
    }
  }

  requireLive(): void {
    requireHandle(this.memory, this.header, this.stamp, LAYOUT_LIST, 'list');
  }

  length(): number {
    const i = this.door.at((this.header + 1) | 0);
    const length = this.door.floats[(i + 2) >> 1] as number;
    if (!(length >= 0 && length <= LIST_LENGTH_MAX && Number.isInteger(length)))
      throw this.corrupt('its length is no length');
    return length;
  }

  writeLength(length: number): void {
    const i = this.door.own(this.header, (this.header + 1) | 0, 1);
    this.door.floats[(i + 2) >> 1] = length;
  }

  /** Finds the slot of a position below the length. Throws CORRUPT. */
  locate(position: number): void {
    let chunk = this.headerWord(0);
    const height = this.height();
    for (let level = height; ; level--) {
      if (chunk === 0) throw this.corrupt(`position ${position} is missing`);
      this.heap.check(chunk, LAYOUT_LIST_CHUNK);
      if (level === 0) break;
      chunk = this.link(chunk, Math.floor(position / this.span(level)) % CHUNK_WORDS);
    }
    this.place.block = chunk;
    this.place.word = (position % this.perChunk) * this.slot;
  }

  /** Makes sure that the slot after the last has a chunk, and finds it. In a transaction. Throws LIST_FULL. */
  locateNew(position: number): void {
    if (position >= LIST_LENGTH_MAX)
      throw new JournalError('LIST_FULL', `A list holds at most ${LIST_LENGTH_MAX} values. Nothing was changed.`);
    if (position === 0 && this.headerWord(0) === 0) {
      this.writeHeader(this.makeChunk(), 0);
    }
    let height = this.height();
    while (position >= this.span(height + 1)) {
      const root = this.makeChunk();
      this.writeLink(root, 0, this.headerWord(0));
      this.writeHeader(root, ++height);
    }
    let chunk = this.headerWord(0);
    for (let level = height; level > 0; level--) {
      this.heap.check(chunk, LAYOUT_LIST_CHUNK);
      const index = Math.floor(position / this.span(level)) % CHUNK_WORDS;
      let child = this.link(chunk, index);
      if (child === 0) {
        child = this.makeChunk();
        this.writeLink(chunk, index, child);
      }
      chunk = child;
    }
    this.heap.check(chunk, LAYOUT_LIST_CHUNK);
    this.place.block = chunk;
    this.place.word = (position % this.perChunk) * this.slot;
  }

  /** Moves the values from `first` to `end - 1` one position up. Position `end` has a slot. In a transaction. */
  shiftUp(first: number, end: number): void {
    for (let position = end; position > first; position--) this.move(position - 1, position);
    this.locate(first);
    if (end > first) clearSlot(this.door, this.place.block, this.place.word, this.slot);
  }

  /** Moves the values behind `position` one position down. In a transaction. */
  shiftDown(position: number, length: number): void {
    for (let target = position; target < length - 1; target++) this.move(target + 1, target);
  }

  /** Clears the last slot and frees the chunks that it leaves empty. In a transaction. */
  dropLast(length: number): void {
    const last = length - 1;
    this.locate(last);
    clearSlot(this.door, this.place.block, this.place.word, this.slot);
    this.writeLength(last);
    if (last % this.perChunk !== 0) return;
    const height = this.height();
    const path: { chunk: number; index: number }[] = [];
    let chunk = this.headerWord(0);
    for (let level = height; level > 0; level--) {
      const index = Math.floor(last / this.span(level)) % CHUNK_WORDS;
      path.push({ chunk, index });
      chunk = this.link(chunk, index);
    }
    this.heap.free(chunk);
    for (let step = path.pop(); step !== undefined; step = path.pop()) {
      if (step.index !== 0) {
        this.writeLink(step.chunk, step.index, 0);
        return;
      }
      this.heap.free(step.chunk);
    }
    this.writeHeader(0, 0);
  }

  /** Forgets everything; the caller has freed it. In a transaction. */
  writeEmpty(): void {
    this.writeHeader(0, 0);
    this.writeLength(0);
  }

  /**
   * All chunks and then all places of values, in order. Throws CORRUPT on a chunk too many or too few, one reached twice, or a slot behind
   * the end that is not zero.
   */
  walk(onChunk: (chunk: number) => void, onSlot: (block: number, word: number) => void): void {
    const length = this.length();
    const root = this.headerWord(0);
    const height = this.height();
    if ((root === 0) !== (length === 0))
      throw this.corrupt(`it counts ${length} values and has ${root === 0 ? 'no' : 'a'} root`);
    if (length > this.span(height + 1)) throw this.corrupt('it is too low for its length');
    const seen = new Set<number>();
    let level: number[] = root === 0 ? [] : [root];
    for (let h = height; level.length > 0; h--) {
      for (const chunk of level) {
        if (seen.has(chunk)) throw this.corrupt(`the chunk at granule ${chunk >>> 0} is reached twice`);
        seen.add(chunk);
        this.heap.check(chunk, LAYOUT_LIST_CHUNK);
        onChunk(chunk);
      }
      if (h === 0) break;
      const below = Math.ceil(length / this.span(h));
      const next: number[] = [];
      for (let k = 0; k < level.length * CHUNK_WORDS; k++) {
        const child = this.link(level[Math.floor(k / CHUNK_WORDS)] as number, k % CHUNK_WORDS);
        if ((child !== 0) !== k < below)
          throw this.corrupt(`a chunk ${child === 0 ? 'is missing' : 'stands behind the end'}`);
        if (child !== 0) next.push(child);
      }
      level = next;
    }
    for (let position = 0; position < level.length * this.perChunk; position++) {
      const block = level[Math.floor(position / this.perChunk)] as number;
      const word = (position % this.perChunk) * this.slot;
      if (position < length) onSlot(block, word);
      else this.requireZero(block, word);
    }
  }

  corrupt(what: string): ShmStoreError {
    return new ShmStoreError(
      'CORRUPT',
      `The list at granule ${this.header >>> 0} is damaged: ${what}. Nothing was changed. Run a check of the store.`,
    );
  }

  private move(source: number, target: number): void {
    this.locate(source);
    const { block, word } = this.place;
    this.locate(target);
    copySlot(this.door, block, word, this.place.block, this.place.word, this.slot);
  }

  /** Values below one link of a chunk of this height. */
  private span(height: number): number {
    return this.perChunk * CHUNK_WORDS ** (height - 1);
  }

  private height(): number {
    const height = this.headerWord(1);
    if (height < 0 || height > HEIGHT_MAX) throw this.corrupt('its height is no height');
    return height;
  }

  private makeChunk(): number {
    return this.heap.allocate(LAYOUT_LIST_CHUNK, CHUNK_WORDS * 4);
  }

  private headerWord(word: number): number {
    const i = this.door.at((this.header + 1) | 0) + word;
    return this.door.words[i] as number;
  }

  private writeHeader(root: number, height: number): void {
    const i = this.door.own(this.header, (this.header + 1) | 0, 1);
    this.door.words[i] = root;
    this.door.words[i + 1] = height;
  }

  private link(chunk: number, index: number): number {
    const i = this.door.at((chunk + 1 + (index >> 2)) | 0) + (index & 3);
    return this.door.words[i] as number;
  }

  private writeLink(chunk: number, index: number, link: number): void {
    const i = this.door.own(chunk, (chunk + 1 + (index >> 2)) | 0, 1) + (index & 3);
    this.door.words[i] = link;
  }

  private requireZero(block: number, word: number): void {
    const i = this.door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
    for (let k = 0; k < this.slot; k++)
      if (this.door.words[i + k] !== 0) throw this.corrupt('a slot behind the end is in use');
  }
}
