// Setting values whose types run code of the program, which may change this very tree meanwhile: the value is made in a block apart, and laid where its entry
// then belongs.

import { LAYOUT_TREE_BUCKET, LAYOUT_TREE_LEAF } from '@mofo/shm-store';
import { seekSlot } from './descend.ts';
import { copyValue, initializeIn, insert, makeLeafOf } from './insert-entry.ts';
import { KeyBuffer } from './key-buffer.ts';
import { probe } from './probe.ts';
import type { TreeCore } from './tree-core.ts';

/** Sets the entry whose key is in `probe`. In a transaction. Throws CORRUPT when the value's own code has set or deleted that key meanwhile. */
export function putForeign(core: TreeCore, value: unknown): void {
  core.ownCount();
  const key = new KeyBuffer(probe.length);
  key.copyFrom(probe);
  const inLeaf = core.keyWords === 0;
  if (seekSlot(core) < 0) {
    const made = inLeaf ? makeLeafOf(core, value) : makeApart(core, value);
    probe.copyFrom(key);
    if (seekSlot(core) >= 0) {
      core.value.release(core.memory, made, 0);
      core.heap.free(made);
      throw core.corrupt('the same key was set while its value was being made');
    }
    insert(core, undefined, made);
    if (!inLeaf) core.heap.free(made);
    return;
  }
  const block = core.foundBlock;
  core.heap.check(block, inLeaf ? LAYOUT_TREE_LEAF : LAYOUT_TREE_BUCKET);
  if (inLeaf) core.value.write(core.memory, block, 0, value);
  else replaceApart(core, key, value);
}

function makeApart(core: TreeCore, value: unknown): number {
  const apart = core.heap.allocate(LAYOUT_TREE_LEAF, 16);
  try {
    initializeIn(core, apart, 0, value);
  } catch (error) {
    core.heap.free(apart);
    throw error;
  }
  return apart;
}

/** Replaces the value that `seekSlot` has found: in a copy, which is laid back where the entry then stands. */
function replaceApart(core: TreeCore, key: KeyBuffer, value: unknown): void {
  const apart = core.heap.allocate(LAYOUT_TREE_LEAF, 16);
  try {
    copyValue(core, core.foundBlock, core.foundWord, apart, 0);
    core.value.write(core.memory, apart, 0, value);
    probe.copyFrom(key);
    if (seekSlot(core) < 0) {
      const lost = core.corrupt('a key was deleted while its value was being replaced');
      core.door.failure ??= lost;
      throw lost;
    }
    copyValue(core, apart, 0, core.foundBlock, core.foundWord);
  } finally {
    core.heap.free(apart);
  }
}
