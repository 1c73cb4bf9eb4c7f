// A record as a plain object, by the catalog alone: what migrations and exporters start from.

import type { Memory } from '../memory.ts';
import { readSection } from '../read-section.ts';
import { toPlain } from './create-record.ts';
import { openRecord } from './open-record.ts';

/** A record as its own layout describes it. */
export interface PlainRecord {
  /** Name of its type. */
  readonly name: string;
  /** Version of the type, for `migrate: { 'Account:1': … }`. */
  readonly version: number;
  readonly layoutId: number;
  /** A plain copy: structs inside are copied too, refs are records, collections are live. */
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Reads the record at granule `block` by its own catalog layout, whatever the program declares.
 *
 * @throws ShmStoreError CORRUPT, TYPE_UNKNOWN, DANGLING_REF
 */
export function readAsPlain(memory: Memory, block: number): PlainRecord {
  return readSection(memory.door, () => {
    memory.heap.prove(block);
    const layoutId = memory.heap.layoutOf(block);
    const { name, version } = memory.catalog.entry(layoutId);
    const record = openRecord(memory, memory.catalog.storedStruct(layoutId), block);
    return { name, version, layoutId, value: toPlain(record) };
  });
}
