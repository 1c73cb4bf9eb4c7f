// The kinds of types and blocks that a program knows, as a table handed to whoever reads a store by its catalog alone: checkers,
// exporters, and the deletion of fields that a newer program added. Packages with kinds of their own pass an extended table.

import { ShmStoreError } from '../errors.ts';
import { LAYOUT_BLOB, LAYOUT_CATALOG_ENTRY } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { i64, u64 } from './big-integers.ts';
import { bytes, json, text } from './blob-type.ts';
import { DESCRIPTION_DEPTH_MAX, isObject, layoutKey, requireDescription } from './description.ts';
import type { FieldType, TypeDescription, Visitor } from './field-type.ts';
import { boolean, f32, f64, i8, i16, i32, timestamp, u8, u16, u32 } from './numbers.ts';
import { oneOf } from './one-of.ts';
import { optional } from './optional.ts';
import { ownedRecord } from './record-link.ts';
import { catalogTarget } from './record-target.ts';
import { refTo } from './ref.ts';
import { struct } from './struct.ts';
import { withDefault } from './with-default.ts';

/** Makes the type of a kind from its description; `inner` makes the types inside it. Throws on descriptions that make no sense. */
export type TypeMaker = (
  description: TypeDescription,
  inner: (description: unknown) => FieldType<unknown, unknown>,
) => FieldType<unknown, unknown>;

/** A kind of block with a fixed layout id. */
export interface BlockKind {
  readonly name: string;
  /** Reports what a block of this kind holds; `type` is what its owner said of it, if it said something. */
  visit(memory: Memory, block: number, type: TypeDescription | undefined, visitor: Visitor): void;
}

/** All kinds that a program knows. */
export interface TypeKinds {
  /** By `kind` of a description. */
  readonly types: ReadonlyMap<string, TypeMaker>;
  /** By layout id. */
  readonly blocks: ReadonlyMap<number, BlockKind>;
}

/** A table with more kinds: `base` and, winning over it, `more`. */
export function extendKinds(
  base: TypeKinds,
  more: {
    readonly types?: Iterable<readonly [string, TypeMaker]>;
    readonly blocks?: Iterable<readonly [number, BlockKind]>;
  },
): TypeKinds {
  return {
    types: new Map([...base.types, ...(more.types ?? [])]),
    blocks: new Map([...base.blocks, ...(more.blocks ?? [])]),
  };
}

/**
 * Makes a type from a description found in a store. Records behind refs and links are looked up in the catalog by name when they are read.
 *
 * @throws ShmStoreError TYPE_UNKNOWN for a kind that is not in the table, CORRUPT for a description that makes no sense
 */
export function typeFromDescription(description: TypeDescription, kinds: TypeKinds): FieldType<unknown, unknown> {
  return makeType(description, kinds, 0);
}

function makeType(value: unknown, kinds: TypeKinds, depth: number): FieldType<unknown, unknown> {
  const description = requireDescription(value, 'A type');
  if (depth > DESCRIPTION_DEPTH_MAX) throw corruptType(description);
  const make = kinds.types.get(description.kind);
  if (make === undefined) {
    throw new ShmStoreError(
      'TYPE_UNKNOWN',
      `This program does not know the kind ${JSON.stringify(description.kind)} of a stored type. Nothing was changed. Use a newer version, or pass its kinds.`,
      { data: { kind: description.kind } },
    );
  }
  let type: FieldType<unknown, unknown>;
  try {
    type = make(description, (inner) => makeType(inner, kinds, depth + 1));
  } catch (error) {
    if (error instanceof ShmStoreError && error.code !== 'INVALID_TYPE') throw error;
    throw corruptType(description, error);
  }
  if (layoutKey(type.describe()) !== layoutKey(description)) throw corruptType(description);
  return type;
}

function corruptType(description: TypeDescription, cause?: unknown): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `A stored description of kind ${JSON.stringify(description.kind)} makes no sense. Nothing was changed. Run a check of the store.`,
    cause === undefined ? {} : { cause },
  );
}

const PLAIN_TYPES = [f64, f32, i8, i16, i32, u8, u16, u32, i64, u64, boolean, timestamp, text, bytes, json] as const;

/** `type`, with the default that its description names, if it names one. */
function withStoredDefault(
  type: FieldType<unknown, unknown>,
  description: TypeDescription,
): FieldType<unknown, unknown> {
  const value = description.default;
  return value === undefined
    ? type
    : (withDefault(type as FieldType<string>, value as string) as FieldType<unknown, unknown>);
}

function structMaker(
  description: TypeDescription,
  inner: (description: unknown) => FieldType<unknown, unknown>,
): FieldType<unknown, unknown> {
  const fields: Record<string, FieldType<unknown, unknown>> = {};
  for (const [name, field] of Object.entries(description.fields as object)) {
    fields[name] = inner(isObject(field) ? field.type : undefined);
  }
  return struct(description.name as string, fields) as unknown as FieldType<unknown, unknown>;
}

/** The kinds of this package. Its blobs and catalog entries hold nothing that their owners do not report. */
export const standardKinds: TypeKinds = {
  types: new Map<string, TypeMaker>([
    ...PLAIN_TYPES.map((type): [string, TypeMaker] => {
      return [type().kind, (description) => withStoredDefault(type() as FieldType<unknown, unknown>, description)];
    }),
    ['oneOf', (description) => withStoredDefault(oneOf(...(description.values as string[])), description)],
    ['optional', (description, inner) => optional(inner(description.of))],
    ['ref', (description) => refTo(catalogTarget(description.to as string))],
    ['record', (description) => ownedRecord(catalogTarget(description.name as string))],
    ['struct', structMaker],
  ]),
  blocks: new Map<number, BlockKind>([
    [LAYOUT_BLOB, { name: 'blob', visit: () => {} }],
    [LAYOUT_CATALOG_ENTRY, { name: 'catalog entry', visit: () => {} }],
  ]),
};
