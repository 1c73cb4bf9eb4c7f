// Collections may own collections; freeing one frees what it owns. Damaged bytes could make one own itself, so the nesting is bounded.

import { ShmStoreError } from '@mofo/shm-store';

/** Deepest nesting of collections inside collections that can be freed or visited; raising it costs stack. */
export const COLLECTION_DEPTH_MAX = 100;

let depth = 0;

/** Goes one collection deeper. Throws CORRUPT beyond COLLECTION_DEPTH_MAX; then `leaveRelease` is not due. */
export function enterRelease(): void {
  if (depth >= COLLECTION_DEPTH_MAX) {
    throw new ShmStoreError(
      'CORRUPT',
      `Collections are nested more than ${COLLECTION_DEPTH_MAX} deep, or one owns itself. Run a check of the store.`,
    );
  }
  depth++;
}

/** Comes back from there. */
export function leaveRelease(): void {
  depth--;
}
