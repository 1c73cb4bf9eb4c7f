// The list as programs see it, and its field type.

import { type FieldType, LAYOUT_LIST, type Memory, type TypeDescription, type Visitor } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import { CollectionType } from './collection-type.ts';
import { reentrant } from './handle.ts';
import { jsonValue } from './json-value.ts';
import { ListCore } from './list-core.ts';
import { slotWords } from './slots.ts';
import { type StoredValue, storedValue } from './stored-value.ts';

/**
 * Values in order, found by position: a live handle. Reading is one consistent moment; a call that writes is, outside a transaction, a
 * transaction of its own. `get`, `set`, `push` and `pop` cost the same at any length; `insert` and `remove` (so `shift` and `unshift`) move all values behind the
 * position: use a queue for first in, first out. All methods throw DANGLING_REF when the list is no more, and CORRUPT on damaged bytes.
 */
export class List<V, In = V> implements Iterable<V> {
  private readonly core: ListCore;

  /** Programs get lists from their store; see {@link list}. */
  constructor(core: ListCore) {
    this.core = core;
  }

  /** Number of values. O(1). */
  get length(): number {
    return this.section(() => this.core.length());
  }

  /** The value at a position, counted from the end if negative; `undefined` outside the list. */
  get(index: number): V | undefined {
    return this.section(() => {
      const { core } = this;
      const length = core.length();
      const position = index < 0 ? index + length : index;
      if (!(position >= 0 && position < length && Number.isInteger(position))) return undefined;
      core.locate(position);
      return core.stored.type.read(core.memory, core.place.block, core.place.word) as V;
    });
  }

  /** Replaces the value at a position below the length. Throws INDEX_OUT_OF_RANGE, INVALID_VALUE. */
  set(index: number, value: In): void {
    this.change((core) => {
      core.locate(requireIndex(index, core.length()));
      const { block, word } = core.place;
      core.stored.type.write(core.memory, block, word, value);
    });
  }

  /** Adds a value at the end and returns the new length. Throws INVALID_VALUE, LIST_FULL. */
  push(value: In): number {
    return this.change((core) => {
      const length = core.length();
      core.locateNew(length);
      return this.fill(length, length + 1, value);
    });
  }

  /** Takes the last value out: `undefined` if there is none. A record comes as a plain object, for the record itself is deleted. */
  pop(): V | undefined {
    return this.change((core) => {
      const length = core.length();
      return length === 0 ? undefined : this.take(length - 1, length);
    });
  }

  /** Takes the first value out. O(length). */
  shift(): V | undefined {
    return this.change((core) => {
      const length = core.length();
      return length === 0 ? undefined : this.take(0, length);
    });
  }

  /** Adds a value at the beginning and returns the new length. O(length). */
  unshift(value: In): number {
    return this.insert(0, value);
  }

  /** Adds a value before position `index` (0 to length) and returns the new length. O(length - index). Throws INDEX_OUT_OF_RANGE, INVALID_VALUE, LIST_FULL. */
  insert(index: number, value: In): number {
    return this.change((core) => {
      const length = core.length();
      const position = requireIndex(index, length + 1);
      core.locateNew(length);
      core.shiftUp(position, length);
      return this.fill(position, length + 1, value);
    });
  }

  /** Takes the value at a position out. O(length - index). Throws INDEX_OUT_OF_RANGE. */
  remove(index: number): V {
    return this.change((core) => {
      const length = core.length();
      return this.take(requireIndex(index, length), length);
    });
  }

  /** Takes everything out. O(length). */
  clear(): void {
    this.change((core) => {
      const { memory, stored } = core;
      const chunks: number[] = [];
      const places: number[] = [];
      core.walk(
        (chunk) => chunks.push(chunk),
        (block, word) => places.push(block, word),
      );
      for (let k = 0; k < places.length; k += 2)
        stored.type.release(memory, places[k] as number, places[k + 1] as number);
      for (const chunk of chunks) memory.heap.free(chunk);
      core.writeEmpty();
    });
  }

  /** All values of one moment. O(length), in one read section. */
  toArray(): V[] {
    return this.section((sequence) => {
      const { core } = this;
      const { door } = core.memory;
      const length = core.length();
      const values: V[] = [];
      for (let position = 0; position < length; position++) {
        core.locate(position);
        values.push(core.stored.type.read(core.memory, core.place.block, core.place.word) as V);
        if (position % REVALIDATE_STEPS === REVALIDATE_STEPS - 1 && !door.endRead(sequence)) return values;
      }
      return values;
    });
  }

  /** The values, for JSON; bigints as text, bytes as base64. */
  toJSON(): unknown[] {
    return this.toArray().map(jsonValue);
  }

  /** Goes through the positions as they are when it comes to them: changes meanwhile are seen. */
  *[Symbol.iterator](): Generator<V, undefined> {
    for (let position = 0; position < this.length; position++) yield this.get(position) as V;
  }

  private fill(position: number, newLength: number, value: In): number {
    const { core } = this;
    core.locateNew(newLength - 1);
    if (position < newLength - 1) core.locate(position);
    const { block, word } = core.place;
    try {
      core.stored.type.initialize(core.memory, block, word, value);
    } catch (error) {
      // Put everything back as it was, so that a caller who catches this goes on with a sound list.
      core.stored.type.release(core.memory, block, word);
      core.writeLength(newLength);
      core.shiftDown(position, newLength);
      core.dropLast(newLength);
      throw error;
    }
    if (core.length() !== newLength - 1) throw reentrant('list');
    core.writeLength(newLength);
    return newLength;
  }

  private take(position: number, length: number): V {
    const { core } = this;
    core.locate(position);
    const { block, word } = core.place;
    const value = core.stored.detach(core.memory, block, word);
    core.stored.type.release(core.memory, block, word);
    core.shiftDown(position, length);
    core.dropLast(length);
    return value as V;
  }

  private change<T>(body: (core: ListCore) => T): T {
    const { core } = this;
    if (!core.memory.door.inTransaction) return core.memory.run(() => this.change(body));
    core.requireLive();
    try {
      return body(core);
    } catch (error) {
      if (error instanceof RangeError) core.memory.door.failure ??= error;
      throw error;
    }
  }

  private section<T>(body: (sequence: number) => T): T {
    const { core } = this;
    const { door } = core.memory;
    for (;;) {
      const sequence = door.beginRead();
      let result: T;
      try {
        core.requireLive();
        result = body(sequence);
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return result;
    }
  }
}

const REVALIDATE_STEPS = 64;

function requireIndex(index: number, end: number): number {
  if (Number.isInteger(index) && index >= 0 && index < end) return index;
  throw new JournalError(
    'INDEX_OUT_OF_RANGE',
    `The position must be a whole number from 0 to ${end - 1}, not ${String(index)}. Nothing was changed.`,
  );
}

/**
 * A list of values; structs become records of their own.
 *
 * @throws JournalError VALUE_TYPE_INVALID for values over 16 bytes and for collections
 */
export function list<V, In = V>(valueType: FieldType<V, In>): FieldType<List<V, In>, undefined> {
  return new ListType(valueType);
}

class ListType<V, In> extends CollectionType<List<V, In>> {
  readonly kind = 'list';
  readonly valueType: FieldType<V, In>;
  private readonly stored: StoredValue;

  constructor(valueType: FieldType<V, In>) {
    super();
    this.valueType = valueType;
    this.stored = storedValue(valueType as FieldType<unknown, never>);
    if (this.stored.isCollection) {
      throw new JournalError(
        'VALUE_TYPE_INVALID',
        `A list holds values, not collections of kind ${valueType.kind}. Put the collection into a struct.`,
      );
    }
  }

  describe(): TypeDescription {
    return { kind: 'list', value: this.stored.type.describe() };
  }

  open(memory: Memory, header: number): List<V, In> {
    return new List(new ListCore(memory, header, this.stored));
  }

  makeHeader(memory: Memory): number {
    const { door } = memory;
    const header = memory.heap.allocate(LAYOUT_LIST, 32);
    const i = door.own(header, (header + 2) | 0, 1);
    door.words[i] = slotWords(this.stored);
    return header;
  }

  releaseHeader(memory: Memory, header: number): void {
    this.open(memory, header).clear();
    memory.heap.free(header);
  }

  visitBlocks(memory: Memory, header: number, visitor: Visitor): void {
    let index = 0;
    try {
      new ListCore(memory, header, this.stored).walk(
        (chunk) => visitor.owned(chunk, { kind: 'list.chunk' }),
        (block, word) => {
          visitor.enter(index++);
          this.stored.type.visit(memory, block, word, visitor);
          visitor.leave();
        },
      );
    } catch (error) {
      visitor.problem(error);
    }
  }
}
