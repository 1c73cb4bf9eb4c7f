// The error for bytes that no writer leaves.

import { ShmStoreError } from '../errors.ts';

/** CORRUPT: `what` says what was found at payload word `word` of `block`. */
export function corruptValue(block: number, word: number, what: string): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The block at granule ${block >>> 0} holds ${what} at payload word ${word}. Nothing was changed. Run a check of the store.`,
    { data: { block: block >>> 0, word } },
  );
}
