// Tuple keys: the elements' encodings one after the other. Each element ends by itself, so tuples are ordered by their first element, then
// by the second, and so on. A prefix of tuples is an array of their first elements.

import { JournalError } from '../errors.ts';
import type { KeyBuffer } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';
import { corruptKey, keyInvalid } from './number-codec.ts';

/** Most elements of a tuple key; raising it costs nothing but longer keys. */
export const TUPLE_ELEMENTS_MAX = 16;

class TupleCodec implements KeyCodec {
  readonly fixedBytes: number;
  readonly isMutable = true;
  private readonly elements: readonly KeyCodec[];

  constructor(elements: readonly KeyCodec[]) {
    this.elements = elements;
    const isFixed = elements.every((element) => element.fixedBytes > 0);
    this.fixedBytes = isFixed ? elements.reduce((sum, element) => sum + element.fixedBytes, 0) : 0;
  }

  encode(key: unknown, target: KeyBuffer): void {
    target.startBytes();
    this.append(key, target);
    target.pack();
  }

  decode(source: KeyBuffer): unknown[] {
    source.unpack();
    const key = this.take(source);
    if (source.position !== source.length) throw corruptKey();
    return key;
  }

  append(key: unknown, target: KeyBuffer): void {
    const { elements } = this;
    if (!Array.isArray(key) || key.length !== elements.length)
      throw keyInvalid(`an array of ${elements.length} elements`, key);
    for (let k = 0; k < elements.length; k++) (elements[k] as KeyCodec).append(key[k], target);
  }

  take(source: KeyBuffer): unknown[] {
    return this.elements.map((element) => element.take(source));
  }

  encodePrefix(prefix: unknown, target: KeyBuffer): void {
    const { elements } = this;
    if (!Array.isArray(prefix) || prefix.length > elements.length) {
      throw keyInvalid(`an array of at most ${elements.length} elements`, prefix);
    }
    target.startBytes();
    for (let k = 0; k < prefix.length; k++) (elements[k] as KeyCodec).append(prefix[k], target);
    target.pack();
  }
}

/** Codec of tuples of these elements. Throws KEY_TYPE_INVALID. */
export function tupleCodec(elements: readonly KeyCodec[]): KeyCodec {
  if (elements.length === 0 || elements.length > TUPLE_ELEMENTS_MAX) {
    throw new JournalError(
      'KEY_TYPE_INVALID',
      `A tuple key has 1 to ${TUPLE_ELEMENTS_MAX} elements, not ${elements.length}.`,
    );
  }
  return new TupleCodec(elements);
}
