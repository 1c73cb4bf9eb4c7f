// A record that a field or element owns: one word, an owning link to a block of its own. Unlike a struct inside its record it keeps its
// identity, can be the target of refs, and can grow by fields.

import type { Memory } from '../memory.ts';
import { createRecord, freeRecord, requireRecordOf } from '../records/create-record.ts';
import { openRecord } from '../records/open-record.ts';
import { RecordHandle } from '../records/record-handle.ts';
import { corruptValue } from './corrupt.ts';
import type { FieldType, TypeDescription, Visitor } from './field-type.ts';
import { declaredTarget, type RecordTarget } from './record-target.ts';
import type { Fields, LooseInputOf, RecordInput, RecordOf, RecordType, StructType } from './struct-type.ts';
import { readWord, writeWord } from './words.ts';

/**
 * A record of its own that this field or element owns; it is deleted with its owner. Writing replaces it by a new record made from a plain
 * object or copied from another record; writing the record that is there already changes nothing.
 *
 * @param struct the struct, or a function that gives it, for types that own records of their own type (TypeScript then
 *   takes all fields of the input as optional)
 */
export function record<F>(struct: StructType<F>): FieldType<RecordOf<F>, RecordInput<F>>;
export function record<S extends { readonly kind: 'struct' }>(
  struct: () => S,
): FieldType<RecordType<S>, LooseInputOf<S>>;
export function record(struct: unknown): FieldType<unknown, unknown> {
  return ownedRecord(declaredTarget((typeof struct === 'function' ? struct : () => struct) as () => StructType));
}

/** An owned record of whatever struct the target says; for types built from the catalog. */
export function ownedRecord(target: RecordTarget): FieldType<unknown, unknown> {
  return new RecordLinkType(target);
}

/**
 * How a collection stores elements of `type`: a struct as a record of its own, everything else as it is.
 */
export function elementType<Out, In>(type: FieldType<Out, In>): FieldType<Out, In> {
  return type.kind === 'struct' ? (record(type as unknown as StructType) as unknown as FieldType<Out, In>) : type;
}

class RecordLinkType implements FieldType<unknown, unknown> {
  readonly kind = 'record';
  readonly words = 1;
  readonly alignWords = 1;
  readonly hasDefault = true;
  private readonly target: RecordTarget;

  constructor(target: RecordTarget) {
    this.target = target;
  }

  read(memory: Memory, block: number, word: number): unknown {
    const owned = readWord(memory.door, block, word);
    if (owned === 0) throw corruptValue(block, word, `no link to a ${this.target.name()}`);
    memory.heap.prove(owned);
    return openRecord(memory, this.target.structOf(memory, memory.heap.layoutOf(owned)), owned);
  }

  initialize(memory: Memory, block: number, word: number, value: unknown): void {
    const made = createRecord(memory, this.target.structForNew(memory), value as RecordInput<Fields> | undefined);
    writeWord(memory.door, block, word, made);
  }

  write(memory: Memory, block: number, word: number, value: unknown): void {
    const old = readWord(memory.door, block, word);
    const place = RecordHandle.placeOf(value);
    if (place !== undefined && place.memory.door === memory.door && place.block === old && place.base === 0) return;
    this.initialize(memory, block, word, value);
    this.free(memory, old);
  }

  release(memory: Memory, block: number, word: number): void {
    this.free(memory, readWord(memory.door, block, word));
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    const owned = readWord(memory.door, block, word);
    if (owned === 0) visitor.problem(corruptValue(block, word, `no link to a ${this.target.name()}`));
    else visitor.owned(owned, this.describe());
  }

  parts(): readonly FieldType<unknown, never>[] {
    const { declared } = this.target;
    return declared === undefined ? [] : [declared() as unknown as FieldType<unknown, never>];
  }

  describe(): TypeDescription {
    return { kind: 'record', name: this.target.name() };
  }

  private free(memory: Memory, owned: number): void {
    if (owned === 0) return;
    requireRecordOf(memory, this.target.name(), owned);
    freeRecord(memory, owned);
  }
}
