// Adding an entry that was not found: into the bucket where it belongs, if need be after that has been made larger or split, or into a new bucket on a branch of its
// own.

import { LAYOUT_TREE_BUCKET } from '@mofo/shm-store';
import {
  addSlot,
  compareEntry,
  corruptBucket,
  divergence,
  freeSlot,
  LIVE_MASK,
  makeBucket,
  openBucket,
  slotWord,
} from './bucket.ts';
import { near } from './descend.ts';
import { makeLeaf } from './leaf.ts';
import { nibbleOf } from './node.ts';
import { path } from './path.ts';
import { probe } from './probe.ts';
import { linkFork, linkGap, makeRoom, writeRoot } from './reshape.ts';
import type { TreeCore } from './tree-core.ts';

/** Rebuilding a bucket, putting a node above it and splitting it make room in three turns. */
const TURNS_MAX = 8;
/** Words of a value on their way from one chunk to another. */
const copied = new Int32Array(4);

/** Adds an entry after `seekSlot` has found none. The value's own words are made by `fill`, or, if there is a block to take them from, copied. */
export function insert(core: TreeCore, value: unknown, made = 0): void {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (turn > 0) core.nearest = near(core, core.root(), probe);
    const { nearest } = core;
    if (nearest === 0) {
      writeRoot(core, fillNew(core, value, made));
      core.addToCount(1);
      return;
    }
    const live = openBucket(core, nearest) & LIVE_MASK;
    if (live === 0) throw corruptBucket(nearest);
    compareEntry(core, nearest, 31 - Math.clz32(live & -live), probe);
    const position = divergence;
    const below = stepBelow(core, position);
    if (below < 0) {
      core.heap.check(nearest, LAYOUT_TREE_BUCKET);
      if (freeSlot(core, nearest, core.hash) < 0) {
        makeRoom(core, nearest, probe);
        continue;
      }
      fill(core, nearest, value, made);
    } else {
      const nibble = nibbleOf(probe, position);
      const first = 31 - Math.clz32(live & -live);
      const bucket = fillNew(core, value, made);
      if (below === path.missingAt && path.depths[below] === position) linkGap(core, below, nibble, bucket);
      else linkFork(core, below, position, nearest, first, nibble, bucket);
    }
    core.addToCount(1);
    return;
  }
  throw core.corrupt('a bucket cannot be split');
}

/**
 * Where a key goes that differs from what is found at the path's end first at `position`: -1 into that bucket; otherwise the step whose node
 * gets a new child (if it stands at that depth) or a new node above itself.
 */
function stepBelow(core: TreeCore, position: number): number {
  const { missingAt, length, depths } = path;
  if (position < 0) throw core.corrupt('a key is not found in the bucket that has it');
  if (missingAt >= 0 && depths[missingAt] === position) return missingAt;
  let step = length;
  while (step > 0 && (depths[step - 1] as number) > position) step--;
  const isAtNode = step > 0 && depths[step - 1] === position && step < length;
  if (isAtNode || (missingAt >= 0 && step > missingAt)) throw core.corrupt('an entry stands where it does not belong');
  return step === length ? -1 : step;
}

function fillNew(core: TreeCore, value: unknown, made: number): number {
  const bucket = makeBucket(core, 0);
  try {
    fill(core, bucket, value, made);
  } catch (error) {
    core.heap.free(bucket);
    throw error;
  }
  return bucket;
}

/** Fills a free slot of a bucket and makes it live. If the value is refused, nothing that means anything has changed. */
function fill(core: TreeCore, bucket: number, value: unknown, made: number): void {
  const { door, keyWords } = core;
  const slot = freeSlot(core, bucket, core.hash);
  if (slot < 0) throw corruptBucket(bucket);
  const w = slotWord(core, slot);
  if (keyWords === 0) {
    const leaf = made === 0 ? makeLeafOf(core, value) : made;
    const i = door.own(bucket, (bucket + 1 + (w >> 2)) | 0, 1) + (w & 3);
    door.words[i] = leaf;
  } else {
    const { keyAt } = core;
    const k = door.own(bucket, (bucket + 1 + ((w + keyAt) >> 2)) | 0, 1) + (keyAt & 3);
    door.words[k] = probe.words[0] as number;
    if (keyWords === 2) door.words[k + 1] = probe.words[1] as number;
    const v = keyAt < 4 ? k - keyAt : door.own(bucket, (bucket + 1 + (w >> 2)) | 0, 1);
    if (core.isDouble && typeof value === 'number') door.floats[v >> 1] = value;
    else fillValue(core, v, bucket, w, value, made);
  }
  addSlot(door, bucket, slot, core.hash >>> 24);
}

function fillValue(core: TreeCore, v: number, bucket: number, w: number, value: unknown, made: number): void {
  const { words } = core.door;
  for (let n = 0; n < core.valueWords; n++) words[v + n] = 0;
  if (made !== 0) copyValue(core, made, 0, bucket, w);
  else initializeIn(core, bucket, w, value);
}

export function makeLeafOf(core: TreeCore, value: unknown): number {
  const leaf = makeLeaf(core.door, core.heap, core, probe);
  try {
    initializeIn(core, leaf, 0, value);
  } catch (error) {
    core.heap.free(leaf);
    throw error;
  }
  return leaf;
}

export function initializeIn(core: TreeCore, block: number, word: number, value: unknown): void {
  try {
    core.value.initialize(core.memory, block, word, value);
  } catch (error) {
    core.value.release(core.memory, block, word);
    throw error;
  }
}

/** Copies the words of a value. */
export function copyValue(
  core: TreeCore,
  source: number,
  sourceWord: number,
  target: number,
  targetWord: number,
): void {
  const { door } = core;
  const from = door.at((source + 1 + (sourceWord >> 2)) | 0) + (sourceWord & 3);
  const { words } = door;
  for (let n = 0; n < 4; n++) copied[n] = words[from + n] as number;
  const to = door.own(target, (target + 1 + (targetWord >> 2)) | 0, 1) + (targetWord & 3);
  for (let n = 0; n < core.valueWords; n++) door.words[to + n] = copied[n] as number;
}
