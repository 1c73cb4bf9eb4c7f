// The store of an app: attached as it is when the config says nothing of its size, or made.

import { openStore, type Store } from '@mofo/journal';
import { ShmStoreError } from '@mofo/shm-store';
import type { Config } from '../config/config.ts';
import { configDefaults } from '../config/defaults.ts';

/**
 * Opens the store of an app, making it if there is none.
 *
 * @throws ShmStoreError SIZE_MISMATCH when the config gives a size and the store has another; others of opening.
 */
export function openAppStore({ store: { name, sizeBytes } }: Pick<Config, 'store'>): Store {
  if (sizeBytes !== null) return openStore({ name, sizeBytes });
  try {
    return openStore({ name, create: false });
  } catch (error) {
    if (!(error instanceof ShmStoreError) || error.code !== 'NOT_FOUND') throw error;
    return openStore({ name, sizeBytes: configDefaults.storeSizeBytes });
  }
}
