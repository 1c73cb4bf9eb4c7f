// Blobs: blocks that hold the bytes of one text, byte string or JSON document.
//
//   payload word 0   length in bytes
//   payload word 1   encoding: 0 bytes · 1 latin1, one byte a code unit · 2 UTF-16 code units in the machine's byte order
//   then             the bytes
//
// A blob is written once, in the transaction that makes it, and never changed: a new value is a new blob. So its payload is one chunk, which is
// only ever owned while fresh, and a reader either finds the whole old value or the whole new one. Text is stored as code units, not
// UTF-8, so that every JavaScript string comes back as it was, lone surrogates included.

import { ShmStoreError } from '../errors.ts';
import { LAYOUT_BLOB } from '../layout.ts';
import type { Memory } from '../memory.ts';

/** Longest byte string in bytes (1 GiB); what it costs is one block of that size. */
export const BYTES_LENGTH_MAX: number = 2 ** 30;
/** Longest text, and longest JSON text, in code units; below the longest string of every supported Node.js. */
export const TEXT_LENGTH_MAX: number = 2 ** 28;

const HEADER_BYTES = 8;
const ENCODING_BYTES = 0;
const ENCODING_LATIN1 = 1;
const ENCODING_UTF16 = 2;
/** Up to this many code units a loop beats the native copy when writing. */
const LOOP_LENGTH_MAX = 24;
/** The same for reading, where each code unit makes a string. */
const READ_LOOP_LENGTH_MAX = 8;
const BEYOND_LATIN1 = /[\u0100-\uffff]/;

/** Node's own string readers and writers, which work on any Uint8Array but are typed nowhere. */
interface NativeStrings {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
}
const strings = Buffer.prototype as unknown as NativeStrings;

/** Makes a blob with this text in the running transaction; 0 for the empty text. The caller has checked the length. */
export function makeTextBlob(memory: Memory, text: string): number {
  const { length } = text;
  if (length === 0) return 0;
  if (isLatin1(text)) {
    const block = memory.heap.allocate(LAYOUT_BLOB, HEADER_BYTES + length);
    const start = openPayload(memory, block, length, ENCODING_LATIN1);
    const { bytes } = memory.door;
    if (length <= LOOP_LENGTH_MAX) for (let k = 0; k < length; k++) bytes[start + k] = text.charCodeAt(k);
    else strings.latin1Write.call(bytes, text, start, length);
    return block;
  }
  const block = memory.heap.allocate(LAYOUT_BLOB, HEADER_BYTES + length * 2);
  const start = openPayload(memory, block, length * 2, ENCODING_UTF16);
  const units = new Uint16Array(memory.door.bytes.buffer, memory.door.bytes.byteOffset + start, length);
  for (let k = 0; k < length; k++) units[k] = text.charCodeAt(k);
  return block;
}

/** Makes a blob with a copy of these bytes; 0 for none. */
export function makeBytesBlob(memory: Memory, value: Uint8Array): number {
  if (value.length === 0) return 0;
  const block = memory.heap.allocate(LAYOUT_BLOB, HEADER_BYTES + value.length);
  const start = openPayload(memory, block, value.length, ENCODING_BYTES);
  memory.door.bytes.set(value, start);
  return block;
}

/** Reads a text blob. Throws CORRUPT unless `block` is one. */
export function readTextBlob(memory: Memory, block: number): string {
  if (block === 0) return '';
  const { length, encoding, start } = openBlob(memory, block);
  const { bytes } = memory.door;
  if (encoding === ENCODING_LATIN1 && length <= TEXT_LENGTH_MAX) {
    if (length > READ_LOOP_LENGTH_MAX) return strings.latin1Slice.call(bytes, start, start + length);
    let text = '';
    for (let k = start; k < start + length; k++) text += String.fromCharCode(bytes[k] as number);
    return text;
  }
  if (encoding === ENCODING_UTF16 && length <= TEXT_LENGTH_MAX * 2 && length % 2 === 0) {
    return readUtf16(bytes, start, length);
  }
  throw corruptBlob(block, `${length} bytes of encoding ${encoding} where a text was expected`);
}

/** Reads a bytes blob into memory of its own (R4). Throws CORRUPT unless `block` is one. */
export function readBytesBlob(memory: Memory, block: number): Uint8Array {
  if (block === 0) return new Uint8Array(0);
  const { length, encoding, start } = openBlob(memory, block);
  if (encoding !== ENCODING_BYTES || length > BYTES_LENGTH_MAX) {
    throw corruptBlob(block, `${length} bytes of encoding ${encoding} where bytes were expected`);
  }
  return memory.door.bytes.slice(start, start + length);
}

/** Frees a blob, or nothing when `block` is 0. Throws CORRUPT unless it is one. */
export function freeBlob(memory: Memory, block: number): void {
  if (block === 0) return;
  memory.heap.check(block, LAYOUT_BLOB);
  memory.heap.free(block);
}

/** Byte index of the content of a fresh blob whose header has been written. */
function openPayload(memory: Memory, block: number, length: number, encoding: number): number {
  const i = memory.door.own(block, (block + 1) | 0, Math.ceil((HEADER_BYTES + length) / 16));
  memory.door.words[i] = length;
  memory.door.words[i + 1] = encoding;
  return i * 4 + HEADER_BYTES;
}

function openBlob(memory: Memory, block: number): { length: number; encoding: number; start: number } {
  memory.heap.check(block, LAYOUT_BLOB);
  const capacity = memory.heap.capacityBytes(block);
  const i = memory.door.at((block + 1) | 0);
  const length = (memory.door.words[i] as number) >>> 0;
  if (length + HEADER_BYTES > capacity) throw corruptBlob(block, `a length of ${length} bytes in ${capacity}`);
  return { length, encoding: memory.door.words[i + 1] as number, start: i * 4 + HEADER_BYTES };
}

function readUtf16(bytes: Uint8Array, start: number, length: number): string {
  if (IS_LITTLE_ENDIAN) return strings.ucs2Slice.call(bytes, start, start + length);
  const units = new Uint16Array(bytes.buffer, bytes.byteOffset + start, length / 2);
  let text = '';
  for (let k = 0; k < units.length; k += 4096) text += String.fromCharCode(...units.subarray(k, k + 4096));
  return text;
}

const IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function isLatin1(text: string): boolean {
  if (text.length > LOOP_LENGTH_MAX) return !BEYOND_LATIN1.test(text);
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) > 0xff) return false;
  return true;
}

function corruptBlob(block: number, what: string): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The blob at granule ${block >>> 0} holds ${what}. Nothing was changed. Run a check of the store.`,
    {
      data: { block: block >>> 0 },
    },
  );
}
