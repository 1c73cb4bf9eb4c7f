// A record from one layout to another, in its place: block and birth stamp stay, so every ref and owning link to it stays good.
//
// The new record is made in a block of its own first, because what the program computes may come out of the old one; then what the old one had and the
// new one has not is freed, the words of what both have are moved as they are (collections, texts, owned records and refs with them), and the new
// payload is copied over the old. All of it is one step of the running transaction, through the journal.

import { ShmStoreError } from '../errors.ts';
import { relabelHeader } from '../heap/block-header.ts';
import { LAYOUT_EXTENSION } from '../layout.ts';
import type { Memory } from '../memory.ts';
import type { TypedField } from '../types/catalog.ts';
import { layoutKey } from '../types/description.ts';
import { atPath, invalidValue } from '../types/invalid-value.ts';
import type { StructType } from '../types/struct-type.ts';
import { clearWords, readWord, writeWord } from '../types/words.ts';
import { toPlain } from './create-record.ts';
import { walkExtensions } from './extension.ts';
import { openRecord } from './open-record.ts';
import { RecordHandle } from './record-handle.ts';
import type { ExtensionLayout, FieldPlace } from './record-shape.ts';

/** A record as a plain object, for the program that says what becomes of it. */
export type PlainFields = Readonly<Record<string, unknown>>;

/** A field of the old record: its type, its words, and where they lie. */
interface OldField extends TypedField {
  readonly block: number;
}

/**
 * Gives the record at granule `block` the layout `layoutId`, of which `struct` must be the declaration, in the running transaction.
 *
 * @param change gets a frozen plain copy of the old record (a dangling ref is `undefined`) and returns the new one's fields. A field that it leaves out or
 *   returns as it got it keeps what it holds if its type is the same, and gets its default if not; fields of the old record alone are ignored.
 * @throws ShmStoreError INVALID_VALUE when a value does not fit or one without a default is missing; CORRUPT; TYPE_UNKNOWN
 */
export function rewriteRecord(
  memory: Memory,
  block: number,
  struct: StructType,
  layoutId: number,
  change: (old: PlainFields) => PlainFields,
): void {
  const { catalog, heap } = memory;
  const oldLayout = heap.layoutOf(block);
  const oldEntry = catalog.entry(oldLayout);
  const oldFields = fieldsOf(memory, block);
  const old = plainOf(memory, catalog.storedStruct(oldLayout), block);
  const given = requireFields(struct, old, change(old));
  const { words, fields } = catalog.shape(struct, layoutId);
  if (heap.capacityBytes(block) < words * 4) {
    throw new ShmStoreError(
      'INVALID_TYPE',
      `A record of ${struct.name} has no room for the new layout. Nothing was changed.`,
    );
  }

  const kept = new Map<string, Int32Array>();
  for (const field of oldFields) {
    if (isKept(struct, field, old, given)) kept.set(field.name, wordsOf(memory, field));
  }
  const fresh = heap.allocate(layoutId, words * 4);
  let extension = 0;
  const homeOf = (place: FieldPlace): number => {
    if (place.where === 'record') return fresh;
    if (extension === 0) extension = makeExtension(memory, (place as { extension: ExtensionLayout }).extension);
    return extension;
  };
  for (const { name, type, place } of fields) {
    if (place.where !== 'record' && place.where !== 'extension') throw invalidValue('a layout made for it', name);
    const value = given[name];
    try {
      if (kept.has(name)) moveWords(memory, kept.get(name) as Int32Array, homeOf(place), place.word);
      else if (value === undefined && !type.hasDefault) throw invalidValue('a value', undefined);
      else type.initialize(memory, homeOf(place), place.word, value);
    } catch (error) {
      throw atPath(`${struct.name}.${name}`, error);
    }
  }

  for (const { name, type, block: home, word } of oldFields) if (!kept.has(name)) type.release(memory, home, word);
  for (const home of new Set(oldFields.map((field) => field.block))) if (home !== block) heap.free(home);
  for (let word = 1; word < words; word++) writeWord(memory.door, block, word, readWord(memory.door, fresh, word));
  if (oldEntry.words > words) clearWords(memory.door, block, words, oldEntry.words - words);
  writeWord(memory.door, block, 0, extension);
  const i = memory.door.own(block, block, 1);
  relabelHeader(memory.door.words, i, block, layoutId);
  heap.free(fresh);
}

/** All fields that the record has, its extensions included. */
function fieldsOf(memory: Memory, block: number): OldField[] {
  const { catalog, heap } = memory;
  const withBlock = (layoutId: number, home: number): OldField[] =>
    catalog.storedFields(catalog.entry(layoutId)).map((field) => ({ ...field, block: home }));
  const fields = withBlock(heap.layoutOf(block), block);
  walkExtensions(memory, block, (extension, layoutId) => {
    fields.push(...withBlock(layoutId, extension));
    return false;
  });
  return fields;
}

/** A frozen plain copy; what is left of a dangling ref is `undefined`. */
function plainOf(memory: Memory, stored: StructType, block: number): PlainFields {
  const record = openRecord(memory, stored, block) as Readonly<Record<string, unknown>>;
  const plain: Record<string, unknown> = {};
  for (const name of Object.keys(stored.fields)) {
    try {
      plain[name] = frozen(record[name]);
    } catch (error) {
      if (!(error instanceof ShmStoreError) || error.code !== 'DANGLING_REF') throw error;
      plain[name] = undefined;
    }
  }
  return Object.freeze(plain);
}

/** Structs inside as plain objects, and plain objects frozen all the way down, so that a value that is returned as it was is as it was. */
function frozen(value: unknown): unknown {
  const isInside = (RecordHandle.placeOf(value)?.base ?? 0) !== 0;
  const plain = isInside ? toPlain(value as object) : value;
  const isPlain =
    typeof plain === 'object' &&
    plain !== null &&
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(plain));
  if (!isPlain) return plain;
  for (const part of Object.values(plain as object)) frozen(part);
  return Object.freeze(plain);
}

function requireFields(struct: StructType, old: PlainFields, given: unknown): PlainFields {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw atPath(struct.name, invalidValue('an object', given));
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(struct.fields, name) || Object.hasOwn(old, name)) continue;
    throw atPath(`${struct.name}.${name}`, invalidValue('no field of that name', (given as PlainFields)[name]));
  }
  return given as PlainFields;
}

function isKept(struct: StructType, field: OldField, old: PlainFields, given: PlainFields): boolean {
  const { name } = field;
  const type = Object.hasOwn(struct.fields, name) ? struct.fields[name] : undefined;
  if (type === undefined || layoutKey(type.describe()) !== field.key) return false;
  if (!Object.hasOwn(given, name)) return true;
  // Bytes are a copy that the program may have written to.
  return Object.is(given[name], old[name]) && !(old[name] instanceof Uint8Array);
}

function makeExtension(memory: Memory, extension: ExtensionLayout): number {
  const block = memory.heap.allocate(LAYOUT_EXTENSION, extension.words * 4);
  writeWord(memory.door, block, 0, extension.layoutId);
  return block;
}

function wordsOf(memory: Memory, { block, word, type }: OldField): Int32Array {
  return Int32Array.from({ length: type.words }, (_, k) => readWord(memory.door, block, word + k));
}

function moveWords(memory: Memory, words: Int32Array, block: number, word: number): void {
  for (let k = 0; k < words.length; k++) writeWord(memory.door, block, word + k, words[k] as number);
}
