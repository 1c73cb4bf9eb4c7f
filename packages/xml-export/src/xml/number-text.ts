// Numbers as XML Schema writes them, so that each double comes back bit by bit: the shortest decimal that reads as the same double, -0, INF, -INF and
// NaN. The bits of a NaN that is not the usual one stand beside it in an attribute.

const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Bits of the NaN that JavaScript makes. */
const NAN_BITS = '7ff8000000000000';
const NAN_BITS_32 = '7fc00000';

/** A double, or the double that an f32 is, as xs:double. */
export function numberText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (value === Number.POSITIVE_INFINITY) return 'INF';
  if (value === Number.NEGATIVE_INFINITY) return '-INF';
  return String(value);
}

/** The attribute for the bits of a NaN that lies at word `i` as a double; empty for the usual one. */
export function nanBits(stored: Int32Array, i: number): string {
  const bits = hex(stored[i + HIGH] as number) + hex(stored[i + 1 - HIGH] as number);
  return bits === NAN_BITS ? '' : ` bits="${bits}"`;
}

/** The same for an f32. */
export function nanBits32(stored: Int32Array, i: number): string {
  const bits = hex(stored[i] as number);
  return bits === NAN_BITS_32 ? '' : ` bits="${bits}"`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
