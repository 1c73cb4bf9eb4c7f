// Atomic transactions over a shared-memory object store: a redo journal with trees, lists, queues and counters.

export {
  boolean,
  bytes,
  destroyStore,
  f32,
  f64,
  findStore,
  i8,
  i16,
  i32,
  i64,
  isDangling,
  isProcessAlive,
  json,
  listStores,
  oneOf,
  openPrivateStore,
  optional,
  processStartTime,
  record,
  ref,
  ShmStoreError,
  struct,
  text,
  timestamp,
  toPlain,
  u8,
  u16,
  u32,
  u64,
  withDefault,
} from '@mofo/shm-store';
export { journalKinds } from './collections/collection-kinds.ts';
export { Counter, counter } from './collections/counter.ts';
export { List, list } from './collections/list.ts';
export { Queue, queue } from './collections/queue.ts';
export { JournalError, type JournalErrorCode } from './errors.ts';
export type { LayoutComparison } from './migrate/compare-layouts.ts';
export type { Migration, MigrationReport, Migrations } from './migrate/migrate.ts';
export { RedoDoor } from './redo/redo-door.ts';
export { listRoots, type RootEntry } from './roots.ts';
export {
  type OpenStoreOptions,
  openStore,
  type RootDeclaration,
  type RootHandles,
  STORE_SIZE_DEFAULT_BYTES,
  Store,
  type StoreStatus,
  type TransactionOptions,
  type Watch,
} from './store.ts';
export { type TransactionLock, Transactions } from './transaction.ts';
export { Tree } from './tree/tree.ts';
export { tree } from './tree/tree-type.ts';
export { tuple } from './tree/tuple.ts';
export { type OpenViewOptions, openView, View } from './view/open-view.ts';
export { heapFirstGranule, usedTableBytes, ViewDoor } from './view/view-door.ts';
