// What a version *is*: the bytes of its bundle and what they were built with. Equal hash, equal version.

import { createHash } from 'node:crypto';
import { shortIdLength } from './constants.ts';

/** SHA-256 over the bundler's name, its length, and the bundle's bytes, as 64 hexadecimal digits. About 2 ms per mebibyte. */
export function contentHash(bundle: Uint8Array, bundler: string): string {
  const name = Buffer.from(bundler);
  // The length in front keeps apart ("ab", "c") and ("a", "bc").
  return createHash('sha256').update(`mofo version 1\n${name.byteLength}\n`).update(name).update(bundle).digest('hex');
}

/** The shortest id for `hash`, from 6 digits up, that begins none of `others`. */
export function shortId(hash: string, others: readonly string[]): string {
  let length = shortIdLength;
  while (length < hash.length && others.some((other) => other !== hash && other.startsWith(hash.slice(0, length))))
    length += 1;
  return hash.slice(0, length);
}
