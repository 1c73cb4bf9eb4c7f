// Declares a struct: the one place from which its layout in the store, its accessors and its TypeScript types come.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import { initializeFields, inputValues } from '../records/create-record.ts';
import { makeShape } from '../records/record-class.ts';
import type { RecordShape, ShapedField } from '../records/record-shape.ts';
import type { FieldType, JsonValue, TypeDescription, Visitor } from './field-type.ts';
import { isTypeName, NAME_LENGTH_MAX } from './names.ts';
import { FIELD_COUNT_MAX, packFields } from './pack-fields.ts';
import type { DeclaredFields, Fields, RecordInput, RecordOf, StructType } from './struct-type.ts';
import { clearWords } from './words.ts';

/** Highest version of a type. */
export const VERSION_MAX: number = 1_000_000;

const NAME_RULE = `1 to ${NAME_LENGTH_MAX} letters, digits, "_" and "$" that mean nothing else in JavaScript`;

/** Options of {@link struct}. */
export interface StructOptions {
  /** Which version of the type is meant, from 1 on; needed only where several could fit. */
  readonly version?: number;
}

/**
 * Declares a record type. The name identifies it in the store's catalog; the order of the fields does not matter.
 *
 * As a field of another struct it lies inside that one, and is part of its layout; in a tree or list each value is a record of its own.
 *
 * @param name 1 to 128 letters, digits, `_` and `$`, not beginning with a digit; the same for fields
 * @throws ShmStoreError INVALID_TYPE
 * @example
 * const Account = struct('Account', { owner: text(), balance: f64(), manager: optional(ref(() => Person)) });
 */
export function struct<const F extends DeclaredFields>(
  name: string,
  fields: F,
  options: StructOptions = {},
): StructType<F> {
  if (!isTypeName(name)) throw invalidType(`A struct is named by ${NAME_RULE}, not ${JSON.stringify(name)}`);
  for (const option of Object.keys(options)) {
    if (option !== 'version')
      throw new ShmStoreError(
        'UNKNOWN_OPTION',
        `struct() has no option "${option}"; it has version. No type was made.`,
      );
  }
  const { version } = options;
  if (version !== undefined && !(Number.isInteger(version) && version >= 1 && version <= VERSION_MAX)) {
    throw invalidType(`${name}: a version is an integer from 1 to ${VERSION_MAX}`);
  }
  const names = Object.keys(fields);
  if (names.length > FIELD_COUNT_MAX)
    throw invalidType(`${name} has ${names.length} fields; ${FIELD_COUNT_MAX} are allowed`);
  for (const field of names) {
    if (!isTypeName(field))
      throw invalidType(`A field of ${name} is named by ${NAME_RULE}, not ${JSON.stringify(field)}`);
    if (typeof fields[field]?.describe !== 'function')
      throw invalidType(`${name}.${field} is no type; use f64(), text(), …`);
  }
  return new Struct(name, ownFields(fields), version) as unknown as StructType<F>;
}

class Struct implements StructType {
  readonly kind = 'struct';
  readonly hasDefault: boolean;
  readonly words: number;
  readonly alignWords: 1 | 2 | 4;
  readonly name: string;
  readonly version: number | undefined;
  readonly fields: Fields;
  private readonly inside: RecordShape;

  constructor(name: string, fields: Fields, version: number | undefined) {
    this.name = name;
    this.version = version;
    this.fields = fields;
    const types = Object.entries(fields) as [string, FieldType<unknown, unknown>][];
    this.hasDefault = types.every(([, type]) => type.hasDefault);
    this.alignWords = Math.max(1, ...types.map(([, type]) => type.alignWords)) as 1 | 2 | 4;
    const packed = packFields(types, 0);
    this.words = Math.max(1, packed.end);
    this.inside = makeShape({
      name,
      layoutId: 0,
      words: this.words,
      fields: types.map(([field, type]): ShapedField => {
        return { name: field, type, place: { where: 'record', word: packed.words.get(field) as number } };
      }),
    });
  }

  read(memory: Memory, block: number, word: number): RecordOf<Fields> {
    const { heap } = memory;
    return new this.inside.record(
      memory,
      block,
      heap.stampOf(block),
      heap.layoutOf(block),
      word,
    ) as unknown as RecordOf<Fields>;
  }

  initialize(memory: Memory, block: number, word: number, value: RecordInput<Fields> | undefined): void {
    try {
      initializeFields(memory, this.inside, block, word, inputValues(this.inside, value));
    } catch (error) {
      this.clear(memory, block, word);
      throw error;
    }
  }

  write(memory: Memory, block: number, word: number, value: RecordInput<Fields>): void {
    const values = inputValues(this.inside, value);
    memory.run(() => {
      this.clear(memory, block, word);
      initializeFields(memory, this.inside, block, word, values);
    });
  }

  release(memory: Memory, block: number, word: number): void {
    for (const { type, place } of this.inside.fields)
      if (place.where === 'record') type.release(memory, block, word + place.word);
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    for (const { name, type, place } of this.inside.fields) {
      if (place.where !== 'record') continue;
      visitor.enter(name);
      type.visit(memory, block, word + place.word, visitor);
      visitor.leave();
    }
  }

  parts(): readonly FieldType<unknown, never>[] {
    return Object.values(this.fields);
  }

  describe(): TypeDescription {
    const fields: Record<string, JsonValue> = {};
    for (const { name, type, place } of this.inside.fields) {
      fields[name] = { at: (place as { word: number }).word, type: type.describe() };
    }
    return { kind: 'struct', name: this.name, words: this.words, fields };
  }

  private clear(memory: Memory, block: number, word: number): void {
    this.release(memory, block, word);
    clearWords(memory.door, block, word, this.words);
  }
}

/** A copy without a prototype, so that looking up a name never finds what every object has. */
function ownFields(fields: DeclaredFields): Fields {
  return Object.freeze(Object.assign(Object.create(null) as Record<string, never>, fields)) as Fields;
}

function invalidType(what: string): ShmStoreError {
  return new ShmStoreError('INVALID_TYPE', `${what}. No type was made. Correct the declaration.`);
}
