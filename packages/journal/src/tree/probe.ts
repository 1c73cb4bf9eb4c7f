// What the operations of one thread on its trees share.

import { KeyBuffer } from './key-buffer.ts';

/** The key that the running operation works on. One per thread: operations are synchronous, and take it again after calling user code. */
export const probe: KeyBuffer = new KeyBuffer();

/** Grows with every change of any tree in this thread, so that a running iteration notices that what it has read ahead is stale. */
export const treeChanges: { count: number } = { count: 0 };
