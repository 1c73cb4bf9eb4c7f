// A store in private memory of this thread.

import { openPrivateStore, Store } from '@mofo/journal';

export function privateStore(sizeBytes: number = 4 * 2 ** 20): Store {
  return new Store('tasks', openPrivateStore({ sizeBytes })) as Store;
}
