// Single words of a block's payload, each in the chunk of its granule.

import type { Memory } from '@mofo/shm-store';

/** Reads payload word `word` of `block`. */
export function readWord(memory: Memory, block: number, word: number): number {
  const i = memory.door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return memory.door.words[i] as number;
}

/** Writes payload word `word` of `block`. In a transaction. */
export function writeWord(memory: Memory, block: number, word: number, value: number): void {
  const i = memory.door.own(block, (block + 1 + (word >> 2)) | 0, 1) + (word & 3);
  memory.door.words[i] = value;
}
