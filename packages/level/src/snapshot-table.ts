// Snapshots of the database, for any number of processes at once, without copying it.
//
//   snapshot 3          snapshot 7          now
//   before: a = 1       before: a = 2       entries: a = 4, b = 5
//           c absent            b = 9
//
// An open snapshot is a record in the store. Who changes a key, in whatever process, first keeps what it had in `before` of the *youngest* open
// snapshot, once, in the same transaction. So at snapshot s a key has what the first snapshot from s on keeps for it, or else what it
// has now: at 3, a = 1, b = 9 and c is absent; at 7, a = 2.
//
// When a snapshot closes, what it keeps passes to the next older one, where that has nothing for the key, or goes if there is none. So exactly what an open
// snapshot can ask for is kept. Every step is one transaction: a crash leaves the old or the new state.
//
// Processes die with snapshots open. A record names its thread; whoever meets it now and then looks whether that thread is still attached to the store, and closes
// the snapshot if not. Nothing is ever taken from a living thread: one that is stopped keeps its snapshots, and what they need grows.

import { findStore, ShmStoreError, type Store } from '@mofo/journal';
import { REAP_AFTER_KEPT, REAP_INTERVAL_MS, SNAPSHOT_COUNT_MAX } from './constants.ts';
import { isFull, MofoLevelError } from './level-error.ts';
import type { KeptTree, LevelRoots, SnapshotOwner } from './open-level-store.ts';
import { takeKeys } from './take-keys.ts';

/** A snapshot that this thread has open; shared by all that asked for one between two commits. */
export interface OpenSnapshot {
  readonly id: number;
  /** Commits of the store when it was open: while there are no more, it is the present. */
  readonly commitCount: number;
  /** How many use it. */
  users: number;
}

/** The snapshots of one database, as one thread uses them. */
export class SnapshotTable {
  private readonly store: Store;
  private readonly roots: LevelRoots;
  private owner: SnapshotOwner | undefined;
  private last: OpenSnapshot | undefined;
  private keptCount = 0;
  private reapedAtMs = Number.NEGATIVE_INFINITY;

  constructor(store: Store, roots: LevelRoots) {
    this.store = store;
    this.roots = roots;
  }

  /** Number of open snapshots in all processes. */
  get size(): number {
    return this.roots.snapshots.size;
  }

  /** Opens a snapshot of the present. A transaction, unless this thread has one of this very moment. Throws LEVEL_TOO_MANY_SNAPSHOTS. */
  open(): OpenSnapshot {
    const { store, roots, last } = this;
    if (last !== undefined && last.users > 0 && last.commitCount === store.status.commitCount) {
      last.users++;
      return last;
    }
    if (roots.snapshots.size > 0) this.reap();
    this.owner ??= this.findOwner();
    const owner = this.owner;
    this.last = store.transaction(() => {
      if (roots.snapshots.size >= SNAPSHOT_COUNT_MAX) throw tooMany(store.name);
      const id = roots.snapshotId.add();
      roots.snapshots.set(id, owner);
      return { id, commitCount: store.status.commitCount + 1, users: 1 };
    });
    return this.last;
  }

  /**
   * Ends one use; the last one closes the snapshot. Never fails for want of memory, which passing on what the snapshot keeps may need: then the record
   * is left without an owner, and closed like that of a dead process when there is room.
   */
  release(snapshot: OpenSnapshot): void {
    if (--snapshot.users > 0) return;
    const { id } = snapshot;
    try {
      this.store.transaction(() => this.closeRecord(id));
    } catch (error) {
      // The snapshot went with the store.
      if (isRetired(error)) return;
      if (!isFull(error)) throw error;
      this.store.transaction(() => {
        const record = this.roots.snapshots.get(id);
        if (record !== undefined) record.tid = NOBODY;
      });
    }
  }

  /** Where writers keep what they overwrite; `undefined` if there is no snapshot. In a transaction, and good until its end. */
  youngest(): KeptTree | undefined {
    const { snapshots } = this.roots;
    return snapshots.size === 0 ? undefined : snapshots.last()?.[1].before;
  }

  /** Keeps what the key has now, unless that was done since the youngest snapshot began. In a transaction. */
  keep(youngest: KeptTree, key: Uint8Array): void {
    if (youngest.has(key)) return;
    youngest.set(key, this.roots.entries.get(key));
    this.keptCount++;
  }

  /** To be called before writing: if much has been kept, looks whether it is for somebody. */
  beforeWrite(): void {
    if (this.keptCount >= REAP_AFTER_KEPT) {
      this.keptCount = 0;
      this.reap();
    }
  }

  /** What the snapshots from `id` on keep, the oldest first; those that keep nothing are left out. In a read section. Throws LEVEL_SNAPSHOT_NOT_OPEN. */
  keptSince(id: number): KeptTree[] {
    const { snapshots } = this.roots;
    if (!snapshots.has(id)) throw notOpen(this.store.name);
    const kept: KeptTree[] = [];
    for (const [, { before }] of snapshots.range({ gte: id })) if (before.size > 0) kept.push(before);
    return kept;
  }

  /**
   * Closes snapshots whose threads are gone, each in a transaction of its own, and says how many; looks at most every REAP_INTERVAL_MS, unless told to
   * `now`. One that there is no memory to close stays for the next look.
   */
  reap(now = false): number {
    const { store, roots } = this;
    const nowMs = performance.now();
    if (!now && nowMs - this.reapedAtMs < REAP_INTERVAL_MS) return 0;
    this.reapedAtMs = nowMs;
    // Owners attach before they open snapshots and detach after they closed them: who was an owner before the look and is not seen by it is gone.
    const owned = store.read(() =>
      [...roots.snapshots].map(([id, { slot, tid, startTime }]) => ({ id, slot, tid, startTime })),
    );
    if (owned.length === 0) return 0;
    const attached = attachedTo(store.name);
    if (attached === undefined) return 0;
    let count = 0;
    for (const owner of owned) {
      if (attached.some((thread) => isSame(thread, owner))) continue;
      try {
        store.transaction(() => this.closeRecord(owner.id));
        count++;
      } catch (error) {
        if (!isFull(error)) throw error;
      }
    }
    return count;
  }

  private closeRecord(id: number): void {
    const { snapshots } = this.roots;
    const record = snapshots.get(id);
    if (record === undefined) return;
    const older = snapshots.range({ lt: id, reverse: true, limit: 1 }).next().value?.[1].before;
    if (older !== undefined) {
      const { before } = record;
      let keys = takeKeys(before, {});
      while (keys.length > 0) {
        for (const key of keys) if (!older.has(key)) older.set(key, before.get(key));
        keys = takeKeys(before, { gt: keys.at(-1) as Uint8Array });
      }
    }
    snapshots.delete(id);
  }

  private findOwner(): SnapshotOwner {
    const { slot } = this.store.status;
    const thread = attachedTo(this.store.name)?.find((attached) => attached.slot === slot);
    if (thread === undefined) {
      throw new MofoLevelError(
        'LEVEL_DATABASE_NOT_OPEN',
        `The database "${this.store.name}" was destroyed. This handle sees the old data only. Close it and open the database again.`,
      );
    }
    return { slot, tid: thread.tid, startTime: thread.startTime };
  }
}

/** Living threads that are attached to a store; `undefined` if there is no such store, or another one of that name is being made. */
function attachedTo(name: string): readonly SnapshotOwner[] | undefined {
  const info = findStore(name);
  return info?.state === 'ready' ? info.attached.filter(({ alive }) => alive) : undefined;
}

/** Tells a snapshot that its owner could not close; no thread has this id. */
const NOBODY = 0;

function isRetired(error: unknown): boolean {
  return error instanceof ShmStoreError && error.code === 'RETIRED';
}

function isSame(a: SnapshotOwner, b: SnapshotOwner): boolean {
  return a.slot === b.slot && a.tid === b.tid && a.startTime === b.startTime;
}

function tooMany(name: string): MofoLevelError {
  return new MofoLevelError(
    'LEVEL_TOO_MANY_SNAPSHOTS',
    `The database "${name}" has ${SNAPSHOT_COUNT_MAX} open snapshots. Nothing was changed. Close iterators and snapshots that are done with.`,
  );
}

function notOpen(name: string): MofoLevelError {
  return new MofoLevelError(
    'LEVEL_SNAPSHOT_NOT_OPEN',
    `The snapshot of the database "${name}" is closed. Nothing was read. Open another one.`,
  );
}
