// First in, first out: a chain of chunk blocks, written at its end and read at its beginning.
//
//   header   word 0 first chunk · word 1 last chunk (0 empty) · word 2-3 length as a double     one chunk
//            word 4 words of a slot                                                             written once
//
//   chunk    word 0 next chunk (0: last) · word 1 slots taken · word 2 slots filled · word 3 0     one chunk
//            word 4…  slots of 1, 2 or 4 words                                                     a chunk a granule
//
//   header ──▶ [ taken ░░░░▓▓▓▓▓▓▓▓ ] ──▶ [ ▓▓▓▓▓▓▓▓▓▓▓▓ ] ──▶ [ ▓▓▓▓      filled ] ◀── header
//
// Slots are used once, so a value is always made in zeroed words. Invariants: taken ≤ filled ≤ capacity; every chunk but the last is
// filled; only the first has taken slots; the filled less the taken slots add up to the length. A push changes one slot, one
// chunk head and the header, all through the journal or in fresh blocks; neither a crash nor a reader sees a part.

import {
  type FieldType,
  LAYOUT_QUEUE,
  LAYOUT_QUEUE_CHUNK,
  type Memory,
  ShmStoreError,
  type TypeDescription,
  type Visitor,
} from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import { CollectionType } from './collection-type.ts';
import { reentrant, requireHandle } from './handle.ts';
import { jsonValue } from './json-value.ts';
import { slotWords } from './slots.ts';
import { type StoredValue, storedValue } from './stored-value.ts';

const CHUNK_WORDS = 252;
const SLOTS_START = 4;
const REVALIDATE_STEPS = 64;

/**
 * A queue in the store: a live handle. Reading is one consistent moment; a call that writes is, outside a transaction, a transaction of its own.
 * All methods throw DANGLING_REF when the queue is no more, and CORRUPT on damaged bytes.
 */
export class Queue<V, In = V> implements Iterable<V> {
  private readonly memory: Memory;
  private readonly header: number;
  private readonly stamp: number;
  private readonly stored: StoredValue;
  private readonly slot: number;
  private readonly capacity: number;

  /** Programs get queues from their store; see {@link queue}. */
  constructor(memory: Memory, header: number, stored: StoredValue) {
    memory.heap.check(header, LAYOUT_QUEUE);
    this.memory = memory;
    this.header = header;
    this.stamp = memory.heap.stampOf(header);
    this.stored = stored;
    this.slot = slotWords(stored);
    this.capacity = (CHUNK_WORDS - SLOTS_START) / this.slot;
    const i = memory.door.at((header + 2) | 0);
    if (memory.door.words[i] !== this.slot) {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `The queue at granule ${header >>> 0} was made for values of another type. Nothing was changed.`,
      );
    }
  }

  /** Number of values waiting. O(1). */
  get length(): number {
    return this.section(() => this.readLength());
  }

  /** Adds a value at the end and returns the new length. Throws INVALID_VALUE. */
  push(value: In): number {
    const { memory } = this;
    if (!memory.door.inTransaction) return memory.run(() => this.push(value));
    return this.change(() => this.append(value));
  }

  private append(value: In): number {
    const { memory } = this;
    this.requireLive();
    const { door } = memory;
    let last = this.headerWord(1);
    let filled = last === 0 ? this.capacity : this.chunkWord(last, 2);
    if (filled >= this.capacity) {
      const chunk = memory.heap.allocate(LAYOUT_QUEUE_CHUNK, CHUNK_WORDS * 4);
      if (last !== 0) this.writeChunkWord(last, 0, chunk);
      const h = door.own(this.header, (this.header + 1) | 0, 1);
      door.words[h + 1] = chunk;
      if (last === 0) door.words[h] = chunk;
      last = chunk;
      filled = 0;
    }
    this.stored.type.initialize(memory, last, SLOTS_START + filled * this.slot, value);
    if (this.chunkWord(last, 2) !== filled) throw reentrant('queue');
    this.writeChunkWord(last, 2, filled + 1);
    return this.addToLength(1);
  }

  /** Takes the first value out: `undefined` if there is none. A record comes as a plain object, for the record itself is deleted. */
  shift(): V | undefined {
    const { memory } = this;
    if (!memory.door.inTransaction) return memory.run(() => this.shift());
    return this.change(() => this.takeFirst());
  }

  private takeFirst(): V | undefined {
    const { memory } = this;
    this.requireLive();
    const first = this.headerWord(0);
    if (first === 0) return undefined;
    const taken = this.takenOf(first);
    const filled = this.chunkWord(first, 2);
    if (taken >= filled) return undefined;
    const word = SLOTS_START + taken * this.slot;
    const value = this.stored.detach(memory, first, word);
    this.stored.type.release(memory, first, word);
    const next = this.chunkWord(first, 0);
    this.writeChunkWord(first, 1, taken + 1);
    if (taken + 1 === this.capacity) {
      const { door } = memory;
      const h = door.own(this.header, (this.header + 1) | 0, 1);
      door.words[h] = next;
      if (next === 0) door.words[h + 1] = 0;
      memory.heap.free(first);
    }
    this.addToLength(-1);
    return value as V;
  }

  /** The first value, left where it is. */
  peek(): V | undefined {
    return this.section(() => {
      const first = this.headerWord(0);
      if (first === 0) return undefined;
      const taken = this.takenOf(first);
      if (taken >= this.chunkWord(first, 2)) return undefined;
      return this.stored.type.read(this.memory, first, SLOTS_START + taken * this.slot) as V;
    });
  }

  /** Takes everything out. O(length). */
  clear(): void {
    const { memory } = this;
    if (memory.door.inTransaction) this.change(() => this.removeAll());
    else memory.run(() => this.clear());
  }

  private removeAll(): void {
    const { memory } = this;
    this.requireLive();
    const chunks: number[] = [];
    this.walk(
      (chunk) => chunks.push(chunk),
      () => undefined,
    );
    this.walk(
      () => undefined,
      (chunk, word) => this.stored.type.release(memory, chunk, word),
    );
    for (const chunk of chunks) memory.heap.free(chunk);
    const { door } = memory;
    const h = door.own(this.header, (this.header + 1) | 0, 1);
    door.words[h] = 0;
    door.words[h + 1] = 0;
    door.floats[(h + 2) >> 1] = 0;
  }

  /** A change that the end of the stack cuts short must not be committed, whoever catches the error. */
  private change<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (error instanceof RangeError) this.memory.door.failure ??= error;
      throw error;
    }
  }

  /** All values of one moment, first to last. O(length), in one read section. */
  toArray(): V[] {
    return this.section((sequence) => {
      const values: V[] = [];
      this.walk(
        () => undefined,
        (chunk, word) => values.push(this.stored.type.read(this.memory, chunk, word) as V),
        sequence,
      );
      return values;
    });
  }

  /** The values, for JSON; bigints as text, bytes as base64. */
  toJSON(): unknown[] {
    return this.toArray().map(jsonValue);
  }

  [Symbol.iterator](): IterableIterator<V> {
    return this.toArray()[Symbol.iterator]();
  }

  /** For checkers: every chunk, then every value's place. Throws CORRUPT. */
  walk(onChunk: (chunk: number) => void, onSlot: (chunk: number, word: number) => void, sequence?: number): void {
    const { memory } = this;
    const seen = new Set<number>();
    const last = this.headerWord(1);
    const length = this.readLength();
    let count = 0;
    let steps = 0;
    for (let chunk = this.headerWord(0), previous = 0; chunk !== 0 || previous !== last; ) {
      if (chunk === 0 || seen.has(chunk)) throw this.corrupt('its chain of chunks does not end at the last one');
      seen.add(chunk);
      const taken = this.takenOf(chunk);
      const filled = this.chunkWord(chunk, 2);
      const next = this.chunkWord(chunk, 0);
      if (next !== 0 && filled !== this.capacity) throw this.corrupt('a chunk before the last one is not full');
      if (previous !== 0 && taken !== 0) throw this.corrupt('a chunk behind the first one has been taken from');
      onChunk(chunk);
      for (let slot = taken; slot < filled; slot++) {
        onSlot(chunk, SLOTS_START + slot * this.slot);
        if (sequence !== undefined && ++steps % REVALIDATE_STEPS === 0 && !memory.door.endRead(sequence)) throw RESTART;
      }
      count += filled - taken;
      previous = chunk;
      chunk = next;
    }
    if (count !== length) throw this.corrupt(`it has ${count} values and counts ${length}`);
  }

  private section<T>(body: (sequence: number) => T): T {
    const { door } = this.memory;
    for (;;) {
      const sequence = door.beginRead();
      let result: T;
      try {
        this.requireLive();
        result = body(sequence);
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return result;
    }
  }

  private requireLive(): void {
    requireHandle(this.memory, this.header, this.stamp, LAYOUT_QUEUE, 'queue');
  }

  private readLength(): number {
    const { door } = this.memory;
    const i = door.at((this.header + 1) | 0);
    const length = door.floats[(i + 2) >> 1] as number;
    if (!(length >= 0 && Number.isInteger(length))) throw this.corrupt('its length is no length');
    return length;
  }

  private addToLength(change: number): number {
    const { door } = this.memory;
    const length = this.readLength() + change;
    const i = door.own(this.header, (this.header + 1) | 0, 1);
    door.floats[(i + 2) >> 1] = length;
    return length;
  }

  private headerWord(word: number): number {
    const { door } = this.memory;
    const i = door.at((this.header + 1) | 0) + word;
    return door.words[i] as number;
  }

  /** Word 0 to 2 of a chunk that is one; counts are bounded by the chunk. */
  private chunkWord(chunk: number, word: number): number {
    const { door, heap } = this.memory;
    heap.check(chunk, LAYOUT_QUEUE_CHUNK);
    const i = door.at((chunk + 1) | 0);
    const value = door.words[i + word] as number;
    if (word !== 0 && !(value >= 0 && value <= this.capacity))
      throw this.corrupt('a chunk counts more slots than it has');
    return value;
  }

  private takenOf(chunk: number): number {
    const taken = this.chunkWord(chunk, 1);
    if (taken > this.chunkWord(chunk, 2)) throw this.corrupt('a chunk has given more than it held');
    return taken;
  }

  private writeChunkWord(chunk: number, word: number, value: number): void {
    const { door } = this.memory;
    const i = door.own(chunk, (chunk + 1) | 0, 1);
    door.words[i + word] = value;
  }

  private corrupt(what: string): ShmStoreError {
    return new ShmStoreError(
      'CORRUPT',
      `The queue at granule ${this.header >>> 0} is damaged: ${what}. Nothing was changed. Run a check of the store.`,
    );
  }
}

// Leaves a walk whose section is stale; the section looks at the sequence, never at the error.
const RESTART = new Error('A commit came in between.');

/**
 * A queue of values; structs become records of their own.
 *
 * @throws JournalError VALUE_TYPE_INVALID for values over 16 bytes and for collections
 */
export function queue<V, In = V>(valueType: FieldType<V, In>): FieldType<Queue<V, In>, undefined> {
  return new QueueType(valueType);
}

class QueueType<V, In> extends CollectionType<Queue<V, In>> {
  readonly kind = 'queue';
  readonly valueType: FieldType<V, In>;
  private readonly stored: StoredValue;

  constructor(valueType: FieldType<V, In>) {
    super();
    this.valueType = valueType;
    this.stored = storedValue(valueType as FieldType<unknown, never>);
    if (this.stored.isCollection) {
      throw new JournalError(
        'VALUE_TYPE_INVALID',
        `A queue holds values, not collections of kind ${valueType.kind}. Put the collection into a struct.`,
      );
    }
  }

  describe(): TypeDescription {
    return { kind: 'queue', value: this.stored.type.describe() };
  }

  open(memory: Memory, header: number): Queue<V, In> {
    return new Queue(memory, header, this.stored);
  }

  makeHeader(memory: Memory): number {
    const { door } = memory;
    const header = memory.heap.allocate(LAYOUT_QUEUE, 32);
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
      this.open(memory, header).walk(
        (chunk) => visitor.owned(chunk, { kind: 'queue.chunk' }),
        (chunk, word) => {
          visitor.enter(index++);
          this.stored.type.visit(memory, chunk, word, visitor);
          visitor.leave();
        },
      );
    } catch (error) {
      visitor.problem(error);
    }
  }
}
