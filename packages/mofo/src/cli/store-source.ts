// What `export` and `check` read: the store in memory, or an image file.

import { openStore } from '@mofo/journal';
import { openImage } from '@mofo/snapshot';
import type { StoreSource } from '@mofo/xml-export';
import type { Config } from '../config/index.ts';

/** Opens the source, gives it to `use`, and closes it whatever happens. */
export async function withSource<T>(
  config: Config,
  image: string | undefined,
  use: (source: StoreSource) => Promise<T>,
): Promise<T> {
  if (image !== undefined) {
    return use((await openImage(image)).view);
  }
  const store = openStore({ name: config.store.name, create: false });
  try {
    return await use(store);
  } finally {
    store.close();
  }
}
