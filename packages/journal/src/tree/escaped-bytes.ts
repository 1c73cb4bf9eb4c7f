// Text and byte keys: their bytes and a terminator of 0, so that a key ends before any longer one that begins with it, also inside a tuple.
//
//   byte 0 → 1 1      byte 1 → 1 2      others unchanged      end → 0
//
// Order is kept: the end (0) is before everything, an escaped byte (1 …) before all unescaped ones, and 1 1 before 1 2. UTF-8 order is the
// order of code points, which differs from JavaScript's own order of UTF-16 units above U+FFFF.

import { KEY_BYTES_MAX, type KeyBuffer, keyTooLong } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';
import { corruptKey, keyInvalid } from './number-codec.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class TextCodec implements KeyCodec {
  readonly fixedBytes = 0;
  readonly isMutable = false;

  encode(key: unknown, target: KeyBuffer): void {
    if (typeof key !== 'string') throw keyInvalid('a string', key);
    if (encodeAscii(key, target)) return;
    target.startBytes();
    appendText(key, target);
    target.push(0);
    target.pack();
  }

  decode(source: KeyBuffer): string {
    source.unpack();
    if (isPlainAscii(source)) return source.bytes.toString('latin1', 0, source.length - 1);
    const text = this.take(source);
    if (source.position !== source.length) throw corruptKey();
    return text;
  }

  append(key: unknown, target: KeyBuffer): void {
    if (typeof key !== 'string') throw keyInvalid('a string', key);
    appendText(key, target);
    target.push(0);
  }

  take(source: KeyBuffer): string {
    const start = source.position;
    const highest = undoEscapes(source);
    const end = source.position;
    const { bytes } = source;
    source.position = start + takenBytes;
    if (highest < 0x80) return bytes.toString('latin1', start, end);
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch {
      throw corruptKey();
    }
  }

  encodePrefix(prefix: unknown, target: KeyBuffer): void {
    if (typeof prefix !== 'string') throw keyInvalid('a string', prefix);
    target.startBytes();
    appendText(prefix, target);
    target.pack();
  }
}

class BytesCodec implements KeyCodec {
  readonly fixedBytes = 0;
  readonly isMutable = true;

  encode(key: unknown, target: KeyBuffer): void {
    target.startBytes();
    this.append(key, target);
    target.pack();
  }

  decode(source: KeyBuffer): Uint8Array {
    source.unpack();
    const bytes = this.take(source);
    if (source.position !== source.length) throw corruptKey();
    return bytes;
  }

  append(key: unknown, target: KeyBuffer): void {
    if (!(key instanceof Uint8Array)) throw keyInvalid('a Uint8Array', key);
    for (let k = 0; k < key.length; k++) pushEscaped(target, key[k] as number);
    target.push(0);
  }

  take(source: KeyBuffer): Uint8Array {
    const start = source.position;
    undoEscapes(source);
    const copy = new Uint8Array(source.position - start);
    copy.set(source.bytes.subarray(start, source.position));
    source.position = start + takenBytes;
    return copy;
  }

  encodePrefix(prefix: unknown, target: KeyBuffer): void {
    if (!(prefix instanceof Uint8Array)) throw keyInvalid('a Uint8Array', prefix);
    target.startBytes();
    for (let k = 0; k < prefix.length; k++) pushEscaped(target, prefix[k] as number);
    target.pack();
  }
}

/** Codec of text keys. */
export const textCodec: KeyCodec = new TextCodec();
/** Codec of byte keys. */
export const bytesCodec: KeyCodec = new BytesCodec();

// Encoded bytes that the last `undoEscapes` consumed, terminator included.
let takenBytes = 0;

/** Packs a key of plain ASCII without a detour over bytes; false if it is not. */
function encodeAscii(key: string, target: KeyBuffer): boolean {
  const length = key.length;
  if (length >= KEY_BYTES_MAX) throw keyTooLong();
  const { words } = target;
  let word = 0;
  for (let k = 0; k < length; k++) {
    const unit = key.charCodeAt(k);
    if (unit < 2 || unit > 0x7f) return false;
    word = (word << 8) | unit;
    if ((k & 3) === 3) words[k >> 2] = word;
  }
  words[length >> 2] = word << (32 - ((length & 3) << 3));
  if ((length & 3) === 0) words[length >> 2] = 0;
  target.length = length + 1;
  return true;
}

/** True if a whole key is ASCII without escapes and ends where it should. Four bytes at a time. */
function isPlainAscii({ words, length }: KeyBuffer): boolean {
  const whole = (length - 1) >> 2;
  let found = 0;
  for (let n = 0; n < whole; n++) {
    const word = words[n] as number;
    // The highest bit of each byte that is 0 or 1, by Mycroft's test, or above 127.
    found |= (((word - 0x02020202) & ~word) | word) & -0x7f7f7f80;
  }
  if (found !== 0) return false;
  let last = words[whole] as number;
  for (let left = (length - 1) & 3; left > 0; left--, last <<= 8)
    if (last >>> 24 < 2 || last >>> 24 > 0x7f) return false;
  return last === 0;
}

function appendText(key: string, target: KeyBuffer): void {
  for (let k = 0; k < key.length; k++) {
    const point = key.codePointAt(k) as number;
    if (point < 0x80) {
      pushEscaped(target, point);
    } else if (point < 0x800) {
      target.push(0xc0 | (point >> 6));
      target.push(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      if (point >= 0xd800 && point < 0xe000) throw keyInvalid('well-formed text without lone surrogates', key);
      target.push(0xe0 | (point >> 12));
      target.push(0x80 | ((point >> 6) & 0x3f));
      target.push(0x80 | (point & 0x3f));
    } else {
      k++;
      target.push(0xf0 | (point >> 18));
      target.push(0x80 | ((point >> 12) & 0x3f));
      target.push(0x80 | ((point >> 6) & 0x3f));
      target.push(0x80 | (point & 0x3f));
    }
  }
}

function pushEscaped(target: KeyBuffer, byte: number): void {
  if (byte > 1) {
    target.push(byte);
  } else {
    target.push(1);
    target.push(byte + 1);
  }
}

/**
 * Undoes the escapes in place from the source's position on; afterwards the position is the end of the plain bytes and `takenBytes` how
 * many encoded bytes they were. Returns the highest byte. Throws CORRUPT without a terminator.
 */
function undoEscapes(source: KeyBuffer): number {
  const { bytes, length } = source;
  let from = source.position;
  let to = from;
  let highest = 0;
  for (;;) {
    if (from >= length) throw corruptKey();
    let byte = bytes[from++] as number;
    if (byte === 0) break;
    if (byte === 1) {
      byte = from < length ? (bytes[from++] as number) - 1 : 2;
      if (byte !== 0 && byte !== 1) throw corruptKey();
    }
    if (byte > highest) highest = byte;
    bytes[to++] = byte;
  }
  takenBytes = from - source.position;
  source.position = to;
  return highest;
}
