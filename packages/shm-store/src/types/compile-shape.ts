// From a declared struct and the layout of a block to the places of its fields. The types are the program's own, the places the catalog's;
// each place is checked against the size of its block, because both an offset and a size from damaged bytes would lead into a neighbour.

import { ShmStoreError } from '../errors.ts';
import { makeShape } from '../records/record-class.ts';
import type { ExtensionLayout, FieldPlace, RecordShape, ShapedField } from '../records/record-shape.ts';
import type { CatalogEntry, StoredField } from './catalog-entry.ts';
import { corruptValue } from './corrupt.ts';
import { layoutKey } from './description.ts';
import type { FieldType } from './field-type.ts';
import type { StructType } from './struct-type.ts';

/** A field of a stored layout with its type. */
export interface TypedField extends StoredField {
  readonly type: FieldType<unknown, unknown>;
}

/**
 * The shape of `struct` in blocks of the layout `base`.
 *
 * @param storedFields gives the fields of an entry, also those that the program does not declare
 * @throws ShmStoreError WRONG_TYPE, CORRUPT
 */
export function compileShape(
  struct: StructType,
  base: CatalogEntry,
  extensions: readonly CatalogEntry[],
  storedFields: (entry: CatalogEntry) => readonly TypedField[],
): RecordShape {
  if (base.name !== struct.name || base.kind !== 'struct') {
    throw new ShmStoreError(
      'WRONG_TYPE',
      `Found a ${base.name} (layout ${base.layoutId}) where a ${struct.name} was expected. Nothing was changed.`,
      { data: { layoutId: base.layoutId, found: base.name, expected: struct.name } },
    );
  }
  const layouts = [base, ...extensions];
  for (const entry of layouts) requireRoom(entry, declaredFields(struct, entry));
  const fields = Object.entries(struct.fields).map(([name, declared]): ShapedField => {
    const type = declared as FieldType<unknown, unknown>;
    return { name, type, place: placeOf(struct, name, type, layouts, storedFields) };
  });
  return makeShape({ name: struct.name, layoutId: base.layoutId, words: base.words, fields });
}

/** Throws CORRUPT unless the fields lie aligned, apart from each other, and inside a block of the entry's size. */
export function requireRoom(entry: CatalogEntry, fields: readonly TypedField[]): void {
  const taken = new Uint8Array(entry.words);
  for (const { name, word, type } of fields) {
    const end = word + type.words;
    if (word % type.alignWords !== 0 || end > entry.words || taken.subarray(word, end).includes(1)) {
      throw corruptValue(entry.block, 0, `a field ${name} at word ${word}, where it cannot lie,`);
    }
    taken.fill(1, word, end);
  }
}

/** The fields of an entry that `struct` declares alike. */
function declaredFields(struct: StructType, entry: CatalogEntry): TypedField[] {
  const fields: TypedField[] = [];
  for (const stored of entry.fields.values()) {
    const type = struct.fields[stored.name] as FieldType<unknown, unknown> | undefined;
    if (type !== undefined && layoutKey(type.describe()) === stored.key) fields.push({ ...stored, type });
  }
  return fields;
}

function placeOf(
  struct: StructType,
  name: string,
  type: FieldType<unknown, unknown>,
  layouts: readonly CatalogEntry[],
  storedFields: (entry: CatalogEntry) => readonly TypedField[],
): FieldPlace {
  const home = layouts.find((entry) => entry.fields.has(name));
  const stored = home?.fields.get(name);
  if (home === undefined || stored === undefined) return { where: 'absent' };
  if (stored.key !== layoutKey(type.describe())) return { where: 'changed' };
  if (home.kind === 'struct') return { where: 'record', word: stored.word };
  return { where: 'extension', word: stored.word, extension: extensionLayout(struct, home, storedFields) };
}

/** How an extension block begins: with the program's own types where it declares the field, else with what the catalog says. */
function extensionLayout(
  struct: StructType,
  entry: CatalogEntry,
  storedFields: (entry: CatalogEntry) => readonly TypedField[],
): ExtensionLayout {
  return {
    layoutId: entry.layoutId,
    words: entry.words,
    initialize: (memory, block) => {
      const own = new Map(declaredFields(struct, entry).map(({ name, type }) => [name, type]));
      const fields = own.size === entry.fields.size ? declaredFields(struct, entry) : storedFields(entry);
      for (const { name, type, word } of fields) (own.get(name) ?? type).initialize(memory, block, word, undefined);
    },
  };
}
