// Between the formats that abstract-level hands to a database and the bytes that are stored. All three formats are declared, so that keys and
// values pass through no other conversion.

/** How the program wants keys or values: what its encoding is made of. */
export type Format = 'utf8' | 'buffer' | 'view';

/** What a database of abstract-level gets and gives: text, a Buffer or a Uint8Array. */
export type FormatValue = string | Buffer | Uint8Array;

/** Text of at most so many bytes that are all ASCII is put together by a loop, which beats the native decoder there. */
const LOOP_LENGTH_MAX = 8;

/** The bytes to store. Text is UTF-8; a lone surrogate becomes U+FFFD, as everywhere in Level. */
export function toBytes(value: FormatValue): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** Stored bytes, which the caller owns, in the format that was asked for. */
export function fromBytes(bytes: Uint8Array, format: Format): FormatValue {
  if (format === 'view') return bytes;
  const { length } = bytes;
  if (format === 'utf8' && length <= LOOP_LENGTH_MAX) {
    let text = '';
    let k = 0;
    for (; k < length; k++) {
      const byte = bytes[k] as number;
      if (byte > 0x7f) break;
      text += String.fromCharCode(byte);
    }
    if (k === length) return text;
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, length);
  return format === 'buffer' ? buffer : buffer.toString('utf8');
}
