// What JSON shows of a value that JSON does not know: as records do (bigints as text, bytes as base64).

/** The value for JSON; records, collections and everything else say themselves what they show. */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
  if (Array.isArray(value)) return value.map(jsonValue);
  return value;
}
