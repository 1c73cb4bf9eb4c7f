// The database as bytes, without the shape that abstract-level gives it: entries, snapshots, and everything that changes them, each call one
// transaction or one read section. Errors leave it as those of the Level ecosystem.

import type { Store } from '@mofo/journal';
import { CLEAR_KEYS_MAX } from './constants.ts';
import { type KeyRange, restOf } from './key-range.ts';
import { isFull, toLevelError } from './level-error.ts';
import { type LevelRoots, type OpenLevelStoreOptions, openLevelStore } from './open-level-store.ts';
import { PresentScan, type Scan, SnapshotScan } from './scan.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { type OpenSnapshot, SnapshotTable } from './snapshot-table.ts';
import { takeKeys } from './take-keys.ts';

/** One change of a batch; without a value the key is deleted. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** One database in one thread. */
export class LevelStore {
  private readonly store: Store;
  private readonly roots: LevelRoots;
  private readonly snapshots: SnapshotTable;
  private readonly reader: SnapshotReader;

  constructor(options: OpenLevelStoreOptions) {
    const { store, roots } = guard(() => openLevelStore(options));
    this.store = store;
    this.roots = roots;
    this.snapshots = new SnapshotTable(store, roots);
    this.reader = new SnapshotReader(store, roots.entries, this.snapshots);
    try {
      this.snapshots.reap(true);
    } catch (error) {
      store.close();
      throw toLevelError(error);
    }
  }

  /** Detaches; open snapshots of this handle must be closed before. Idempotent. */
  close(): void {
    guard(() => this.store.close());
  }

  /** The key's value now, or at a snapshot. */
  get(key: Uint8Array, snapshot: OpenSnapshot | undefined): Uint8Array | undefined {
    try {
      return snapshot === undefined ? this.roots.entries.get(key) : this.reader.get(snapshot.id, key);
    } catch (error) {
      throw toLevelError(error);
    }
  }

  /** The values of several keys, all of one moment. */
  getMany(keys: readonly Uint8Array[], snapshot: OpenSnapshot | undefined): (Uint8Array | undefined)[] {
    return guard(() => this.store.read(() => keys.map((key) => this.get(key, snapshot))));
  }

  /** Which of the keys are there, all at one moment. */
  hasMany(keys: readonly Uint8Array[], snapshot: OpenSnapshot | undefined): boolean[] {
    const { entries } = this.roots;
    return guard(() =>
      this.store.read(() =>
        keys.map((key) => (snapshot === undefined ? entries.has(key) : this.reader.has(snapshot.id, key))),
      ),
    );
  }

  /** Makes all changes, in order, or none. */
  write(changes: readonly Change[]): void {
    const { entries } = this.roots;
    this.change(() => {
      const youngest = this.snapshots.youngest();
      for (const { key, value } of changes) {
        if (youngest !== undefined) this.snapshots.keep(youngest, key);
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    });
  }

  /** Deletes the first entries of a range, at most `limit`; of those a snapshot has, if one is given. All of them or none. */
  clear(range: KeyRange, limit: number, snapshot: OpenSnapshot | undefined): void {
    const { entries } = this.roots;
    const isEverything =
      Object.keys(range).length === 1 && limit === Number.POSITIVE_INFINITY && snapshot === undefined;
    this.change(() => {
      const youngest = this.snapshots.youngest();
      if (isEverything && youngest === undefined) {
        entries.clear();
        return;
      }
      let rest = range;
      let left = limit;
      while (left > 0) {
        const keys = this.takeKeys(rest, left, snapshot);
        const last = keys.at(-1);
        if (last === undefined) return;
        for (const key of keys) {
          if (youngest !== undefined) this.snapshots.keep(youngest, key);
          entries.delete(key);
        }
        left -= keys.length;
        rest = restOf(range, last, false);
      }
    });
  }

  /** A walk over a range, now or at a snapshot. */
  scan(range: KeyRange, withValues: boolean, snapshot: OpenSnapshot | undefined): Scan {
    return guard(() => {
      if (snapshot === undefined) return new PresentScan(this.roots.entries, range, withValues);
      return new SnapshotScan(this.reader, snapshot.id, range, withValues);
    });
  }

  /** Opens a snapshot of the present. */
  openSnapshot(): OpenSnapshot {
    return guard(() => this.snapshots.open());
  }

  /** Ends one use of a snapshot. */
  releaseSnapshot(snapshot: OpenSnapshot): void {
    guard(() => this.snapshots.release(snapshot));
  }

  private takeKeys(range: KeyRange, limit: number, snapshot: OpenSnapshot | undefined): Uint8Array[] {
    if (snapshot === undefined) return takeKeys(this.roots.entries, range, limit);
    return this.reader.scan(snapshot.id, range, Math.min(limit, CLEAR_KEYS_MAX), false).map(([key]) => key);
  }

  /** Runs a transaction; again, if memory is wanting and what a dead process had kept could be freed. */
  private change(body: () => void): void {
    try {
      this.snapshots.beforeWrite();
      try {
        this.store.transaction(body);
      } catch (error) {
        if (!isFull(error) || this.snapshots.size === 0 || this.snapshots.reap(true) === 0) throw error;
        this.store.transaction(body);
      }
    } catch (error) {
      throw toLevelError(error);
    }
  }
}

/** Runs `body`; errors of the store leave it as errors of Level. */
export function guard<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw toLevelError(error);
  }
}
