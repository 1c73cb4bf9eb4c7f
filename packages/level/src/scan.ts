// What iterators read from: the present, or a snapshot. Both hand out entries one by one and go on from a sought key.

import { BATCH_ENTRIES_FIRST, BATCH_ENTRIES_MAX } from './constants.ts';
import { type KeyRange, restOf, seekIn } from './key-range.ts';
import type { EntryTree } from './open-level-store.ts';
import type { Entry, SnapshotReader } from './snapshot-reader.ts';

/** A walk over a range. */
export interface Scan {
  /** At most `count` entries that come next; fewer only at the end. */
  take(count: number): Entry[];
  /** Goes on at the first entry at or after `target` (before it, in a reversed walk) inside the range. */
  seek(target: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);

/** A walk over what there is now: takes no lock, keeps nobody from anything, and sees changes as they come. */
export class PresentScan implements Scan {
  private readonly entries: EntryTree;
  private readonly range: KeyRange;
  private readonly withValues: boolean;
  private next: () => Entry | undefined;

  constructor(entries: EntryTree, range: KeyRange, withValues: boolean) {
    this.entries = entries;
    this.range = range;
    this.withValues = withValues;
    this.next = this.begin(range);
  }

  take(count: number): Entry[] {
    const found: Entry[] = [];
    while (found.length < count) {
      const entry = this.next();
      if (entry === undefined) break;
      found.push(entry);
    }
    return found;
  }

  seek(target: Uint8Array): void {
    this.next = this.begin(seekIn(this.range, target));
  }

  private begin(range: KeyRange): () => Entry | undefined {
    if (this.withValues) {
      const iterator = this.entries.range(range);
      return () => iterator.next().value;
    }
    const keys = this.entries.keys(range);
    return () => {
      const key = keys.next().value;
      return key === undefined ? undefined : [key, NOTHING];
    };
  }
}

/** A walk over a snapshot: reads ahead, for what it holds never changes. */
export class SnapshotScan implements Scan {
  private readonly reader: SnapshotReader;
  private readonly id: number;
  private readonly range: KeyRange;
  private readonly withValues: boolean;
  private rest: KeyRange;
  private ahead: Entry[] = [];
  private position = 0;
  private size = BATCH_ENTRIES_FIRST;
  private isAtEnd = false;

  constructor(reader: SnapshotReader, id: number, range: KeyRange, withValues: boolean) {
    this.reader = reader;
    this.id = id;
    this.range = range;
    this.withValues = withValues;
    this.rest = range;
  }

  take(count: number): Entry[] {
    const { ahead, position } = this;
    if (position < ahead.length && ahead.length - position >= count) {
      this.position += count;
      return count === 1 ? [ahead[position] as Entry] : ahead.slice(position, position + count);
    }
    const found = ahead.slice(position);
    this.ahead = [];
    this.position = 0;
    if (this.isAtEnd) return found;
    const missing = count - found.length;
    const wanted = Math.max(missing, this.size);
    this.size = BATCH_ENTRIES_MAX;
    const batch = this.reader.scan(this.id, this.rest, wanted, this.withValues);
    this.isAtEnd = batch.length < wanted;
    const last = batch.at(-1);
    if (last !== undefined) this.rest = restOf(this.range, last[0].slice(), false);
    this.ahead = batch;
    this.position = Math.min(missing, batch.length);
    for (let k = 0; k < this.position; k++) found.push(batch[k] as Entry);
    return found;
  }

  seek(target: Uint8Array): void {
    this.rest = seekIn(this.range, target);
    this.ahead = [];
    this.position = 0;
    this.size = BATCH_ENTRIES_FIRST;
    this.isAtEnd = false;
  }
}
