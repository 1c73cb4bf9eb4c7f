// After a reboot there are no segments: the newest good snapshot becomes the store.

import { destroyStore, findStore } from '@mofo/journal';
import { type RestoredStore, restoreStore, SnapshotError } from '@mofo/snapshot';
import type { Config } from '../config/config.ts';

/** Restores the store if there is none; undefined when there is one, or nothing to restore. */
export async function restoreIfAbsent(config: Config): Promise<RestoredStore | undefined> {
  const { name } = config.store;
  const known = findStore(name);
  if (known?.state === 'ready') return undefined;
  if (known?.state === 'retired') destroyStore(name);
  try {
    return await restoreStore({ directory: config.snapshot.directory, name });
  } catch (error) {
    // The first start ever: there is nothing to restore.
    if (error instanceof SnapshotError && (error.code === 'NO_SNAPSHOT' || error.code === 'DIRECTORY_MISSING'))
      return undefined;
    throw error;
  }
}
