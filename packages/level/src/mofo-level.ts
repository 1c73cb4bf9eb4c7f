// The database as abstract-level wants it: private methods that convert and pass on to the store. Everything below is synchronous, so promises are
// resolved when they are returned, and no thread but this one works.

import {
  type AbstractDatabaseOptions,
  type AbstractIterator,
  type AbstractKeyIterator,
  AbstractLevel,
  type AbstractSnapshot,
  type AbstractValueIterator,
} from 'abstract-level';
import { type Format, type FormatValue, fromBytes, toBytes } from './encoding.ts';
import { type LevelRange, toKeyRange } from './key-range.ts';
import { MofoLevelError } from './level-error.ts';
import { EntryIterator, type IteratorOptions, KeyIterator, ValueIterator } from './level-iterators.ts';
import { LevelSnapshot } from './level-snapshot.ts';
import { guard, LevelStore } from './level-store.ts';
import { checkLocation, type DestroyOptions, destroyDatabase } from './location.ts';

/** Options of {@link MofoLevel}. `createIfMissing` and `errorIfExists` may also be given to `db.open()`. */
export interface MofoLevelOptions<K, V> extends AbstractDatabaseOptions<K, V> {
  /** Largest size the store may grow to when it is made, in bytes: a multiple of 16 KiB from 1 MiB to 64 GiB. Default 64 MiB; not needed to open what is there. */
  readonly sizeBytes?: number | undefined;
  /**
   * Iterators see the database as it was when they were made. Default true. With false they take no lock and nothing is kept for them; then they
   * see changes as they come.
   */
  readonly implicitSnapshots?: boolean | undefined;
}

/** Options that abstract-level passes to a read. */
interface ReadOptions {
  readonly keyEncoding: Format;
  readonly valueEncoding: Format;
  readonly snapshot?: unknown;
}

/** An operation of a batch, encoded. */
type Operation =
  | { readonly type: 'put'; readonly key: FormatValue; readonly value: FormatValue }
  | { readonly type: 'del'; readonly key: FormatValue };

/** What this database can do; implicit snapshots are an option. */
const MANIFEST = {
  encodings: { utf8: true, buffer: true, view: true },
  explicitSnapshots: true,
  seek: true,
  has: true,
  getSync: true,
  createIfMissing: true,
  errorIfExists: true,
  permanence: true,
  // Reads are over before a signal could be raised; between reads abstract-level itself looks.
  signals: { iterators: false },
};

/**
 * A Level database in shared memory. Any number of processes and worker threads may have it open at once; each call is one transaction or one
 * consistent read. It outlives all of them, until `MofoLevel.destroy(location)`; it is memory, so it does not outlive a reboot.
 *
 * A process that is killed leaves each put, del, batch and clear done as a whole or not at all.
 *
 * @throws MofoLevelError LEVEL_INVALID_LOCATION, LEVEL_INVALID_OPTION at once; `open` rejects with LEVEL_DATABASE_NOT_OPEN and the reason as cause.
 * @example
 * const db = new MofoLevel('bank', { valueEncoding: 'json' });
 * await db.batch([{ type: 'put', key: 'alice', value: { balance: 100 } }]);
 */
export class MofoLevel<K = string, V = string> extends AbstractLevel<FormatValue, K, V> {
  readonly #location: string;
  readonly #implicitSnapshots: boolean;
  readonly #sizeBytes: number | undefined;
  #store: LevelStore | undefined;

  constructor(location: string, options: MofoLevelOptions<K, V> = {}) {
    checkLocation(location);
    const { implicitSnapshots = true, sizeBytes, ...rest } = options ?? {};
    if (typeof implicitSnapshots !== 'boolean') {
      throw new MofoLevelError('LEVEL_INVALID_OPTION', 'implicitSnapshots must be true or false. Nothing was opened.');
    }
    super({ ...MANIFEST, implicitSnapshots }, rest);
    this.#location = location;
    this.#implicitSnapshots = implicitSnapshots;
    this.#sizeBytes = sizeBytes;
  }

  /** Name of the store. */
  get location(): string {
    return this.#location;
  }

  /**
   * Removes a database, and whatever else lies in the store of that name. Processes that have it open keep what they see, and get LEVEL_DATABASE_NOT_OPEN when they
   * next write. Resolves with false if there was none.
   *
   * @throws MofoLevelError LEVEL_INVALID_LOCATION, LEVEL_IO_ERROR (cause STORE_BUSY: an application of MOFO runs on the store; `force` overrides)
   */
  static async destroy(location: string, options: DestroyOptions = {}): Promise<boolean> {
    return destroyDatabase(location, options);
  }

  async _open({ createIfMissing, errorIfExists }: { createIfMissing: boolean; errorIfExists: boolean }): Promise<void> {
    const location = this.#location;
    this.#store = new LevelStore({ location, sizeBytes: this.#sizeBytes, createIfMissing, errorIfExists });
  }

  async _close(): Promise<void> {
    this.#store?.close();
    this.#store = undefined;
  }

  async _get(key: FormatValue, options: ReadOptions): Promise<FormatValue | undefined> {
    return this._getSync(key, options);
  }

  _getSync(key: FormatValue, { snapshot, valueEncoding }: ReadOptions): FormatValue | undefined {
    const store = this.#opened;
    const value = store.get(toBytes(key), LevelSnapshot.openIn(store, snapshot));
    return value === undefined ? undefined : fromBytes(value, valueEncoding);
  }

  async _getMany(keys: readonly FormatValue[], options: ReadOptions): Promise<(FormatValue | undefined)[]> {
    const store = this.#opened;
    const { snapshot, valueEncoding } = options;
    const values = store.getMany(keys.map(toBytes), LevelSnapshot.openIn(store, snapshot));
    return values.map((value) => (value === undefined ? undefined : fromBytes(value, valueEncoding)));
  }

  async _has(key: FormatValue, options: ReadOptions): Promise<boolean> {
    const [isThere] = await this._hasMany([key], options);
    return isThere === true;
  }

  async _hasMany(keys: readonly FormatValue[], { snapshot }: ReadOptions): Promise<boolean[]> {
    const store = this.#opened;
    return store.hasMany(keys.map(toBytes), LevelSnapshot.openIn(store, snapshot));
  }

  async _put(key: FormatValue, value: FormatValue): Promise<void> {
    this.#opened.write([{ key: toBytes(key), value: toBytes(value) }]);
  }

  async _del(key: FormatValue): Promise<void> {
    this.#opened.write([{ key: toBytes(key), value: undefined }]);
  }

  async _batch(operations: readonly Operation[]): Promise<void> {
    this.#opened.write(
      operations.map((operation) => ({
        key: toBytes(operation.key),
        value: operation.type === 'put' ? toBytes(operation.value) : undefined,
      })),
    );
  }

  async _clear(options: LevelRange & { readonly snapshot?: unknown }): Promise<void> {
    const store = this.#opened;
    const limit = options.limit < 0 ? Number.POSITIVE_INFINITY : options.limit;
    store.clear(toKeyRange(options), limit, LevelSnapshot.openIn(store, options.snapshot));
  }

  _iterator(options: IteratorOptions): AbstractIterator<this, K, V> {
    return new EntryIterator(this, options, this.#opened, this.#implicitSnapshots);
  }

  _keys(options: IteratorOptions): AbstractKeyIterator<this, K> {
    return new KeyIterator(this, options, this.#opened, this.#implicitSnapshots);
  }

  _values(options: IteratorOptions): AbstractValueIterator<this, K, V> {
    return new ValueIterator(this, options, this.#opened, this.#implicitSnapshots);
  }

  _snapshot(options: object): AbstractSnapshot {
    const store = this.#opened;
    return new LevelSnapshot(
      store,
      guard(() => store.openSnapshot()),
      options,
    );
  }

  get #opened(): LevelStore {
    if (this.#store !== undefined) return this.#store;
    throw new MofoLevelError(
      'LEVEL_DATABASE_NOT_OPEN',
      `The database "${this.#location}" is not open. Nothing was done. Await db.open().`,
    );
  }
}
