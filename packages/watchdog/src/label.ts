// A label says what runs: `fees@a1f3d2 task collect`. It is made once, outside the hot path, in the form in which it lies in a slot: a
// word with the length in bytes, then UTF-8, padded with zeros to whole words, so that naming a run copies a few words.

import { labelLengthMaxBytes } from './constants.ts';

/** A label ready to be copied into a slot. Made by {@link createLabel}; may be used for any number of runs. */
export interface Label {
  /** As it can be read back; cut to 192 bytes of UTF-8 where the given text was longer. */
  readonly text: string;
  /** The words of the slot's label area: byte length, then UTF-8. */
  readonly words: Uint32Array;
}

/**
 * Makes the label that names runs of one kind.
 *
 * @param text what runs, such as `fees@a1f3d2 task collect`; text beyond 192 bytes of UTF-8 is cut and ends with `…`.
 * @throws TypeError when `text` is not a string that says something.
 */
export function createLabel(text: string): Label {
  if (typeof text !== 'string' || text === '') throw new TypeError('a label must be a string that says what runs');
  const encoded = new TextEncoder().encode(cut(text));
  const words = new Uint32Array(1 + Math.ceil(encoded.length / 4));
  words[0] = encoded.length;
  new Uint8Array(words.buffer).set(encoded, 4);
  return { text: new TextDecoder().decode(encoded), words };
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= labelLengthMaxBytes) return text;
  let kept = '';
  let bytes = Buffer.byteLength('…');
  // By code points, so that no character is cut in half.
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > labelLengthMaxBytes) break;
    kept += character;
  }
  return `${kept}…`;
}
