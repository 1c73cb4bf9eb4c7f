// Single words and aligned pairs of words of a block's payload. A chunk here is one granule: payload word `w` of block `b` lies in granule
// b + 1 + (w >> 2). Collections that divide their blocks into larger chunks must not store such values in them.

import type { Door } from '../door.ts';

/** Reads payload word `word` of `block` as a signed 32-bit integer. */
export function readWord(door: Door, block: number, word: number): number {
  const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return door.words[i] as number;
}

/** Writes payload word `word` of `block`. */
export function writeWord(door: Door, block: number, word: number, value: number): void {
  const i = door.own(block, (block + 1 + (word >> 2)) | 0, 1) + (word & 3);
  door.words[i] = value;
}

/** Reads the double at payload word `word` (even) of `block`. */
export function readDouble(door: Door, block: number, word: number): number {
  const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return door.floats[i >> 1] as number;
}

/** Writes a double at payload word `word` (even) of `block`. */
export function writeDouble(door: Door, block: number, word: number, value: number): void {
  const i = door.own(block, (block + 1 + (word >> 2)) | 0, 1) + (word & 3);
  door.floats[i >> 1] = value;
}

/** Sets `count` payload words to zero. */
export function clearWords(door: Door, block: number, word: number, count: number): void {
  for (let w = word; w < word + count; w++) writeWord(door, block, w, 0);
}
