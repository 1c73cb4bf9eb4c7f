// From a block to a record, with every proof that later accesses rely on.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { RecordOf, StructType } from '../types/struct-type.ts';
import { RecordHandle, type RecordPlace } from './record-handle.ts';

/**
 * The record of type `struct` that starts at granule `block`; valid until it is deleted. O(1). Call inside a read section or transaction.
 *
 * @throws ShmStoreError CORRUPT unless a live block large enough starts there; WRONG_TYPE when it is a record of another type
 */
export function openRecord<F>(memory: Memory, struct: StructType<F>, block: number): RecordOf<F> {
  const { heap } = memory;
  heap.prove(block);
  const layoutId = heap.layoutOf(block);
  const shape = memory.catalog.shape(struct as unknown as StructType, layoutId);
  requireCapacity(memory, shape, block);
  return new shape.record(memory, block, heap.stampOf(block), layoutId, 0) as unknown as RecordOf<F>;
}

/** Throws CORRUPT unless `block`, which must have been proved, is large enough for a layout. */
export function requireCapacity(
  memory: Memory,
  layout: { readonly name: string; readonly words: number },
  block: number,
): void {
  if (memory.heap.capacityBytes(block) >= layout.words * 4) return;
  throw new ShmStoreError(
    'CORRUPT',
    `The ${layout.name} at granule ${block >>> 0} is too small for its layout. Run a check of the store.`,
  );
}

/** True if both are the same record (or the same struct inside the same record) of the same store. */
export function isSameRecord(a: object, b: object): boolean {
  const placeA = RecordHandle.placeOf(a);
  const placeB = RecordHandle.placeOf(b);
  if (placeA === undefined || placeB === undefined) return false;
  return (
    placeA.memory.door === placeB.memory.door &&
    placeA.block === placeB.block &&
    placeA.stamp === placeB.stamp &&
    placeA.base === placeB.base
  );
}

/** True while the record has not been deleted. */
export function isRecordLive(record: object): boolean {
  const place = requirePlace(record);
  const { door, heap } = place.memory;
  for (;;) {
    const sequence = door.beginRead();
    const live = heap.isLive(place.block, place.stamp);
    if (door.endRead(sequence)) return live;
  }
}

/** Where a record lies. Throws TypeError for anything else. */
export function requirePlace(record: unknown): RecordPlace {
  const place = RecordHandle.placeOf(record);
  if (place === undefined) throw new TypeError('Expected a record of a store.');
  return place;
}
