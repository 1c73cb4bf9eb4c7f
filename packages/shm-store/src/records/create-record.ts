// Making, copying and deleting records.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { CatalogEntry } from '../types/catalog-entry.ts';
import { atPath, invalidValue } from '../types/invalid-value.ts';
import type { RecordInput, RecordOf, StructType } from '../types/struct-type.ts';
import { ensureExtension, walkExtensions } from './extension.ts';
import { openRecord, requireCapacity } from './open-record.ts';
import { shapeOf } from './record-class.ts';
import { RecordHandle } from './record-handle.ts';
import type { RecordShape } from './record-shape.ts';

/** Deepest chain of records that own records, when they are deleted. */
export const FREE_DEPTH_MAX: number = 500;
let freeDepth = 0;

/**
 * Makes a record in the running transaction and returns its block. What makes it reachable (and so keeps it) is up to the caller.
 *
 * @param input a plain object, or a record, which is copied; fields left out get their defaults
 * @throws ShmStoreError INVALID_VALUE (nothing is left behind); READ_ONLY outside a transaction; STORE_FULL
 */
export function createRecord<F>(memory: Memory, struct: StructType<F>, input: RecordInput<F> | undefined): number {
  memory.door.requireTransaction(`create a record of ${struct.name}`);
  const layoutId = memory.catalog.resolve(struct as unknown as StructType);
  const shape = memory.catalog.shape(struct as unknown as StructType, layoutId);
  let block = 0;
  try {
    const values = inputValues(shape, input);
    block = memory.heap.allocate(layoutId, shape.words * 4);
    initializeFields(memory, shape, block, 0, values);
    return block;
  } catch (error) {
    if (error instanceof RangeError) memory.door.failure ??= error;
    if (block !== 0) freeRecord(memory, block);
    throw atPath(struct.name, error);
  }
}

/** Creates a record and opens it. */
export function newRecord<F>(memory: Memory, struct: StructType<F>, input?: RecordInput<F>): RecordOf<F> {
  return openRecord(memory, struct, createRecord(memory, struct, input));
}

/** Writes the first values of all fields of a struct at word `base` of a fresh block. */
export function initializeFields(
  memory: Memory,
  shape: RecordShape,
  block: number,
  base: number,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const { name, type, place } of shape.fields) {
    const value = values[name];
    if (value === undefined && !type.hasDefault) throw atPath(name, invalidValue('a value', undefined));
    try {
      if (place.where === 'record') type.initialize(memory, block, base + place.word, value);
      else if (place.where === 'extension' && value !== undefined) {
        type.write(memory, ensureExtension(memory, block, place.extension), place.word, value);
      }
    } catch (error) {
      throw atPath(name, error);
    }
  }
}

/** The values of an input by field. Throws INVALID_VALUE for anything but an object, and for fields that the struct does not have. */
export function inputValues(shape: RecordShape, input: unknown): Readonly<Record<string, unknown>> {
  if (input === undefined) return {};
  if (input instanceof RecordHandle) return toPlain(input);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw invalidValue('an object', input);
  const values = input as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(values)) {
    if (!shape.fields.some((field) => field.name === name)) {
      throw atPath(name, invalidValue(`no field of that name (it has ${fieldNames(shape)})`, values[name]));
    }
  }
  return values;
}

/**
 * A plain copy of a record as of one moment: structs inside are copied too, refs stay records, collections stay live.
 *
 * @throws ShmStoreError DANGLING_REF when the record or the target of a ref in it is gone
 */
export function toPlain<R extends object>(record: R): { -readonly [K in keyof R]: R[K] } {
  const handle = record as unknown as RecordHandle;
  const shape = shapeOf(handle);
  return RecordHandle.readSection(handle, shape.name, () => {
    const plain: Record<string, unknown> = {};
    for (const { name, type } of shape.fields) {
      const value = (record as Record<string, unknown>)[name];
      const inside = value instanceof RecordHandle && (type.kind === 'struct' || isStructInside(type.describe()));
      plain[name] = inside ? toPlain(value) : value;
    }
    return plain as { -readonly [K in keyof R]: R[K] };
  });
}

/**
 * Deletes a record with everything it owns, fields of newer programs included. Refs to it dangle from the commit on.
 *
 * @throws ShmStoreError CORRUPT unless `block` is a record; TYPE_UNKNOWN when it has a field of a kind that this program cannot free
 */
export function freeRecord(memory: Memory, block: number): void {
  if (freeDepth === FREE_DEPTH_MAX) {
    throw new ShmStoreError(
      'CORRUPT',
      `Records own each other more than ${FREE_DEPTH_MAX} deep. Let the transaction fail, and run a check of the store.`,
    );
  }
  freeDepth++;
  try {
    freeOwned(memory, block);
  } finally {
    freeDepth--;
  }
}

function freeOwned(memory: Memory, block: number): void {
  const { catalog, heap } = memory;
  heap.prove(block);
  releaseFields(memory, catalog.entry(heap.layoutOf(block)), block);
  const extensions: number[] = [];
  walkExtensions(memory, block, (extension, layoutId) => {
    releaseFields(memory, catalog.entry(layoutId), extension);
    extensions.push(extension);
    return false;
  });
  for (const extension of extensions) heap.free(extension);
  heap.free(block);
}

function releaseFields(memory: Memory, entry: CatalogEntry, block: number): void {
  requireCapacity(memory, entry, block);
  for (const { type, word } of memory.catalog.storedFields(entry)) type.release(memory, block, word);
}

/** Throws WRONG_TYPE unless the layout of `block` belongs to the type called `name`. */
export function requireRecordOf(memory: Memory, name: string, block: number): void {
  memory.heap.prove(block);
  const entry = memory.catalog.entry(memory.heap.layoutOf(block));
  if (entry.name === name && entry.base === entry.layoutId) return;
  throw new ShmStoreError(
    'WRONG_TYPE',
    `The block at granule ${block >>> 0} is a ${entry.name}, not a ${name}. Nothing was changed.`,
  );
}

function isStructInside(description: { readonly kind: string; readonly [key: string]: unknown }): boolean {
  if (description.kind === 'optional') return isStructInside(description.of as { kind: string });
  return description.kind === 'struct' || description.kind === 'record';
}

function fieldNames(shape: RecordShape): string {
  return shape.fields.map((field) => field.name).join(', ');
}
