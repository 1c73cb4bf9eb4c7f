// What a declared struct is, as types and as an object: the part that records, catalog and collections share.
//
// The types are written so that structs may refer to each other and to themselves (`get next() { return optional(ref(() => Node)); }`): a
// field's type is looked at only when that field is, so neither the names of a record's fields nor the constraints here may depend on it.
// The price: collections, which are only handed out, are not `readonly` in the record's type; assigning to one throws.

import type { FieldType, InputOf, OutputOf, RequiredFieldType } from './field-type.ts';

/** Fields of a struct by name. */
export type Fields = Readonly<Record<string, FieldType<unknown, never>>>;

/** What {@link struct} takes; anything but field types is refused when it runs. */
// A constraint other than `any` would make TypeScript look into every field while the struct is being declared.
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type DeclaredFields = Readonly<Record<string, any>>;

/** Fields that take values; collections are made with their record and only handed out. */
type WritableKey<F> = { [K in keyof F]: [InputOf<F[K]>] extends [undefined] ? never : K }[keyof F];
type RequiredKey<F> = { [K in keyof F]: F[K] extends RequiredFieldType<unknown, never> ? K : never }[keyof F];

/** A record of a struct: reads and writes the store in place. */
export type RecordOf<F> = { -readonly [K in keyof F]: OutputOf<F[K]> };

/** What a record is made from: a plain object; fields with a default may be left out. */
export type RecordInput<F> = { readonly [K in RequiredKey<F>]: InputOf<F[K]> } & {
  readonly [K in Exclude<WritableKey<F>, RequiredKey<F>>]?: InputOf<F[K]> | undefined;
};

/** A declared struct: as the field of another struct, a value inside it; in a collection, a record of its own. */
export interface StructType<F = Fields> extends FieldType<RecordOf<F>, RecordInput<F>> {
  readonly kind: 'struct';
  /** Name in the catalog. */
  readonly name: string;
  /** Which version of that name is meant; `undefined` is whichever version in the catalog fits. */
  readonly version: number | undefined;
  /** The declared fields. */
  readonly fields: F;
}

/** The record type of a declared struct: `type Account = RecordType<typeof Account>`. */
export type RecordType<S> = S extends { readonly fields: infer F } ? RecordOf<F> : never;

/** What a record is made from, for types that own records of their own type: which fields are required is not looked at. */
export type LooseInputOf<S> = S extends { readonly fields: infer F }
  ? { readonly [K in keyof F]?: InputOf<F[K]> | undefined }
  : never;
