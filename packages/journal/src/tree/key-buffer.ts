// An encoded key: bytes whose unsigned lexicographic order is the order of the keys, packed big-endian into 32-bit words and padded with
// zeros, so that eight bytes are compared with two integer operations and the first difference is found by counting leading zeros.
//
// Codecs of variable length write and read byte by byte. They share one scratch buffer of bytes, which is in use only between
// `startBytes` and `pack`, or after `unpack`; neither runs user code.

import { JournalError } from '../errors.ts';

/**
 * Longest encoded key in bytes. It bounds the depth of a tree, so every descent; raising it costs a walk's private memory (about 120
 * bytes a level) and lets hostile bytes lead a reader deeper.
 */
export const KEY_BYTES_MAX = 1024;

const scratch: Buffer = Buffer.alloc(KEY_BYTES_MAX);

/** Room for one encoded key, used again and again: an operation allocates none. */
export class KeyBuffer {
  /** The key, four bytes a word, the first byte in the highest bits; the rest of the last word is zero. */
  words: Int32Array;
  /** The key byte by byte. */
  readonly bytes: Buffer = scratch;
  /** Encoded length in bytes. */
  length = 0;
  /** Where `take` of a codec goes on reading. */
  position = 0;

  /** Codecs may encode only into buffers of full capacity; a smaller one grows with `copyFrom`. */
  constructor(capacityBytes: number = KEY_BYTES_MAX) {
    this.words = new Int32Array((capacityBytes + 3) >> 2);
  }

  /** Begins a key that is written byte by byte. */
  startBytes(): void {
    this.length = 0;
  }

  /** Appends one byte (0 to 255). Throws KEY_TOO_LONG. */
  push(byte: number): void {
    if (this.length >= KEY_BYTES_MAX) throw keyTooLong();
    scratch[this.length++] = byte;
  }

  /** Appends four bytes, the highest first. Throws KEY_TOO_LONG. */
  pushWord(word: number): void {
    this.push(word >>> 24);
    this.push((word >>> 16) & 0xff);
    this.push((word >>> 8) & 0xff);
    this.push(word & 0xff);
  }

  /** Packs the bytes into words. */
  pack(): void {
    const { words, length } = this;
    const whole = length >> 2;
    for (let n = 0, b = 0; n < whole; n++, b += 4) words[n] = scratch.readInt32BE(b);
    if ((length & 3) === 0) return;
    let last = 0;
    for (let b = whole * 4; b < length; b++) last |= (scratch[b] as number) << (24 - ((b & 3) << 3));
    words[whole] = last;
  }

  /** Unpacks the words into bytes and puts the reading position at their start. */
  unpack(): void {
    const { words } = this;
    const count = (this.length + 3) >> 2;
    for (let n = 0; n < count; n++) {
      const word = words[n] as number;
      const b = n << 2;
      scratch[b] = word >>> 24;
      scratch[b + 1] = word >>> 16;
      scratch[b + 2] = word >>> 8;
      scratch[b + 3] = word;
    }
    this.position = 0;
  }

  /** Becomes the key of `length` bytes that stands in `words` from `start` on. */
  take(words: Int32Array, start: number, length: number): void {
    const count = (length + 3) >> 2;
    if (count > this.words.length) this.words = new Int32Array(Math.min(count * 2, KEY_BYTES_MAX / 4));
    for (let n = 0; n < count; n++) this.words[n] = words[start + n] as number;
    this.length = length;
  }

  /** Becomes a copy of another key. */
  copyFrom(other: KeyBuffer): void {
    this.take(other.words, 0, other.length);
  }

  /** -1, 0 or 1: this key before, equal to or after the other. A key that another one begins with comes first. */
  compare(other: KeyBuffer): number {
    const shorter = Math.min(this.length, other.length);
    const count = (shorter + 3) >> 2;
    for (let n = 0; n < count; n++) {
      const mine = this.words[n] as number;
      const theirs = other.words[n] as number;
      if (mine === theirs) continue;
      if ((n << 2) + (Math.clz32(mine ^ theirs) >> 3) >= shorter) break;
      return mine >>> 0 < theirs >>> 0 ? -1 : 1;
    }
    return this.length === other.length ? 0 : this.length < other.length ? -1 : 1;
  }

  /** Becomes the smallest byte string after all that begin with this one; false if there is none (all bytes are 255). */
  toSuccessor(): boolean {
    this.unpack();
    while (this.length > 0 && scratch[this.length - 1] === 0xff) this.length--;
    if (this.length === 0) return false;
    scratch[this.length - 1] = (scratch[this.length - 1] as number) + 1;
    this.pack();
    return true;
  }
}

/** The error for a key whose encoding is longer than KEY_BYTES_MAX. */
export function keyTooLong(): JournalError {
  return new JournalError(
    'KEY_TOO_LONG',
    `An encoded key has at most ${KEY_BYTES_MAX} bytes. Nothing was changed. Use a shorter key, such as a hash of this one.`,
  );
}
