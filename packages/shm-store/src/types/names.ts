// Which names structs and fields may have.

/** Longest name of a struct or field in characters. */
export const NAME_LENGTH_MAX: number = 128;

/** Names that JavaScript or JSON give a meaning. */
const RESERVED: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
  'then',
  'toJSON',
  'toString',
  'valueOf',
]);
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** True for 1 to 128 letters, digits, `_` and `$`, not beginning with a digit, that have no meaning of their own in JavaScript. */
export function isTypeName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= NAME_LENGTH_MAX && NAME.test(name) && !RESERVED.has(name);
}
