// How values lie side by side in a chunk block: each in a slot of 1, 2 or 4 words, so that none straddles a granule.

import type { Door } from '@mofo/shm-store';
import type { StoredValue } from './stored-value.ts';

/** Words of one slot for values of this type. */
export function slotWords(value: StoredValue): 1 | 2 | 4 {
  const { words } = value.type;
  return words === 1 ? 1 : words === 2 ? 2 : 4;
}

/** Copies a slot's words. In a transaction. */
export function copySlot(
  door: Door,
  sourceBlock: number,
  sourceWord: number,
  targetBlock: number,
  targetWord: number,
  words: number,
): void {
  const s = door.at((sourceBlock + 1 + (sourceWord >> 2)) | 0) + (sourceWord & 3);
  const source = door.words;
  const a = source[s] as number;
  const b = words > 1 ? (source[s + 1] as number) : 0;
  const c = words > 2 ? (source[s + 2] as number) : 0;
  const d = words > 2 ? (source[s + 3] as number) : 0;
  const t = door.own(targetBlock, (targetBlock + 1 + (targetWord >> 2)) | 0, 1) + (targetWord & 3);
  const target = door.words;
  target[t] = a;
  if (words > 1) target[t + 1] = b;
  if (words > 2) {
    target[t + 2] = c;
    target[t + 3] = d;
  }
}

/** Sets a slot's words to zero. In a transaction. */
export function clearSlot(door: Door, block: number, word: number, words: number): void {
  const t = door.own(block, (block + 1 + (word >> 2)) | 0, 1) + (word & 3);
  for (let k = 0; k < words; k++) door.words[t + k] = 0;
}
