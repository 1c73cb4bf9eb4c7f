// Reading at a snapshot: what the snapshots from it on keep, laid over what there is now. All in one read section, so that it belongs to one moment; and
// because that moment does not matter to what a snapshot holds, one batch may follow another.

import type { Store } from '@mofo/journal';
import type { KeyRange } from './key-range.ts';
import type { EntryTree } from './open-level-store.ts';
import type { SnapshotTable } from './snapshot-table.ts';

/** An entry; the value is empty if only keys were asked for. */
export type Entry = [key: Uint8Array, value: Uint8Array];

/** One sorted source of a merge: its entry that comes next. */
interface Source {
  next(): IteratorResult<[Uint8Array, Uint8Array | undefined], undefined>;
}

const NOTHING = new Uint8Array(0);

/** Reads at snapshots of one database. All methods throw LEVEL_SNAPSHOT_NOT_OPEN. */
export class SnapshotReader {
  private readonly store: Store;
  private readonly entries: EntryTree;
  private readonly snapshots: SnapshotTable;

  constructor(store: Store, entries: EntryTree, snapshots: SnapshotTable) {
    this.store = store;
    this.entries = entries;
    this.snapshots = snapshots;
  }

  /** The key's value at snapshot `id`. */
  get(id: number, key: Uint8Array): Uint8Array | undefined {
    return this.store.read(() => {
      for (const kept of this.snapshots.keptSince(id)) if (kept.has(key)) return kept.get(key);
      return this.entries.get(key);
    });
  }

  /** True if the key was there at snapshot `id`. */
  has(id: number, key: Uint8Array): boolean {
    return this.store.read(() => {
      for (const kept of this.snapshots.keptSince(id)) if (kept.has(key)) return kept.get(key) !== undefined;
      return this.entries.has(key);
    });
  }

  /** The first entries of a range at snapshot `id`: fewer than `count` only at its end. */
  scan(id: number, range: KeyRange, count: number, withValues: boolean): Entry[] {
    return this.store.read(() => {
      const kept = this.snapshots.keptSince(id);
      if (kept.length === 0) {
        if (withValues) return [...this.entries.range({ ...range, limit: count })];
        return Array.from(this.entries.keys({ ...range, limit: count }), (key): Entry => [key, NOTHING]);
      }
      const present = withValues ? this.entries.range(range) : keysAsEntries(this.entries, range);
      return merge([...kept.map((tree) => tree.range(range)), present], range.reverse, count);
    });
  }
}

/** Of each key the entry of the first source that has it, in key order, without those that are absent there. */
function merge(sources: readonly Source[], reverse: boolean, count: number): Entry[] {
  const heads = sources.map((source) => source.next().value);
  const found: Entry[] = [];
  while (found.length < count) {
    let first: [Uint8Array, Uint8Array | undefined] | undefined;
    for (const head of heads) {
      if (head !== undefined && (first === undefined || isBefore(head[0], first[0], reverse))) first = head;
    }
    if (first === undefined) break;
    const [key, value] = first;
    for (let k = 0; k < heads.length; k++) {
      const head = heads[k];
      if (head !== undefined && Buffer.compare(head[0], key) === 0) heads[k] = (sources[k] as Source).next().value;
    }
    if (value !== undefined) found.push([key, value]);
  }
  return found;
}

function isBefore(a: Uint8Array, b: Uint8Array, reverse: boolean): boolean {
  const order = Buffer.compare(a, b);
  return reverse ? order > 0 : order < 0;
}

function* keysAsEntries(entries: EntryTree, range: KeyRange): Generator<Entry, undefined> {
  for (const key of entries.keys(range)) yield [key, NOTHING];
  return undefined;
}
