// A number that many change: adding is a transaction of its own, so no addition is lost.
//
// Block: word 0-1 the value as a double, one chunk.

import {
  type Door,
  type FieldType,
  LAYOUT_COUNTER,
  type Memory,
  ShmStoreError,
  type TypeDescription,
  type Visitor,
} from '@mofo/shm-store';
import { CollectionType } from './collection-type.ts';
import { requireHandle } from './handle.ts';

/**
 * A counter in the store: a live handle. Reading is one consistent moment; writing outside a transaction is a transaction of its own.
 * Counts are doubles: whole numbers up to 2^53 are exact. Throws DANGLING_REF when the counter is no more.
 */
export class Counter {
  private readonly memory: Memory;
  private readonly header: number;
  private readonly stamp: number;

  /** Programs get counters from their store; see {@link counter}. */
  constructor(memory: Memory, header: number) {
    memory.heap.check(header, LAYOUT_COUNTER);
    this.memory = memory;
    this.header = header;
    this.stamp = memory.heap.stampOf(header);
  }

  /** The count now. */
  get value(): number {
    const { door } = this.memory;
    for (;;) {
      const sequence = door.beginRead();
      let value: number;
      try {
        value = this.read(door);
      } catch (error) {
        if (!door.endRead(sequence)) continue;
        throw error;
      }
      if (door.endRead(sequence)) return value;
    }
  }

  /** Adds `amount` (default 1; may be negative or a fraction) and returns the new count. Throws INVALID_VALUE unless the result is finite. */
  add(amount = 1): number {
    const { memory } = this;
    if (!memory.door.inTransaction) return memory.run(() => this.add(amount));
    return this.write(this.read(memory.door) + amount);
  }

  /** Sets the count. Throws INVALID_VALUE unless it is finite. */
  set(value: number): void {
    const { memory } = this;
    if (memory.door.inTransaction) this.write(value);
    else memory.run(() => this.write(value));
  }

  /** The count, for JSON. */
  toJSON(): number {
    return this.value;
  }

  private read(door: Door): number {
    requireHandle(this.memory, this.header, this.stamp, LAYOUT_COUNTER, 'counter');
    const i = door.at((this.header + 1) | 0);
    return door.floats[i >> 1] as number;
  }

  private write(value: number): number {
    const { memory, header } = this;
    requireHandle(memory, header, this.stamp, LAYOUT_COUNTER, 'counter');
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new ShmStoreError(
        'INVALID_VALUE',
        `A count is a finite number, not ${String(value)}. Nothing was changed.`,
      );
    }
    const i = memory.door.own(header, (header + 1) | 0, 1);
    memory.door.floats[i >> 1] = value;
    return value;
  }
}

/** A counter, starting at 0. */
export function counter(): FieldType<Counter, undefined> {
  return COUNTER;
}

class CounterType extends CollectionType<Counter> {
  readonly kind = 'counter';

  describe(): TypeDescription {
    return { kind: 'counter' };
  }

  open(memory: Memory, header: number): Counter {
    return new Counter(memory, header);
  }

  makeHeader(memory: Memory): number {
    return memory.heap.allocate(LAYOUT_COUNTER, 16);
  }

  releaseHeader(memory: Memory, header: number): void {
    memory.heap.check(header, LAYOUT_COUNTER);
    memory.heap.free(header);
  }

  visitBlocks(memory: Memory, header: number, visitor: Visitor): void {
    try {
      const { value } = this.open(memory, header);
      if (Number.isFinite(value)) visitor.scalar(value, { kind: 'f64' });
      else visitor.problem(new ShmStoreError('CORRUPT', `The counter at granule ${header >>> 0} holds ${value}.`));
    } catch (error) {
      visitor.problem(error);
    }
  }
}

const COUNTER: FieldType<Counter, undefined> = new CounterType();
