// What this package keeps in a store: three roots.
//
//   level.entries      key → value                                         the database
//   level.snapshots    id → { owner, before: key → value or absent }       open snapshots, see snapshot-table.ts
//   level.snapshotId   the last id that was given                          ids are never used twice

import {
  bytes,
  type Counter,
  counter,
  f64,
  listRoots,
  openStore,
  optional,
  ShmStoreError,
  type Store,
  struct,
  type Tree,
  tree,
  u32,
} from '@mofo/journal';
import { MofoLevelError } from './level-error.ts';

/** The entries, in the order of their keys' bytes. */
export type EntryTree = Tree<Uint8Array, Uint8Array>;

/** What keys had before they were changed; `undefined`: they were absent. */
export type KeptTree = Tree<Uint8Array, Uint8Array | undefined>;

/** Which thread a snapshot belongs to. */
export interface SnapshotOwner {
  /** The owner's slot in the store. */
  readonly slot: number;
  /** Its thread. */
  readonly tid: number;
  /** When that thread began, in clock ticks since boot: tells it from a later one with the same id. */
  readonly startTime: number;
}

/** An open snapshot as it is stored. */
export interface SnapshotRecord extends SnapshotOwner {
  tid: number;
  readonly before: KeptTree;
}

/** The roots, by their short names. */
export interface LevelRoots {
  readonly entries: EntryTree;
  readonly snapshots: Tree<number, SnapshotRecord, SnapshotOwner>;
  readonly snapshotId: Counter;
}

/** How to open the store of a database. */
export interface OpenLevelStoreOptions {
  readonly location: string;
  readonly sizeBytes: number | undefined;
  readonly createIfMissing: boolean;
  readonly errorIfExists: boolean;
}

const ENTRIES = 'level.entries';

const Snapshot = struct('LevelSnapshot', {
  slot: u32(),
  tid: u32(),
  startTime: f64(),
  before: tree(bytes(), optional(bytes())),
});

const ROOTS = {
  [ENTRIES]: tree(bytes(), bytes()),
  'level.snapshots': tree(f64(), Snapshot),
  'level.snapshotId': counter(),
} as const;

/**
 * Opens the store and makes the roots that are missing. Whether the database exists is asked in the transaction that makes it, so of several
 * processes that open with `errorIfExists` exactly one succeeds.
 */
export function openLevelStore(options: OpenLevelStoreOptions): { store: Store; roots: LevelRoots } {
  const store = attach(options);
  try {
    return { store, roots: openRoots(store, options) };
  } catch (error) {
    store.close();
    throw error;
  }
}

function attach({ location, sizeBytes, createIfMissing }: OpenLevelStoreOptions): Store {
  try {
    const size = sizeBytes === undefined ? {} : { sizeBytes };
    return openStore({ name: location, create: createIfMissing, ...size }) as Store;
  } catch (error) {
    if (error instanceof ShmStoreError && error.code === 'NOT_FOUND') throw missing(location, error);
    throw error;
  }
}

function openRoots(store: Store, { location, createIfMissing, errorIfExists }: OpenLevelStoreOptions): LevelRoots {
  const open = (): LevelRoots => {
    const roots = store.addRoots(ROOTS);
    return {
      entries: roots[ENTRIES],
      snapshots: roots['level.snapshots'] as unknown as LevelRoots['snapshots'],
      snapshotId: roots['level.snapshotId'],
    };
  };
  if (createIfMissing && !errorIfExists) return open();
  return store.transaction(() => {
    const exists = listRoots(store.memory).some(({ name }) => name === ENTRIES);
    if (exists && errorIfExists) {
      throw new MofoLevelError(
        'LEVEL_DATABASE_EXISTS',
        `The database "${location}" exists already (errorIfExists is true). It was not touched. Open it without errorIfExists, or destroy it first.`,
      );
    }
    if (!exists && !createIfMissing) throw missing(location);
    return open();
  });
}

function missing(location: string, cause?: unknown): MofoLevelError {
  return new MofoLevelError(
    'LEVEL_DATABASE_MISSING',
    `The database "${location}" does not exist (createIfMissing is false). Nothing was made. Open it with createIfMissing.`,
    cause === undefined ? {} : { cause },
  );
}
