// A ref: names a record that something else owns. Two words in one granule, so that no reader sees half of one:
//
//   word 0   granule of the record's block (0 never set)
//   word 1   its birth stamp (0 never set)
//
// Deleting the target clears its stamp, so the ref dangles, and stays told from a good one even when the place is used anew (R2).

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import { openRecord } from '../records/open-record.ts';
import { shapeOf } from '../records/record-class.ts';
import { RecordHandle } from '../records/record-handle.ts';
import type { FieldType, RequiredFieldType, TypeDescription, Visitor } from './field-type.ts';
import { invalidValue } from './invalid-value.ts';
import { unwrapOptional } from './optional.ts';
import { declaredTarget, type RecordTarget } from './record-target.ts';
import type { RecordType, StructType } from './struct-type.ts';
import { writeWord } from './words.ts';

/**
 * A ref to a record that something else owns. Reading gives the record; if it has been deleted, or the ref was never set, reading throws
 * DANGLING_REF (see {@link isDangling}). Takes a record of the same store that lies in a block of its own. No default: wrap it in optional().
 *
 * @param target gives the struct; a function, so that types may refer to each other and to themselves
 */
export function ref<S extends { readonly kind: 'struct' }>(target: () => S): RequiredFieldType<RecordType<S>> {
  return refTo(declaredTarget(target as unknown as () => StructType)) as unknown as RequiredFieldType<RecordType<S>>;
}

/** A ref to whatever struct the target says; for types built from the catalog. */
export function refTo(target: RecordTarget): RequiredFieldType<unknown> {
  return new RefType(target);
}

/**
 * True if the field holds a ref that was set and whose record is gone. Does not throw for a dangling ref.
 *
 * @param record a record
 * @param field name of a field of type ref or optional ref
 */
export function isDangling<R extends object>(record: R, field: keyof R & string): boolean {
  const place = RecordHandle.placeOf(record);
  const shaped = place && shapeOf(record as unknown as RecordHandle).fields.find(({ name }) => name === field);
  if (shaped === undefined || unwrapOptional(shaped.type).kind !== 'ref')
    throw new TypeError(`${field} is no ref of a record.`);
  try {
    return record[field] === null;
  } catch (error) {
    const lost = error instanceof ShmStoreError && error.code === 'DANGLING_REF' && error.data.target !== undefined;
    if (!lost) throw error;
    return error.data.target !== 0;
  }
}

class RefType implements RequiredFieldType<unknown> {
  readonly kind = 'ref';
  readonly words = 2;
  readonly alignWords = 2;
  readonly hasDefault = false;
  private readonly target: RecordTarget;

  constructor(target: RecordTarget) {
    this.target = target;
  }

  read(memory: Memory, block: number, word: number): unknown {
    const { granule, stamp } = readRef(memory, block, word);
    if (!memory.heap.isLive(granule, stamp)) throw this.dangling(granule, stamp);
    return openRecord(memory, this.target.structOf(memory, memory.heap.layoutOf(granule)), granule);
  }

  readAbsent(): never {
    throw this.dangling(0, 0);
  }

  readJson(memory: Memory, block: number, word: number): unknown {
    const { granule, stamp } = readRef(memory, block, word);
    return {
      ref: this.target.name(),
      granule: granule >>> 0,
      stamp: stamp >>> 0,
      dangling: !memory.heap.isLive(granule, stamp),
    };
  }

  initialize(memory: Memory, block: number, word: number, value: unknown): void {
    if (value !== undefined) this.write(memory, block, word, value);
  }

  write(memory: Memory, block: number, word: number, value: unknown): void {
    const place = RecordHandle.placeOf(value);
    const name = this.target.name();
    if (place === undefined || shapeOf(value as RecordHandle).name !== name)
      throw invalidValue(`a ${name} record of this store`, value);
    if (place.memory.door !== memory.door) throw invalidValue(`a ${name} of this store, not of another one`, value);
    if (shapeOf(value as RecordHandle).layoutId === 0)
      throw invalidValue(`a ${name} in a block of its own, not one inside another record`, value);
    if (!memory.heap.isLive(place.block, place.stamp)) throw invalidValue(`a ${name} that has not been deleted`, value);
    writeWord(memory.door, block, word, place.block);
    writeWord(memory.door, block, word + 1, place.stamp);
  }

  release(): void {}

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    const { granule, stamp } = readRef(memory, block, word);
    visitor.ref(granule, stamp, this.describe());
  }

  parts(): readonly FieldType<unknown, never>[] {
    const { declared } = this.target;
    return declared === undefined ? [] : [declared() as unknown as FieldType<unknown, never>];
  }

  describe(): TypeDescription {
    return { kind: 'ref', to: this.target.name() };
  }

  private dangling(granule: number, stamp: number): ShmStoreError {
    const name = this.target.name();
    const what =
      stamp === 0
        ? `A ref to a ${name} was never set`
        : `A ref leads to a ${name} at granule ${granule >>> 0} that was deleted`;
    return new ShmStoreError(
      'DANGLING_REF',
      `${what}. Nothing was changed. Set the ref anew, or test it with isDangling() first.`,
      {
        data: { target: granule >>> 0, stamp: stamp >>> 0 },
      },
    );
  }
}

function readRef(memory: Memory, block: number, word: number): { granule: number; stamp: number } {
  const { door } = memory;
  const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return { granule: door.words[i] as number, stamp: door.words[i + 1] as number };
}
