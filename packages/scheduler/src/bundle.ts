// Bundles: where plain tasks wait, many to a block, in few words each. A plain task has a short name and payload, and nothing else to say: no delay, deadline,
// dedupe or concurrency key. Anything out of the ordinary (a failure, a death, a pause) makes it a record of its own: see ready-bundles.ts.
//
//   granule 0   of a raw block, with the number of slots (raw-block.ts)
//   granule 1   taken · count · remaining · end of text (a granule)
//   granule 2   base id (low, high)                 base time in ms (low, high)
//   granule 3…  slots: id - base id · time - base time · name (place, length) and GONE · payload (place, length, encoding)
//   then        text, each piece from a granule's start: names once in a row, payloads
//
//   slots:   [ finished or running │ waiting, some of them GONE │ free ]
//            0                   taken                        count    64
//
// Invariants: taken ≤ count ≤ slots; ids grow with the slots; remaining = slots that wait or run; what lies behind the end of text means nothing. When
// nothing remains the bundle is freed, or begins again from slot 0.
//
// Crash and readers: every change goes through the door and is part of a transaction. The bytes are input: each place and length is bounded by the block before
// it is used.

import type { Memory } from '@mofo/shm-store';
import { areWordsNative, isRawBlock, makeRawBlock, swapped } from './raw-block.ts';
import { SchedulerError } from './scheduler-error.ts';

/** Tasks of one bundle. */
export const BUNDLE_SLOTS = 64;
/** Longest payload in bytes of a task in a bundle; a longer one is stored by itself. Four of this size fill a bundle. */
export const BUNDLED_PAYLOAD_MAX_BYTES = 1024;

/** Block size: the largest class of small blocks. A payload of 100 bytes leaves room for all slots. */
const BLOCK_BYTES = 8192;
const PAYLOAD_GRANULES = BLOCK_BYTES / 16 - 1;
const FORMAT = 0x6d62_0001;
const SLOTS_START = 3;
const TEXT_START = SLOTS_START + BUNDLE_SLOTS;
/** Granules and bytes that a slot's words have bits for: 10 for a place, 9 for a name's length, 12 for a payload's. */
const PLACE_MASK = 0x3ff;
const NAME_LENGTH_MASK = 0x1ff;
const GONE = 1 << 20;
const UTF16 = 1 << 22;
const PAYLOAD_LENGTH_MASK = 0xfff;
const TIME_OFFSET_MAX = 2 ** 31;

/** Indices of the state words. */
const TAKEN = 0;
const COUNT = 1;
const REMAINING = 2;
const TEXT_END = 3;

const PIECE_MAX_GRANULES = BUNDLED_PAYLOAD_MAX_BYTES / 16;
const strings = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string };

/** Reads and writes the words of bundles of one store for one thread. Methods that change something run inside a transaction. */
export class BundleWords {
  private readonly memory: Memory;
  private readonly scratch = new Uint8Array(PIECE_MAX_GRANULES * 16);
  private readonly scratchWords = new Int32Array(this.scratch.buffer);
  private readonly scratchUnits = new Uint16Array(this.scratch.buffer);
  /** The last name read, as text: most tasks that follow each other have the same. */
  private lastName = '';

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Makes an empty bundle. */
  make(): number {
    const block = makeRawBlock(this.memory, PAYLOAD_GRANULES, FORMAT, BUNDLE_SLOTS);
    this.clear(block);
    return block;
  }

  /** Begins again from slot 0; nothing of it remains. */
  clear(block: number): void {
    this.writeState(block, 0, 0, 0, TEXT_START);
  }

  stampOf(block: number): number {
    return this.memory.heap.stampOf(block);
  }

  isLive(block: number, stamp: number): boolean {
    return this.memory.heap.isLive(block, stamp);
  }

  /** Throws CORRUPT unless the block is a bundle and its counts make sense. Call it before anything else in a transaction or read section. */
  check(block: number): void {
    const isBundle = isRawBlock(this.memory, block, PAYLOAD_GRANULES, FORMAT, BUNDLE_SLOTS);
    const { door } = this.memory;
    const s = door.at((block + 2) | 0);
    const taken = swapped(door.words[s + TAKEN] as number);
    const count = swapped(door.words[s + COUNT] as number);
    const remaining = swapped(door.words[s + REMAINING] as number);
    const textEnd = swapped(door.words[s + TEXT_END] as number);
    const isSound =
      taken >= 0 &&
      taken <= count &&
      count <= BUNDLE_SLOTS &&
      remaining >= 0 &&
      remaining <= count &&
      textEnd >= TEXT_START;
    if (!isBundle || !isSound || textEnd > PAYLOAD_GRANULES) throw corrupt(block, 'its counts make no sense');
  }

  taken(block: number): number {
    const taken = this.stateWord(block, TAKEN);
    if (taken < 0 || taken > BUNDLE_SLOTS) throw corrupt(block, `${taken} tasks taken`);
    return taken;
  }

  count(block: number): number {
    const count = this.stateWord(block, COUNT);
    if (count < 0 || count > BUNDLE_SLOTS) throw corrupt(block, `${count} tasks`);
    return count;
  }

  /** Slots that wait or run. */
  remaining(block: number): number {
    return this.stateWord(block, REMAINING);
  }

  setTaken(block: number, taken: number): void {
    const i = this.ownState(block);
    this.memory.door.words[i + TAKEN] = swapped(taken);
  }

  /** Counts a slot as finished, and gives how many remain. */
  finishOne(block: number): number {
    const i = this.ownState(block);
    const { words } = this.memory.door;
    const remaining = swapped(words[i + REMAINING] as number) - 1;
    if (remaining < 0) throw corrupt(block, 'it counts fewer tasks than it has');
    words[i + REMAINING] = swapped(remaining);
    return remaining;
  }

  /**
   * Adds a task behind the others; false if there is no room. `name` is latin1 text of at most 128 characters, `payload` JSON; both have been looked at by
   * {@link fitsBundle}.
   */
  append(block: number, id: number, time: number, name: string, payload: string): boolean {
    const { door } = this.memory;
    const s = door.at((block + 2) | 0);
    const count = swapped(door.words[s + COUNT] as number);
    let end = swapped(door.words[s + TEXT_END] as number);
    const taken = swapped(door.words[s + TAKEN] as number);
    const remaining = swapped(door.words[s + REMAINING] as number);
    if (count < 0 || count > BUNDLE_SLOTS || end < TEXT_START || end > PAYLOAD_GRANULES)
      throw corrupt(block, 'its counts make no sense');
    if (count === BUNDLE_SLOTS) return false;
    const isWide = !isLatin1(payload);
    const payloadBytes = isWide ? payload.length * 2 : payload.length;
    const payloadGranules = (payloadBytes + 15) >> 4;
    let namePlace = count === 0 ? 0 : this.nameOf(block, count - 1, name);
    if (end + payloadGranules + (namePlace === 0 ? (name.length + 15) >> 4 : 0) > PAYLOAD_GRANULES) return false;
    if (count === 0) this.writeBase(block, id, time);
    const idOffset = id - this.baseId(block);
    const timeOffset = time - this.baseTime(block);
    if (!(timeOffset >= 0 && timeOffset < TIME_OFFSET_MAX && idOffset < TIME_OFFSET_MAX)) return false;
    if (namePlace === 0) {
      this.writePiece(block, end, name, false);
      namePlace = end | (name.length << 10);
      end += (name.length + 15) >> 4;
    }
    if (payloadBytes > 0) this.writePiece(block, end, payload, isWide);
    const i = door.own(block, (block + 1 + SLOTS_START + count) | 0, 1);
    door.words[i] = swapped(idOffset);
    door.words[i + 1] = swapped(timeOffset);
    door.words[i + 2] = swapped(namePlace);
    door.words[i + 3] = swapped(end | (payloadBytes << 10) | (isWide ? UTF16 : 0));
    this.writeState(block, taken, count + 1, remaining + 1, end + payloadGranules);
    return true;
  }

  id(block: number, slot: number): number {
    const i = this.slot(block, slot);
    const offset = swapped(this.memory.door.words[i] as number) >>> 0;
    return this.baseId(block) + offset;
  }

  /** When it was enqueued. */
  time(block: number, slot: number): number {
    const i = this.slot(block, slot);
    const offset = swapped(this.memory.door.words[i + 1] as number) >>> 0;
    return this.baseTime(block) + offset;
  }

  /** True if the task that waited here does so no more. */
  isGone(block: number, slot: number): boolean {
    const i = this.slot(block, slot);
    return (swapped(this.memory.door.words[i + 2] as number) & GONE) !== 0;
  }

  /** Marks a waiting slot. */
  setGone(block: number, slot: number): void {
    const { door } = this.memory;
    const i = door.own(block, (block + 1 + SLOTS_START + slot) | 0, 1);
    door.words[i + 2] = swapped(swapped(door.words[i + 2] as number) | GONE);
  }

  name(block: number, slot: number): string {
    const i = this.slot(block, slot);
    const word = swapped(this.memory.door.words[i + 2] as number);
    const length = (word >>> 10) & NAME_LENGTH_MASK;
    this.readPiece(block, word & PLACE_MASK, length);
    const { lastName, scratch } = this;
    if (length === lastName.length) {
      let k = 0;
      while (k < length && scratch[k] === lastName.charCodeAt(k)) k++;
      if (k === length) return lastName;
    }
    this.lastName = strings.latin1Slice.call(scratch, 0, length);
    return this.lastName;
  }

  /** JSON, '' for undefined. */
  payload(block: number, slot: number): string {
    const i = this.slot(block, slot);
    const word = swapped(this.memory.door.words[i + 3] as number);
    const length = (word >>> 10) & PAYLOAD_LENGTH_MASK;
    if (length === 0) return '';
    this.readPiece(block, word & PLACE_MASK, length);
    if ((word & UTF16) === 0) return strings.latin1Slice.call(this.scratch, 0, length);
    if (!areWordsNative) return Buffer.from(this.scratch.subarray(0, length)).toString('utf16le');
    return String.fromCharCode(...this.scratchUnits.subarray(0, length >> 1));
  }

  /** The name's place if the task in `slot` has this name, 0 if it has another. */
  private nameOf(block: number, slot: number, name: string): number {
    const i = this.slot(block, slot);
    const word = swapped(this.memory.door.words[i + 2] as number);
    if (((word >>> 10) & NAME_LENGTH_MASK) !== name.length) return 0;
    return this.name(block, slot) === name ? word & ~GONE : 0;
  }

  private slot(block: number, slot: number): number {
    return this.memory.door.at((block + 1 + SLOTS_START + slot) | 0);
  }

  private stateWord(block: number, word: number): number {
    const { door } = this.memory;
    const i = door.at((block + 2) | 0);
    return swapped(door.words[i + word] as number);
  }

  private ownState(block: number): number {
    return this.memory.door.own(block, (block + 2) | 0, 1);
  }

  private writeState(block: number, taken: number, count: number, remaining: number, textEnd: number): void {
    const i = this.ownState(block);
    const { words } = this.memory.door;
    words[i + TAKEN] = swapped(taken);
    words[i + COUNT] = swapped(count);
    words[i + REMAINING] = swapped(remaining);
    words[i + TEXT_END] = swapped(textEnd);
  }

  private baseId(block: number): number {
    const { door } = this.memory;
    const i = door.at((block + 3) | 0);
    return (swapped(door.words[i] as number) >>> 0) + (swapped(door.words[i + 1] as number) >>> 0) * 2 ** 32;
  }

  private baseTime(block: number): number {
    const { door } = this.memory;
    const i = door.at((block + 3) | 0);
    return (swapped(door.words[i + 2] as number) >>> 0) + swapped(door.words[i + 3] as number) * 2 ** 32;
  }

  private writeBase(block: number, id: number, time: number): void {
    const { door } = this.memory;
    const i = door.own(block, (block + 3) | 0, 1);
    const { words } = door;
    words[i] = swapped(id | 0);
    words[i + 1] = swapped(Math.floor(id / 2 ** 32));
    words[i + 2] = swapped((time % 2 ** 32) | 0);
    words[i + 3] = swapped(Math.floor(time / 2 ** 32));
  }

  private writePiece(block: number, place: number, text: string, isWide: boolean): void {
    const { door } = this.memory;
    const { scratch, scratchWords } = this;
    const { length } = text;
    if (isWide) {
      for (let k = 0; k < length; k++) {
        const unit = text.charCodeAt(k);
        scratch[2 * k] = unit & 0xff;
        scratch[2 * k + 1] = unit >>> 8;
      }
    } else for (let k = 0; k < length; k++) scratch[k] = text.charCodeAt(k);
    const granules = ((isWide ? length * 2 : length) + 15) >> 4;
    for (let g = 0; g < granules; g++) {
      const i = door.own(block, (block + 1 + place + g) | 0, 1);
      const { words } = door;
      words[i] = scratchWords[g * 4] as number;
      words[i + 1] = scratchWords[g * 4 + 1] as number;
      words[i + 2] = scratchWords[g * 4 + 2] as number;
      words[i + 3] = scratchWords[g * 4 + 3] as number;
    }
  }

  /** Into `scratch`. A granule at a time, for some may lie in the journal. */
  private readPiece(block: number, place: number, byteCount: number): void {
    const { door } = this.memory;
    const granules = (byteCount + 15) >> 4;
    if (place < TEXT_START || place + granules > PAYLOAD_GRANULES || granules > PIECE_MAX_GRANULES)
      throw corrupt(block, `a text of ${byteCount} bytes at granule ${place}`);
    const { scratchWords } = this;
    for (let g = 0; g < granules; g++) {
      const i = door.at((block + 1 + place + g) | 0);
      const { words } = door;
      scratchWords[g * 4] = words[i] as number;
      scratchWords[g * 4 + 1] = words[i + 1] as number;
      scratchWords[g * 4 + 2] = words[i + 2] as number;
      scratchWords[g * 4 + 3] = words[i + 3] as number;
    }
  }
}

/** Whether a task of this name and payload has room in a bundle at all. */
export function fitsBundle(name: string, payload: string): boolean {
  return payload.length * 2 <= BUNDLED_PAYLOAD_MAX_BYTES && isLatin1(name);
}

function isLatin1(text: string): boolean {
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) > 0xff) return false;
  return true;
}

function corrupt(block: number, what: string): SchedulerError {
  return new SchedulerError(
    'CORRUPT',
    `the bundle of tasks at granule ${block >>> 0} is damaged: ${what}. Nothing was changed. Run a check of the store.`,
  );
}
