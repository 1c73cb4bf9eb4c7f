// Keys of a range, collected before something is done with them: a tree's iterator would read its batch again after each change.

import type { Tree } from '@mofo/journal';
import { CLEAR_KEYS_MAX } from './constants.ts';
import type { KeyRange } from './key-range.ts';

/** The first keys of a range, at most `count`. */
export function takeKeys(
  tree: Pick<Tree<Uint8Array, unknown, never>, 'keys'>,
  range: Partial<KeyRange>,
  count: number = CLEAR_KEYS_MAX,
): Uint8Array[] {
  return [...tree.keys({ ...range, limit: Math.min(count, CLEAR_KEYS_MAX) })];
}
