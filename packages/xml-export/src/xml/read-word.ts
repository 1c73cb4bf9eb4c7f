// Single payload words of blocks that have been proved.

import type { Memory } from '@mofo/shm-store';

/** Payload word `word` of `block`. */
export function wordAt({ door }: Memory, block: number, word: number): number {
  const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return door.words[i] as number;
}
