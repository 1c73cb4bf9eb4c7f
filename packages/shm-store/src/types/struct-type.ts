// What a declared struct is, as types and as an object: the part that records, catalog and collections share.

import type { FieldType, InputOf, OutputOf, RequiredFieldType } from './field-type.ts';

/** Fields of a struct by name. */
export type Fields = Readonly<Record<string, FieldType<unknown, never>>>;

/** Fields that take values; collections are made with their record and only handed out. */
type WritableKey<F extends Fields> = { [K in keyof F]: [InputOf<F[K]>] extends [undefined] ? never : K }[keyof F];
type RequiredKey<F extends Fields> = { [K in keyof F]: F[K] extends RequiredFieldType<unknown, never> ? K : never }[keyof F];

/** A record of a struct: reads and writes the store in place. */
export type RecordOf<F extends Fields> = { [K in WritableKey<F>]: OutputOf<F[K]> } & {
  readonly [K in Exclude<keyof F, WritableKey<F>>]: OutputOf<F[K]>;
};

/** What a record is made from: a plain object; fields with a default may be left out. */
export type RecordInput<F extends Fields> = { readonly [K in RequiredKey<F>]: InputOf<F[K]> } & {
  readonly [K in Exclude<WritableKey<F>, RequiredKey<F>>]?: InputOf<F[K]> | undefined;
};

/** A declared struct: as the field of another struct, a value inside it; in a collection, a record of its own. */
export interface StructType<F extends Fields = Fields> extends FieldType<RecordOf<F>, RecordInput<F>> {
  readonly kind: 'struct';
  /** Name in the catalog. */
  readonly name: string;
  /** Which version of that name is meant; `undefined` is whichever version in the catalog fits. */
  readonly version: number | undefined;
  /** The declared fields. */
  readonly fields: F;
}

/** The record type of a declared struct: `type Account = RecordType<typeof Account>`. */
export type RecordType<S> = S extends StructType<infer F> ? RecordOf<F> : never;
