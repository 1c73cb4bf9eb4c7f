// Extension blocks: where fields live that were added to a type after its layout was fixed (R16).
//
//   record      payload word 0 ──▶ extension block            word 0  layout id of the added fields
//                                                             word 1  next extension block ──▶ … (0 none)
//                                                             then    the fields
//
// Older code ignores and keeps them; newer code reads defaults while there is no block and makes one at the first write. The chain is
// bounded, so a cycle in damaged bytes ends as CORRUPT.

import { ShmStoreError } from '../errors.ts';
import { LAYOUT_EXTENSION } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { readWord, writeWord } from '../types/words.ts';
import type { ExtensionLayout } from './record-shape.ts';

/** First payload word of an extension block that holds fields. */
export const EXTENSION_FIRST_WORD: number = 2;
/** Most extension blocks of one record: how often a type can be added to before a migration must fold the fields in. */
export const EXTENSION_COUNT_MAX: number = 64;

/** Calls `visit` for each extension block of a record until it returns true. Throws CORRUPT. */
export function walkExtensions(
  memory: Memory,
  record: number,
  visit: (block: number, layoutId: number) => boolean,
): void {
  let block = readWord(memory.door, record, 0);
  for (let count = 0; block !== 0; count++) {
    if (count === EXTENSION_COUNT_MAX) {
      throw new ShmStoreError(
        'CORRUPT',
        `The record at granule ${record >>> 0} has an endless chain of extensions. Run a check of the store.`,
      );
    }
    memory.heap.check(block, LAYOUT_EXTENSION);
    const next = readWord(memory.door, block, 1);
    if (visit(block, readWord(memory.door, block, 0))) return;
    block = next;
  }
}

/** The record's extension block of this layout, or 0. Throws CORRUPT. */
export function findExtension(memory: Memory, record: number, extension: ExtensionLayout): number {
  let found = 0;
  walkExtensions(memory, record, (block, layoutId) => {
    if (layoutId !== extension.layoutId) return false;
    if (memory.heap.capacityBytes(block) < extension.words * 4) {
      throw new ShmStoreError(
        'CORRUPT',
        `The extension at granule ${block >>> 0} is too small for its layout. Run a check of the store.`,
      );
    }
    found = block;
    return true;
  });
  return found;
}

/** The record's extension block of this layout, made with defaults if there is none. In a transaction. */
export function ensureExtension(memory: Memory, record: number, extension: ExtensionLayout): number {
  const found = findExtension(memory, record, extension);
  if (found !== 0) return found;
  const block = memory.heap.allocate(LAYOUT_EXTENSION, extension.words * 4);
  writeWord(memory.door, block, 0, extension.layoutId);
  writeWord(memory.door, block, 1, readWord(memory.door, record, 0));
  extension.initialize(memory, block);
  writeWord(memory.door, record, 0, block);
  return block;
}
