// The three iterators that abstract-level wants: over entries, keys and values. They differ in what they hand out.

import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from 'abstract-level';
import { type Format, type FormatValue, fromBytes, toBytes } from './encoding.ts';
import { type LevelRange, toKeyRange } from './key-range.ts';
import { LevelSnapshot } from './level-snapshot.ts';
import { guard, type LevelStore } from './level-store.ts';
import type { Scan } from './scan.ts';
import type { Entry } from './snapshot-reader.ts';
import type { OpenSnapshot } from './snapshot-table.ts';

/** What abstract-level passes when an iterator is made. */
export interface IteratorOptions extends LevelRange {
  readonly keyEncoding: Format;
  readonly valueEncoding: Format;
  readonly keys?: boolean;
  readonly values?: boolean;
  readonly snapshot?: unknown;
}

/** Reads entries for one iterator, and owns its implicit snapshot if there is one. */
class EntryReader {
  private readonly store: LevelStore;
  private readonly scan: Scan;
  private readonly own: OpenSnapshot | undefined;

  constructor(store: LevelStore, options: IteratorOptions, withValues: boolean, isImplicit: boolean) {
    const given = LevelSnapshot.openIn(store, options.snapshot);
    this.store = store;
    this.own = given === undefined && isImplicit ? store.openSnapshot() : undefined;
    this.scan = store.scan(toKeyRange(options), withValues, given ?? this.own);
  }

  next<T>(map: (entry: Entry) => T): T | undefined {
    const [entry] = guard(() => this.scan.take(1));
    return entry === undefined ? undefined : map(entry);
  }

  nextv<T>(size: number, map: (entry: Entry) => T): T[] {
    return guard(() => this.scan.take(size)).map(map);
  }

  seek(target: FormatValue): void {
    guard(() => this.scan.seek(toBytes(target)));
  }

  close(): void {
    if (this.own !== undefined) this.store.releaseSnapshot(this.own);
  }
}

/** How an iterator of this package is made. */
type IteratorClass<T extends object> = new (
  db: object,
  options: IteratorOptions,
  store: LevelStore,
  isImplicit: boolean,
) => T;

/** Makes the class that extends one of abstract-level's, whose types say less than its code. */
function iteratorClass<T extends object>(
  base: unknown,
  needsValues: (options: IteratorOptions) => boolean,
  mapOf: (options: IteratorOptions) => (entry: Entry) => unknown,
): IteratorClass<T> {
  const Base = base as new (db: object, options: object) => object;
  return class extends Base {
    readonly #reader: EntryReader;
    readonly #map: (entry: Entry) => unknown;

    constructor(db: object, options: IteratorOptions, store: LevelStore, isImplicit: boolean) {
      // First, for it may throw, and abstract-level's constructor attaches the iterator to the database.
      const reader = new EntryReader(store, options, needsValues(options), isImplicit);
      super(db, options);
      this.#reader = reader;
      this.#map = mapOf(options);
    }

    async _next(): Promise<unknown> {
      return this.#reader.next(this.#map);
    }

    async _nextv(size: number): Promise<unknown[]> {
      return this.#reader.nextv(size, this.#map);
    }

    _seek(target: FormatValue): void {
      this.#reader.seek(target);
    }

    async _close(): Promise<void> {
      this.#reader.close();
    }
  } as unknown as IteratorClass<T>;
}

/** Iterates over entries. */
// biome-ignore lint/suspicious/noExplicitAny: the types of keys and values are those of the database, given where it is made
export const EntryIterator: IteratorClass<AbstractIterator<any, any, any>> = iteratorClass(
  AbstractIterator,
  ({ values }) => values !== false,
  ({ keys, values, keyEncoding, valueEncoding }) =>
    ([key, value]) => [
      keys === false ? undefined : fromBytes(key, keyEncoding),
      values === false ? undefined : fromBytes(value, valueEncoding),
    ],
);

/** Iterates over keys. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export const KeyIterator: IteratorClass<AbstractKeyIterator<any, any>> = iteratorClass(
  AbstractKeyIterator,
  () => false,
  ({ keyEncoding }) =>
    ([key]) =>
      fromBytes(key, keyEncoding),
);

/** Iterates over values. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export const ValueIterator: IteratorClass<AbstractValueIterator<any, any, any>> = iteratorClass(
  AbstractValueIterator,
  () => true,
  ({ valueEncoding }) =>
    ([, value]) =>
      fromBytes(value, valueEncoding),
);
