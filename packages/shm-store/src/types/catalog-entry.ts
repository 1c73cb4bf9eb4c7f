// One entry of the catalog inside the store: a layout, as every later program finds it.
//
//   word 0   next older entry (owning link, 0 none)
//   word 1   layout id
//   word 2   layout id of the previous entry of the same type name, or 0
//   word 3   CRC-32 of the description
//   word 4   length of the description in bytes
//   word 5-7 zero
//   word 8…  the description: JSON as UTF-8
//
//   { "kind": "struct", "name": "Account", "version": 1, "words": 6, "fields": { "balance": { "at": 2, "type": { "kind": "f64" } }, … } }
//   { "kind": "extension", …, "base": 64, … }      fields added to layout 64, which lie in extension blocks
//
// Entries are written once, in the transaction that adds them, and never changed or removed; ids grow and are never given twice. A crash
// leaves the list with the entry or without it. Everything is input: a reader checks lengths, hash, ids and the shape of the JSON.

import { crc32 } from 'node:zlib';
import { ShmStoreError } from '../errors.ts';
import { LAYOUT_CATALOG_ENTRY, LAYOUT_USER_FIRST } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { EXTENSION_FIRST_WORD } from '../records/extension.ts';
import { isObject, layoutKey, requireDescription } from './description.ts';
import type { JsonValue, TypeDescription } from './field-type.ts';
import { isTypeName } from './names.ts';
import { FIELD_COUNT_MAX, RECORD_WORDS_MAX } from './pack-fields.ts';

/** Longest description of one layout in bytes. */
export const DESCRIPTION_BYTES_MAX: number = 256 * 1024;

const HEADER_BYTES = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A field as the catalog describes it. */
export interface StoredField {
  readonly name: string;
  /** Payload word in the record or extension block. */
  readonly word: number;
  readonly description: TypeDescription;
  /** Canonical text of the description: equal for equal layouts. */
  readonly key: string;
}

/** What an entry says. */
export interface LayoutDescription {
  readonly kind: 'struct' | 'extension';
  readonly name: string;
  readonly version: number;
  /** Layout id of the record that an extension extends; `undefined` for a struct, which is its own base. */
  readonly base: number | undefined;
  /** Payload words of a block of this layout. */
  readonly words: number;
  readonly fields: ReadonlyMap<string, StoredField>;
}

/** An entry as found in the store. */
export interface CatalogEntry extends LayoutDescription {
  readonly base: number;
  readonly block: number;
  readonly stamp: number;
  readonly layoutId: number;
  /** Layout id of the previous entry of the same name; 0 none. */
  readonly previous: number;
  readonly next: number;
}

/** Where an entry will stand in the list. */
export interface EntryLinks {
  readonly next: number;
  readonly layoutId: number;
  readonly previous: number;
}

/** Writes an entry into a new block, in the running transaction, and returns the block. Throws INVALID_TYPE when the description is too long. */
export function writeCatalogEntry(
  memory: Pick<Memory, 'door' | 'heap'>,
  links: EntryLinks,
  layout: LayoutDescription,
): number {
  const bytes = encoder.encode(JSON.stringify(toJson(layout)));
  if (bytes.length > DESCRIPTION_BYTES_MAX) {
    throw new ShmStoreError(
      'INVALID_TYPE',
      `The description of ${layout.name} has ${bytes.length} bytes; ${DESCRIPTION_BYTES_MAX} are allowed. Nothing was changed. Split the type.`,
    );
  }
  const { door, heap } = memory;
  const block = heap.allocate(LAYOUT_CATALOG_ENTRY, HEADER_BYTES + bytes.length);
  const i = door.own(block, (block + 1) | 0, Math.ceil((HEADER_BYTES + bytes.length) / 16));
  door.words[i] = links.next;
  door.words[i + 1] = links.layoutId;
  door.words[i + 2] = links.previous;
  door.words[i + 3] = crc32(bytes) | 0;
  door.words[i + 4] = bytes.length;
  door.bytes.set(bytes, i * 4 + HEADER_BYTES);
  return block;
}

/** Block, stamp and links of the entry at `block`, without its description. Throws CORRUPT. */
export function readEntryLinks(
  memory: Pick<Memory, 'door' | 'heap'>,
  block: number,
): EntryLinks & { readonly stamp: number } {
  const { door, heap } = memory;
  heap.check(block, LAYOUT_CATALOG_ENTRY);
  const stamp = heap.stampOf(block);
  const i = door.at((block + 1) | 0);
  const layoutId = door.words[i + 1] as number;
  if (layoutId < LAYOUT_USER_FIRST) throw corruptEntry(block, `layout id ${layoutId}`);
  return { stamp, next: door.words[i] as number, layoutId, previous: door.words[i + 2] as number };
}

/** Reads a whole entry. Throws CORRUPT. */
export function readCatalogEntry(memory: Pick<Memory, 'door' | 'heap'>, block: number): CatalogEntry {
  const { door, heap } = memory;
  const { stamp, next, layoutId, previous } = readEntryLinks(memory, block);
  const capacity = heap.capacityBytes(block);
  const i = door.at((block + 1) | 0);
  const hash = door.words[i + 3] as number;
  const length = (door.words[i + 4] as number) >>> 0;
  if (length > DESCRIPTION_BYTES_MAX || length + HEADER_BYTES > capacity)
    throw corruptEntry(block, `a description of ${length} bytes`);
  const bytes = door.bytes.slice(i * 4 + HEADER_BYTES, i * 4 + HEADER_BYTES + length);
  if ((crc32(bytes) | 0) !== hash) throw corruptEntry(block, 'a description with a wrong checksum');
  const layout = parseLayout(block, bytes);
  if (layout.base !== undefined && layout.base >= layoutId)
    throw corruptEntry(block, `an extension of the later layout ${layout.base}`);
  return { ...layout, base: layout.base ?? layoutId, block, stamp, layoutId, previous, next };
}

function toJson(layout: LayoutDescription): JsonValue {
  const { kind, name, version, base, words } = layout;
  const fields: Record<string, JsonValue> = {};
  for (const field of layout.fields.values()) fields[field.name] = { at: field.word, type: field.description };
  return base === undefined ? { kind, name, version, words, fields } : { kind, name, version, base, words, fields };
}

function parseLayout(block: number, bytes: Uint8Array): LayoutDescription {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw corruptEntry(block, 'a description that is no JSON', error);
  }
  if (!isObject(json)) throw corruptEntry(block, 'a description that is no object');
  const { kind, name, version, base, words, fields } = json;
  const sound =
    isTypeName(name) &&
    Number.isInteger(version) &&
    isCount(words, RECORD_WORDS_MAX) &&
    isObject(fields) &&
    Object.keys(fields).length <= FIELD_COUNT_MAX &&
    ((kind === 'struct' && base === undefined) || (kind === 'extension' && Number.isInteger(base)));
  if (!sound) throw corruptEntry(block, 'a description that is not one of a layout');
  const stored = parseFields(
    block,
    fields as Readonly<Record<string, unknown>>,
    words as number,
    kind === 'struct' ? 1 : EXTENSION_FIRST_WORD,
  );
  return {
    kind: kind as 'struct' | 'extension',
    name: name as string,
    version: version as number,
    base: base as number | undefined,
    words: words as number,
    fields: stored,
  };
}

function parseFields(
  block: number,
  fields: Readonly<Record<string, unknown>>,
  words: number,
  firstWord: number,
): ReadonlyMap<string, StoredField> {
  const stored = new Map<string, StoredField>();
  for (const [name, field] of Object.entries(fields)) {
    if (!isTypeName(name) || !isObject(field) || !isCount(field.at, words - 1) || (field.at as number) < firstWord) {
      throw corruptEntry(block, `a field ${JSON.stringify(name)} without a name or place`);
    }
    const description = requireDescription(
      field.type,
      `Field ${JSON.stringify(name)} of the catalog entry at granule ${block >>> 0}`,
    );
    stored.set(name, { name, word: field.at as number, description, key: layoutKey(description) });
  }
  return stored;
}

function isCount(value: unknown, maximum: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maximum;
}

function corruptEntry(block: number, what: string, cause?: unknown): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The catalog entry at granule ${block >>> 0} holds ${what}. Nothing was changed. Run a check of the store.`,
    cause === undefined ? {} : { cause },
  );
}
