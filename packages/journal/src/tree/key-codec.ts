// How keys of each declared type become bytes whose unsigned order is the order of the keys, and back.
//
//   f64, timestamp    8 bytes: IEEE 754, big-endian; sign bit flipped if positive, all bits flipped if negative. -0 is stored as 0; NaN is refused.
//   i64, u64          8 bytes, big-endian, the sign bit of i64 flipped
//   integers          1, 2 or 4 bytes in the same way; boolean 1 byte
//   text              UTF-8, then a 0 byte; bytes 0 and 1 are escaped (see escaped-bytes.ts). Lone surrogates are refused: they have no UTF-8
//   bytes             as they are, escaped in the same way, then a 0 byte
//   tuple             its elements one after the other
//
// No encoded key is the beginning of another one of the same type: the tree relies on that.

import { JournalError } from '../errors.ts';
import { bytesCodec, textCodec } from './escaped-bytes.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { bigIntCodec, booleanCodec, f64Codec, integerCodec } from './number-codec.ts';
import { tupleCodec } from './tuple-codec.ts';

/** Encodes and decodes the keys of one declared type. */
export interface KeyCodec {
  /** Length of every encoded key in bytes, or 0 if it varies. */
  readonly fixedBytes: number;
  /** True if a decoded key is an object that the program may change. */
  readonly isMutable: boolean;
  /** Encodes a whole key. Throws KEY_INVALID, KEY_TOO_LONG. */
  encode(key: unknown, target: KeyBuffer): void;
  /** Decodes a whole key. Throws CORRUPT (the bytes came from the store). */
  decode(source: KeyBuffer): unknown;
  /** The same for `count` keys of two words each from `words[first]` on, into `target` from `at` on. Only where it is faster than one by one. */
  decodeAll?(words: Int32Array, first: number, count: number, target: unknown[], at: number): void;
  /** Appends an encoded element byte by byte. */
  append(key: unknown, target: KeyBuffer): void;
  /** Reads the element at the source's position and moves past it. Throws CORRUPT. */
  take(source: KeyBuffer): unknown;
  /** Encodes what keys may begin with. Throws RANGE_INVALID if this type has no prefixes. */
  encodePrefix(prefix: unknown, target: KeyBuffer): void;
}

/** The codec for keys declared as `type`. Throws KEY_TYPE_INVALID for a type that has no order. */
export function keyCodecOf(type: { readonly kind: string }): KeyCodec {
  switch (type.kind) {
    case 'f64':
    case 'timestamp':
      return f64Codec;
    case 'text':
      return textCodec;
    case 'bytes':
      return bytesCodec;
    case 'i64':
    case 'u64':
      return bigIntCodec(type.kind === 'i64');
    case 'boolean':
      return booleanCodec;
    case 'i8':
    case 'i16':
    case 'i32':
    case 'u8':
    case 'u16':
    case 'u32':
      return integerCodec(type.kind.startsWith('i'), Number(type.kind.slice(1)) / 8);
    case 'tuple':
      return tupleCodec(((type as { elements?: readonly { readonly kind: string }[] }).elements ?? []).map(keyCodecOf));
    default:
      throw new JournalError(
        'KEY_TYPE_INVALID',
        `A tree cannot be ordered by keys of type ${type.kind}. Use text, bytes, f64, i64, another number type, boolean, or a tuple of these.`,
      );
  }
}
