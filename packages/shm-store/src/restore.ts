// Segments from an image file. What such a file is like, and which one to take, is the business of @mofo/snapshot.
import { loadNative } from './native.ts';
import type { RestoreSegmentsOptions } from './native-image.ts';

/**
 * Makes the three segments of a store from the bytes of main in an open file, and resolves with the new timeline. Everything is loaded into
 * files without names and verified there first, so until then nothing of an existing store is touched and a killed process leaves
 * nothing behind. Then an existing store is retired, with `force` only: who is attached gets RETIRED at the next transaction. Main gets
 * memory, backup as much again; while it loads, an old store and the new one both take theirs.
 *
 * Runs on another thread and holds the create lock meanwhile: openers wait for it, up to 10 s.
 *
 * @throws ShmStoreError (as a rejection) STORE_EXISTS, STORE_INCOMPLETE (both unless forced), IMAGE_CORRUPT, IMAGE_READ_FAILED, INVALID_NAME, OUT_OF_MEMORY,
 *   SHM_FULL, SHM_READ_ONLY, SHM_UNAVAILABLE, NOT_OWNER, UNSAFE_MODE, CREATE_LOCK_TIMEOUT, MAP_FAILED.
 */
export async function restoreSegments(options: RestoreSegmentsOptions): Promise<number> {
  return loadNative().restoreSegments(options);
}
