// Iterating over a tree that may change meanwhile.
//
// Entries are read ahead in batches, each of one moment (a read section), and handed out one by one; the next batch goes on where the cursor stands,
// if it is still the same moment and the same walk, and otherwise seeks the last key handed out. So other processes may change the tree freely: each entry is one that was there when its batch was read, in strict key order.
// Changes by this thread, also by rolling back, are seen at once: then what was read ahead is dropped.

import type { ShmStoreError } from '@mofo/shm-store';
import { cursor } from './cursor.ts';
import { KeyBuffer } from './key-buffer.ts';
import type { Bounds } from './range.ts';
import { probe, type TreeCore, treeChanges } from './tree-core.ts';

/** Most entries of one batch: longer batches cost less per entry but are read again when a commit comes in between. */
export const BATCH_ENTRIES_MAX = 64;

const BATCH_ENTRIES_FIRST = 8;
const current = new KeyBuffer();

/** What an iterator hands out. */
export type IteratorMode = 'entries' | 'keys' | 'values';

/** An iterator over a range of a tree; see the head of this file for what it sees of changes. Holds no lock and needs no closing. */
export class TreeIterator<K, T> implements IterableIterator<T> {
  private readonly core: TreeCore;
  private readonly mode: IteratorMode;
  private readonly bounds: Bounds;
  private readonly last = new KeyBuffer(8);
  private readonly seen = new KeyBuffer(8);
  // What was read ahead: the first `count` of each. The arrays stay as long as they have become: setting a length is a slow call.
  private readonly keys: unknown[] = [];
  private readonly values: unknown[] = [];
  private count = 0;
  private index = 0;
  private size = BATCH_ENTRIES_FIRST;
  private remaining: number;
  private from: 'bound' | 'last' | 'last-inclusive' = 'bound';
  private isLastBatch = false;
  private hasLastKey = false;
  private lastKey: unknown;
  // The moment of the last batch, and the walk that read it.
  private changes = -1;
  private level = -1;
  private sequence = -1;
  private walk = -1;

  constructor(core: TreeCore, mode: IteratorMode, bounds: Bounds) {
    this.core = core;
    this.mode = mode;
    this.bounds = bounds;
    this.remaining = bounds.limit;
  }

  /** The next entry, key or value. Throws CORRUPT, DANGLING_REF (the tree was deleted). */
  next(): IteratorResult<T, undefined> {
    if (this.remaining <= 0) return DONE;
    if (this.index < this.count && this.isStale()) this.dropBatch();
    if (this.index >= this.count) {
      if (this.isLastBatch && !this.isStale()) return this.end();
      this.fill();
      if (this.count === 0) return this.end();
    }
    this.remaining--;
    const index = this.index++;
    const key = this.keys[index];
    this.lastKey = key;
    this.hasLastKey = true;
    if (this.core.codec.isMutable) this.rememberLast();
    const value = this.values[index];
    return { done: false, value: (this.mode === 'entries' ? [key, value] : this.mode === 'keys' ? key : value) as T };
  }

  /**
   * Goes on at `key`: the next entry is the first at or after it (at or before it, if the iteration is reversed) inside the range.
   * Throws KEY_INVALID, KEY_TOO_LONG.
   */
  seek(key: K): void {
    this.core.codec.encode(key, probe);
    this.last.copyFrom(probe);
    this.from = 'last-inclusive';
    const { reverse, lower, upper } = this.bounds;
    const start = reverse ? upper : lower;
    if (start !== undefined) {
      const order = this.last.compare(start.key);
      if (reverse ? order > 0 : order < 0) this.from = 'bound';
      else if (order === 0 && !start.inclusive) this.from = 'last';
    }
    this.hasLastKey = false;
    this.isLastBatch = false;
    this.walk = -1;
    this.count = 0;
    this.index = 0;
    this.size = BATCH_ENTRIES_FIRST;
  }

  /** Ends the iteration. */
  return(): IteratorResult<T, undefined> {
    this.remaining = 0;
    this.dropBatch();
    return DONE;
  }

  /** The number of entries that are left. Walks over them without decoding. */
  countRest(): number {
    let count = 0;
    while (this.remaining > 0) {
      this.size = Math.min(BATCH_ENTRIES_MAX, this.remaining);
      const counted = this.section(false);
      this.from = 'last';
      this.last.copyFrom(this.seen);
      count += counted;
      this.remaining -= counted;
      if (this.isLastBatch) break;
    }
    return count;
  }

  [Symbol.iterator](): this {
    return this;
  }

  private isStale(): boolean {
    return this.changes !== treeChanges.count || this.level !== levelOf(this.core);
  }

  /** The end, as far as can be seen: the program's objects are not held any longer. */
  private end(): IteratorResult<T, undefined> {
    this.keys.length = 0;
    this.values.length = 0;
    this.count = 0;
    this.index = 0;
    return DONE;
  }

  private dropBatch(): void {
    this.count = 0;
    this.index = 0;
    this.isLastBatch = false;
  }

  private rememberLast(): void {
    this.core.codec.encode(this.lastKey, probe);
    this.last.copyFrom(probe);
    this.from = 'last';
    this.hasLastKey = false;
  }

  private fill(): void {
    if (this.hasLastKey) this.rememberLast();
    this.section(true);
    this.index = 0;
    this.size = BATCH_ENTRIES_MAX;
  }

  /** Reads one batch of one moment and returns its length. */
  private section(decode: boolean): number {
    const { door } = this.core;
    for (;;) {
      const sequence = door.beginRead();
      let count: number;
      try {
        count = this.readBatch(decode, sequence);
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (!door.endRead(sequence)) continue;
      this.changes = treeChanges.count;
      this.level = levelOf(this.core);
      this.sequence = sequence;
      this.walk = cursor.walk;
      return count;
    }
  }

  /** True if the cursor stands behind the last entry of the last batch, and nothing has changed since. */
  private goesOn(sequence: number): boolean {
    return cursor.walk === this.walk && sequence === this.sequence && this.from === 'last' && !this.isStale();
  }

  private placeCursor(): void {
    const { core, bounds } = this;
    const { reverse } = bounds;
    const start = reverse ? bounds.upper : bounds.lower;
    if (this.from !== 'bound') cursor.seek(core, !reverse, this.last, this.from === 'last-inclusive');
    else if (start !== undefined) cursor.seek(core, !reverse, start.key, start.inclusive);
    else cursor.start(core, !reverse);
  }

  private readBatch(decode: boolean, sequence: number): number {
    const { core, seen, bounds } = this;
    const { reverse } = bounds;
    const end = reverse ? bounds.lower : bounds.upper;
    const size = Math.min(this.size, this.remaining);
    this.count = 0;
    this.isLastBatch = false;
    if (!this.goesOn(sequence)) this.placeCursor();
    this.walk = -1;
    let count = 0;
    while (count < size) {
      if (!cursor.next()) {
        this.isLastBatch = true;
        break;
      }
      cursor.loadKey(current);
      if (end !== undefined) {
        const order = current.compare(end.key);
        if ((reverse ? order < 0 : order > 0) || (order === 0 && !end.inclusive)) {
          this.isLastBatch = true;
          break;
        }
      }
      if (count > 0 || this.from === 'last') {
        const order = current.compare(count > 0 ? seen : this.last);
        if (reverse ? order >= 0 : order <= 0) throw outOfOrder(core);
      }
      seen.copyFrom(current);
      if (decode) {
        this.keys[count] = core.codec.decode(current);
        if (this.mode !== 'keys') this.values[count] = core.readSlot(cursor.bucket, cursor.slot);
      }
      count++;
    }
    if (decode) this.count = count;
    return count;
  }
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

function levelOf(core: TreeCore): number {
  return core.door.inTransaction ? core.door.levelId : 0;
}

function outOfOrder(core: TreeCore): ShmStoreError {
  return core.corrupt('its keys are out of order');
}
