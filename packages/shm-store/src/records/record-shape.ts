// How one declared struct meets one layout in the catalog: for each declared field the place where its value lies (R15, R16). Accessors are
// made from a shape and used only with blocks of its layout.

import type { Memory } from '../memory.ts';
import type { FieldType } from '../types/field-type.ts';
import type { RecordHandle } from './record-handle.ts';

/** An extension of a layout by added fields: what an extension block with this layout id holds. */
export interface ExtensionLayout {
  readonly layoutId: number;
  /** Payload words of the extension block. */
  readonly words: number;
  /** Writes the defaults of all its fields, known to the program or not, into a fresh block. */
  initialize(memory: Memory, block: number): void;
}

/** Where a field lies: in the record; in an extension block; nowhere in this layout; or under its name lies something of another type. */
export type FieldPlace =
  | { readonly where: 'record'; readonly word: number }
  | { readonly where: 'extension'; readonly word: number; readonly extension: ExtensionLayout }
  | { readonly where: 'absent' }
  | { readonly where: 'changed' };

/** One declared field at its place. */
export interface ShapedField {
  readonly name: string;
  readonly type: FieldType<unknown, unknown>;
  readonly place: FieldPlace;
}

/** A struct at its places in one layout. */
export interface RecordShape {
  /** Name of the struct. */
  readonly name: string;
  /** Layout id of the blocks; 0 for a struct inside another one. */
  readonly layoutId: number;
  /** Payload words. */
  readonly words: number;
  readonly fields: readonly ShapedField[];
  readonly record: RecordClass;
}

/** Makes handles of one shape. `base` is the payload word at which the struct begins. */
export type RecordClass = new (
  memory: Memory,
  block: number,
  stamp: number,
  layoutId: number,
  base: number,
) => RecordHandle;
