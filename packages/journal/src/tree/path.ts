// The nodes that the last descent of this thread went through: what a change needs to know of the way to where it changes something. Operations are
// synchronous and use it before the next descent.

import { NIBBLES_MAX } from './node.ts';

class Path {
  /** Number of nodes. */
  length = 0;
  /** The step at which the key's nibble had no child, so that the descent went on through any; -1 if there was none. */
  missingAt = -1;
  readonly nodes: Int32Array = new Int32Array(NIBBLES_MAX);
  readonly depths: Int32Array = new Int32Array(NIBBLES_MAX);
  /** The nibble under which the descent left each node; 16 where it went on through any child. */
  readonly nibbles: Uint8Array = new Uint8Array(NIBBLES_MAX);
}

/** The thread's path. */
export const path: Path = new Path();
