// One open store as the structures of one thread see it.

import type { Door } from './door.ts';
import type { Heap } from './heap/heap.ts';
import type { Catalog } from './types/catalog.ts';

/** What a field type or collection needs to read and write its blocks. */
export interface Memory {
  readonly door: Door;
  readonly heap: Heap;
  readonly catalog: Catalog;
  /**
   * Runs `body` in a transaction: joins the open one, or makes one of its own. For single calls on collections (R13), which are
   * transactions of their own.
   */
  run<T>(body: () => T): T;
}
