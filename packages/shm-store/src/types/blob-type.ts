// Types whose value is one word, an owning link to a blob: text, bytes and JSON. The link 0 stands for the empty value.

import type { Memory } from '../memory.ts';
import {
  BYTES_LENGTH_MAX,
  freeBlob,
  makeBytesBlob,
  makeTextBlob,
  readBytesBlob,
  readTextBlob,
  TEXT_LENGTH_MAX,
} from './blob.ts';
import { corruptValue } from './corrupt.ts';
import type { FieldType, TypeDescription, Visitor } from './field-type.ts';
import { invalidValue } from './invalid-value.ts';
import { readWord, writeWord } from './words.ts';

/** A string: every JavaScript string comes back as it was. At most {@link TEXT_LENGTH_MAX} code units. Default ''. */
export function text(): FieldType<string> {
  return TEXT;
}

/** Bytes: copied in and copied out. At most {@link BYTES_LENGTH_MAX}. Default empty. */
export function bytes(): FieldType<Uint8Array> {
  return BYTES;
}

/**
 * Whatever JSON can say, stored as JSON text and parsed at each read: what is read is a copy, and changing it changes nothing stored. What
 * JSON drops is dropped (NaN becomes null). Default null.
 *
 * `T` is what the program expects; it is not checked.
 */
export function json<T = unknown>(): FieldType<T> {
  return JSON_TYPE as FieldType<T>;
}

/** How one blob kind becomes a blob and back. */
interface BlobKind<T> {
  readonly kind: string;
  /** Makes the blob, or throws INVALID_VALUE before anything is made; 0 is the empty value. */
  make(memory: Memory, value: T): number;
  read(memory: Memory, blob: number): T;
  report(value: T, description: TypeDescription, visitor: Visitor): void;
}

class BlobType<T> implements FieldType<T> {
  readonly kind: string;
  readonly words = 1;
  readonly alignWords = 1;
  readonly hasDefault = true;
  private readonly blobs: BlobKind<T>;
  private readonly description: TypeDescription;

  constructor(blobs: BlobKind<T>) {
    this.kind = blobs.kind;
    this.blobs = blobs;
    this.description = { kind: blobs.kind };
  }

  read(memory: Memory, block: number, word: number): T {
    return this.blobs.read(memory, readWord(memory.door, block, word));
  }

  readAbsent(memory: Memory): T {
    return this.blobs.read(memory, 0);
  }

  initialize(memory: Memory, block: number, word: number, value: T | undefined): void {
    if (value === undefined) return;
    const blob = this.blobs.make(memory, value);
    if (blob !== 0) writeWord(memory.door, block, word, blob);
  }

  write(memory: Memory, block: number, word: number, value: T): void {
    const blob = this.blobs.make(memory, value);
    const old = readWord(memory.door, block, word);
    writeWord(memory.door, block, word, blob);
    freeBlob(memory, old);
  }

  release(memory: Memory, block: number, word: number): void {
    freeBlob(memory, readWord(memory.door, block, word));
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    try {
      const blob = readWord(memory.door, block, word);
      if (blob !== 0) visitor.owned(blob, this.description);
      this.blobs.report(this.blobs.read(memory, blob), this.description, visitor);
    } catch (error) {
      visitor.problem(error);
    }
  }

  describe(): TypeDescription {
    return this.description;
  }
}

const TEXT: FieldType<string> = new BlobType<string>({
  kind: 'text',
  make(memory, value) {
    if (typeof value !== 'string') throw invalidValue('a string', value);
    refuseLongText(value);
    return makeTextBlob(memory, value);
  },
  read: readTextBlob,
  report: (value, description, visitor) => visitor.scalar(value, description),
});

const BYTES: FieldType<Uint8Array> = new BlobType<Uint8Array>({
  kind: 'bytes',
  make(memory, value) {
    if (!(value instanceof Uint8Array)) throw invalidValue('a Uint8Array', value);
    if (value.length > BYTES_LENGTH_MAX) throw invalidValue(`at most ${BYTES_LENGTH_MAX} bytes`, value.length);
    return makeBytesBlob(memory, value);
  },
  read: readBytesBlob,
  report: (value, description, visitor) => visitor.scalar(value, description),
});

const JSON_TYPE: FieldType<unknown> = new BlobType<unknown>({
  kind: 'json',
  make(memory, value) {
    if (value === null) return 0;
    const encoded = encodeJson(value);
    refuseLongText(encoded);
    return makeTextBlob(memory, encoded);
  },
  read(memory, blob) {
    if (blob === 0) return null;
    const encoded = readTextBlob(memory, blob);
    try {
      return JSON.parse(encoded) as unknown;
    } catch (error) {
      throw corruptValue(blob, 0, `no JSON (${(error as Error).message})`);
    }
  },
  report: (value, description, visitor) => visitor.json(value, description),
});

function encodeJson(value: unknown): string {
  let encoded: string | undefined;
  try {
    encoded = JSON.stringify(value);
  } catch (error) {
    throw invalidValue(`a value that JSON can say (${(error as Error).message})`, value);
  }
  if (encoded === undefined) throw invalidValue('a value that JSON can say', value);
  return encoded;
}

function refuseLongText(value: string): void {
  if (value.length > TEXT_LENGTH_MAX)
    throw invalidValue(`at most ${TEXT_LENGTH_MAX} code units`, `${value.length} code units`);
}
