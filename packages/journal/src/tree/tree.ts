// The ordered map as programs see it.

import { jsonValue } from '../collections/json-value.ts';
import { probe } from './probe.ts';
import { ALL, encodeRange, type RangeOptions } from './range.ts';
import type { TreeCore } from './tree-core.ts';
import { TreeIterator } from './tree-iterator.ts';
import { emptyTree } from './tree-release.ts';

/**
 * An ordered map in the store: a live handle, good until the tree is deleted.
 *
 * Outside a transaction each call reads one consistent moment without a lock, and each call that writes is a transaction of its own (all
 * or nothing, seen by all processes when it returns). Inside a transaction all calls belong to it and see its writes. Methods throw
 * DANGLING_REF when the tree is no more, CORRUPT on damaged bytes, KEY_INVALID and KEY_TOO_LONG for wrong keys; writing ones also what transactions throw.
 *
 * Values of a struct type are records: `get` gives the live record, `set` makes one from a plain object.
 */
export class Tree<K, V, In = V> implements Iterable<[K, V]> {
  private readonly core: TreeCore;
  // What a call that is a transaction of its own is about, and the two bodies that need nothing else: made once, because a closure a call
  // would cost more than the call. Each takes what it needs before it does anything; a transaction may run its body again, so it stays.
  private ownKey: K | undefined;
  private ownValue: In | undefined;
  private readonly setOwn = (): unknown => this.set(this.ownKey as K, this.ownValue as In);
  private readonly deleteOwn = (): boolean => this.delete(this.ownKey as K);

  /** Programs get trees from their store; see `tree` in tree-type.ts. */
  constructor(core: TreeCore) {
    this.core = core;
  }

  /** The key's value, or `undefined`. Some 100 ns; cost grows with the key's length, hardly with the tree's size. */
  get(key: K): V | undefined {
    const { core } = this;
    const { door } = core;
    for (;;) {
      const sequence = door.beginRead();
      let value: unknown;
      try {
        core.codec.encode(key, probe);
        value = core.get();
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return value as V | undefined;
    }
  }

  /** True if the key is there. */
  has(key: K): boolean {
    const { core } = this;
    const { door } = core;
    for (;;) {
      const sequence = door.beginRead();
      let found: boolean;
      try {
        core.codec.encode(key, probe);
        found = core.find();
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return found;
    }
  }

  /** Number of entries. O(1). */
  get size(): number {
    const { door } = this.core;
    for (;;) {
      const sequence = door.beginRead();
      let count: number;
      try {
        count = this.core.count();
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return count;
    }
  }

  /** Sets the key's value; an old one is freed with all it owns. Throws INVALID_VALUE. */
  set(key: K, value: In): this {
    const { core } = this;
    if (!core.door.inTransaction) {
      this.ownKey = key;
      this.ownValue = value;
      core.memory.run(this.setOwn);
      this.ownValue = undefined;
      return this;
    }
    try {
      core.codec.encode(key, probe);
      core.put(value);
    } catch (error) {
      if (error instanceof RangeError) core.door.failure ??= error;
      throw error;
    }
    return this;
  }

  /** Deletes the key with its value and all it owns; false if it was not there. */
  delete(key: K): boolean {
    const { core } = this;
    if (!core.door.inTransaction) {
      this.ownKey = key;
      return core.memory.run(this.deleteOwn);
    }
    try {
      core.codec.encode(key, probe);
      return core.remove();
    } catch (error) {
      if (error instanceof RangeError) core.door.failure ??= error;
      throw error;
    }
  }

  /** Calls `change` with the key's value (`undefined` if absent) and sets what it returns; `undefined` leaves the entry as it is. */
  update(key: K, change: (value: V | undefined) => In | undefined): this {
    return this.core.memory.run(() => {
      const next = change(this.get(key));
      if (next !== undefined) this.set(key, next);
      return this;
    });
  }

  /** The key's value; if it is absent, `make` (or the type's default) is set first. For values that are collections: `tree.ensure(key).push(…)`. */
  ensure(key: K, make?: () => In): V {
    return this.core.memory.run(() => {
      if (!this.has(key)) this.set(key, make?.() as In);
      return this.get(key) as V;
    });
  }

  /** Sets many entries in one transaction. Cheapest in key order. */
  load(entries: Iterable<readonly [K, In]>): this {
    return this.core.memory.run(() => {
      for (const [key, value] of entries) this.set(key, value);
      return this;
    });
  }

  /** Deletes everything. O(entries). */
  clear(): void {
    const { core } = this;
    if (!core.door.inTransaction) {
      core.memory.run(() => this.clear());
      return;
    }
    try {
      emptyTree(core);
    } catch (error) {
      if (error instanceof RangeError) core.door.failure ??= error;
      throw error;
    }
  }

  /** The entry with the smallest key. */
  first(): [K, V] | undefined {
    return this.range({ limit: 1 }).next().value;
  }

  /** The entry with the largest key. */
  last(): [K, V] | undefined {
    return this.range({ limit: 1, reverse: true }).next().value;
  }

  /** The first entry at or after `key`. */
  seek(key: K): [K, V] | undefined {
    return this.range({ gte: key, limit: 1 }).next().value;
  }

  /** Entries of a range, in key order; all, without options. Throws RANGE_INVALID. See {@link TreeIterator} for changes meanwhile. */
  range(range?: RangeOptions<K>): TreeIterator<K, [K, V]> {
    return new TreeIterator(this.core, 'entries', this.bounds(range));
  }

  /** The same as {@link range}. */
  entries(range?: RangeOptions<K>): TreeIterator<K, [K, V]> {
    return this.range(range);
  }

  /** Keys of a range, in order. */
  keys(range?: RangeOptions<K>): TreeIterator<K, K> {
    return new TreeIterator(this.core, 'keys', this.bounds(range));
  }

  /** Values of a range, in key order. */
  values(range?: RangeOptions<K>): TreeIterator<K, V> {
    return new TreeIterator(this.core, 'values', this.bounds(range));
  }

  /**
   * Calls `body` with value and key of each entry of a range, in key order: the cheapest way to read many. `body` may change the store, also this tree: it sees
   * what an iteration over {@link range} would see.
   */
  forEach(body: (value: V, key: K) => void, range?: RangeOptions<K>): void {
    new TreeIterator(this.core, 'entries', this.bounds(range)).forEach(body as (value: unknown, key: unknown) => void);
  }

  /** Number of entries in a range. Walks over them; outside a transaction, commits meanwhile may be counted in part. */
  countRange(range: RangeOptions<K>): number {
    return new TreeIterator(this.core, 'keys', this.bounds(range)).countRest();
  }

  /** The entries as pairs of key and value, for JSON; bigints as text, bytes as base64. */
  toJSON(): unknown[] {
    return Array.from(this, jsonValue);
  }

  [Symbol.iterator](): TreeIterator<K, [K, V]> {
    return this.range();
  }

  private bounds(range: RangeOptions<K> | undefined): ReturnType<typeof encodeRange> {
    return range === undefined ? ALL : encodeRange(this.core.codec, range as RangeOptions<never>);
  }
}
