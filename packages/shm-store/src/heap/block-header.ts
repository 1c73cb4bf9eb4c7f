// The header granule in front of every block:
//
//   word 0  layout id (0 in a free block)
//   word 1  birth stamp (0 in a free block), so that a ref to a freed block is always told from a good one (R2)
//   word 2  low 32 bits of the id of the transaction or savepoint that made the block (R12)
//           in a free block: the next free block of its slab, as granule offset + 1
//   word 3  bits 0-15 high bits of that id · 16-23 state · 24-31 check
//
// The check byte depends on layout, stamp and place; it catches scribbles, it proves nothing: where a block may start is proved by its
// slab's descriptor, because bytes in a blob can imitate a header.

import { BLOCK_STATE_FREE, BLOCK_STATE_LIVE } from '../layout.ts';

/** Writes the header of a live block at word index `i`. */
export function writeLiveHeader(
  words: Int32Array,
  i: number,
  block: number,
  layoutId: number,
  stamp: number,
  id: number,
): void {
  const high = Math.floor(id / 4294967296) & 0xffff;
  words[i] = layoutId;
  words[i + 1] = stamp;
  words[i + 2] = id | 0;
  words[i + 3] = high | (BLOCK_STATE_LIVE << 16) | (checkByte(block, layoutId, stamp) << 24);
}

/** Gives the live block whose header is at `i` another layout id; stamp and maker stay. */
export function relabelHeader(words: Int32Array, i: number, block: number, layoutId: number): void {
  words[i] = layoutId;
  words[i + 3] = ((words[i + 3] as number) & 0xffffff) | (checkByte(block, layoutId, words[i + 1] as number) << 24);
}

/** Writes the header of a free block at word index `i`; `next` is the next free block's granule offset + 1, or 0. */
export function writeFreeHeader(words: Int32Array, i: number, block: number, next: number): void {
  words[i] = 0;
  words[i + 1] = 0;
  words[i + 2] = next;
  words[i + 3] = (BLOCK_STATE_FREE << 16) | (checkByte(block, 0, 0) << 24);
}

/** True if the words at `i` are the header of a live block that starts at granule `block`. */
export function isLiveHeader(words: Int32Array, i: number, block: number): boolean {
  const stateAndCheck = (words[i + 3] as number) >>> 16;
  const stamp = words[i + 1] as number;
  return stamp !== 0 && stateAndCheck === (BLOCK_STATE_LIVE | (checkByte(block, words[i] as number, stamp) << 8));
}

/** True if the words at `i` are the header of a free block that starts at granule `block`. */
export function isFreeHeader(words: Int32Array, i: number, block: number): boolean {
  return (words[i + 3] as number) >>> 16 === (BLOCK_STATE_FREE | (checkByte(block, 0, 0) << 8)) && words[i + 1] === 0;
}

function checkByte(block: number, layoutId: number, stamp: number): number {
  const mixed = Math.imul(block ^ Math.imul(stamp, 0x85ebca6b) ^ Math.imul(layoutId, 0xc2b2ae35), 0x9e3779b1);
  return mixed >>> 24;
}
