// Iterating over a tree that may change meanwhile.
//
// Entries are read ahead in batches, each of one moment (a read section), and handed out one by one; the next batch goes on where the cursor stands,
// if it is still the same moment and the same walk, and otherwise seeks the last key handed out. So other processes may change the tree freely: each entry is one that was there when its batch was read, in strict key order.
// Changes by this thread, also by rolling back, are seen at once: then what was read ahead is dropped.

import { cursor } from './cursor.ts';
import { BATCH_ENTRIES_MAX, EntryBatch, type EntryParts } from './entry-batch.ts';
import { KeyBuffer } from './key-buffer.ts';
import { probe, treeChanges } from './probe.ts';
import type { Bound, Bounds } from './range.ts';
import type { TreeCore } from './tree-core.ts';

const BATCH_ENTRIES_FIRST = 8;
const current = new KeyBuffer();

/** What an iterator hands out. */
export type IteratorMode = Exclude<EntryParts, 'none'>;

/** An iterator over a range of a tree; see the head of this file for what it sees of changes. Holds no lock and needs no closing. */
export class TreeIterator<K, T> implements IterableIterator<T> {
  private readonly core: TreeCore;
  private readonly mode: IteratorMode;
  private readonly bounds: Bounds;
  /** What was read ahead; the entries before `index` have been handed out. */
  private readonly batch = new EntryBatch();
  private index = 0;
  private readonly last = new KeyBuffer(8);
  private readonly seen = new KeyBuffer(8);
  private size = BATCH_ENTRIES_FIRST;
  /** How many entries may be handed out, those of this batch included. */
  private remaining: number;
  private from: 'bound' | 'last' | 'last-inclusive' = 'bound';
  private isLastBatch = false;
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
    const { batch, mode } = this;
    // Short, so that a loop over the iterator has it compiled in and allocates no result.
    if ((this.index >= batch.count || this.isStale()) && !this.readOn()) return DONE;
    const index = this.index++;
    const value = mode === 'keys' ? undefined : batch.values[index];
    const key = mode === 'values' ? undefined : batch.keys[index];
    return { done: false, value: (mode === 'entries' ? [key, value] : mode === 'keys' ? key : value) as T };
  }

  /** Calls `body` with each entry that is left. Cheaper than `next`, which makes a result and a pair for each. For mode `entries`. */
  forEach(body: (value: unknown, key: unknown) => void): void {
    const { batch } = this;
    const { keys, values } = batch;
    while ((this.index < batch.count && !this.isStale()) || this.readOn()) {
      const index = this.index++;
      body(values[index], keys[index]);
    }
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
    this.remaining -= this.index;
    this.index = 0;
    this.batch.count = 0;
    this.isLastBatch = false;
    this.walk = -1;
    this.size = BATCH_ENTRIES_FIRST;
  }

  /** Ends the iteration. */
  return(): IteratorResult<T, undefined> {
    this.remaining = 0;
    this.index = 0;
    this.batch.empty();
    return DONE;
  }

  /** The number of entries that are left. Walks over them without decoding. */
  countRest(): number {
    let count = 0;
    this.leaveBatch();
    while (this.remaining > 0) {
      this.size = BATCH_ENTRIES_MAX;
      this.section('none');
      count += this.batch.count;
      this.index = this.batch.count;
      this.leaveBatch();
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

  /** Reads the next batch; false at the end, as far as can be seen. */
  private readOn(): boolean {
    const isOver = this.isLastBatch && this.index >= this.batch.count && !this.isStale();
    this.leaveBatch();
    if (!isOver && this.remaining > 0) {
      this.section(this.mode);
      this.size = BATCH_ENTRIES_MAX;
      if (this.batch.count > 0) return true;
    }
    this.batch.empty();
    return false;
  }

  /** Drops what is left of the batch, and notes which entry was handed out last. */
  private leaveBatch(): void {
    const { index, batch } = this;
    if (index > 0) {
      batch.loadKey(this.core, index - 1, this.last);
      this.from = 'last';
      this.remaining -= index;
    }
    this.index = 0;
    batch.count = 0;
  }

  /** Reads one batch of one moment. */
  private section(parts: EntryParts): void {
    const { door } = this.core;
    for (;;) {
      const sequence = door.beginRead();
      try {
        this.readBatch(parts, sequence);
      } catch (error) {
        this.batch.count = 0;
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (!door.endRead(sequence)) continue;
      this.changes = treeChanges.count;
      this.level = levelOf(this.core);
      this.sequence = sequence;
      this.walk = cursor.walk;
      return;
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

  private readBatch(parts: EntryParts, sequence: number): void {
    const { core, seen, bounds, batch } = this;
    const { reverse } = bounds;
    const end = reverse ? bounds.lower : bounds.upper;
    const size = Math.min(this.size, this.remaining);
    batch.count = 0;
    this.isLastBatch = false;
    if (!this.goesOn(sequence)) this.placeCursor();
    this.walk = -1;
    while (batch.count < size && !this.isLastBatch) {
      const found = cursor.nextRun(size - batch.count);
      let count = found;
      if (end !== undefined && found > 0) count = countUpTo(end, found, reverse);
      if (count < found || found === 0) this.isLastBatch = true;
      if (count === 0) return;
      if (batch.count > 0 || this.from === 'last') {
        cursor.loadRunKey(0, current);
        const order = current.compare(batch.count > 0 ? seen : this.last);
        if (reverse ? order >= 0 : order <= 0) throw core.corrupt('its keys are out of order');
      }
      batch.addRun(core, count, reverse, parts);
      batch.loadKey(core, batch.count - 1, seen);
    }
  }
}

/** How many of the entries of the cursor's run come before the end of the range. */
function countUpTo(end: Bound, count: number, reverse: boolean): number {
  for (let left = count; left > 0; left--) {
    cursor.loadRunKey(left - 1, current);
    const order = current.compare(end.key);
    if (order === 0 ? end.inclusive : reverse ? order > 0 : order < 0) return left;
  }
  return 0;
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

function levelOf(core: TreeCore): number {
  return core.door.inTransaction ? core.door.levelId : 0;
}
