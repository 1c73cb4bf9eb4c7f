// How the tree's nodes and buckets follow its entries: buckets grow through three sizes, then split between two branches of the node above, and get
// a node of their own where all their entries share one branch; after deletions they shrink, merge with a neighbour, and take a
// node's place when they are all it has.
//
// All functions work on the noted path of the last descent, whose last step leads to the bucket in question. Each makes its new blocks first
// and then writes the links that publish them.

import { LAYOUT_TREE_BUCKET } from '@mofo/shm-store';
import {
  compareEntry,
  copySlots,
  corruptBucket,
  countLive,
  divergence,
  dropSlots,
  type EntryShape,
  entryKeyWord,
  fetchLeaves,
  LIVE_MASK,
  loadEntryKey,
  makeBucket,
  openBucket,
  SIZE_MAX,
  SIZE_SHIFT,
  SLOTS_MAX,
  thinCount,
} from './bucket.ts';
import { KeyBuffer } from './key-buffer.ts';
import { corruptNode, endOfRun, linkOf, loadLinks, NODE_LINKS, nibbleOf, nibbleOfWord } from './node.ts';
import { countChildren, keepsForm, makeNode, replaceLink, writeLinks } from './node-forms.ts';
import { path } from './path.ts';

/** What of a tree its structure depends on. */
export interface TreeShape extends EntryShape {
  readonly header: number;
}

const entryNibbles = new Uint8Array(SLOTS_MAX);
const nibbleCounts = new Uint8Array(NODE_LINKS);
const firstKey = new KeyBuffer();
/** The links of the node that is being changed. */
const links = new Int32Array(NODE_LINKS);

/** Writes the root link. */
export function writeRoot(shape: TreeShape, link: number): void {
  const { door, header } = shape;
  const i = door.own(header, (header + 1) | 0, 1);
  door.words[i] = link;
}

/** Puts a bucket under `nibble` of the node of a step, which has no child there, and under the empty branches beside it. */
export function linkGap(shape: TreeShape, step: number, nibble: number, bucket: number): void {
  loadLinks(shape.door, path.nodes[step] as number, links);
  links.fill(bucket, endOfRun(links, nibble, -1), endOfRun(links, nibble, 1) + 1);
  relink(shape, step, bucket);
}

/**
 * Puts a new node between a step's node and what is above it: at the depth at which a new key branches off, with the old node under the nibble
 * of its entries (one of which stands in slot `slot` of `near`) and the new key's bucket under all branches on its side of it.
 */
export function linkFork(
  shape: TreeShape,
  step: number,
  depth: number,
  near: number,
  slot: number,
  nibble: number,
  bucket: number,
): void {
  const { door, heap } = shape;
  const below = path.nodes[step] as number;
  const old = nibbleOfWord(entryKeyWord(shape, near, slot, depth >> 3), depth);
  links.fill(nibble < old ? bucket : 0, 0, old);
  links.fill(nibble < old ? 0 : bucket, old + 1);
  links[old] = below;
  replaceNode(shape, step, makeNode(door, heap, depth, links));
}

/** Makes room in a full bucket at the path's end for one more key, or a step towards it: the caller descends again. */
export function makeRoom(shape: TreeShape, bucket: number, key: KeyBuffer): void {
  const word = openBucket(shape, bucket);
  const size = word >>> SIZE_SHIFT;
  if (size < SIZE_MAX) rebuild(shape, bucket, size + 1);
  else if (path.length === 0 || !split(shape, bucket, word, key)) putNodeAbove(shape, bucket, word);
}

/** Looks after a bucket at the path's end that has lost an entry. */
export function takeAway(shape: TreeShape, bucket: number): void {
  const word = openBucket(shape, bucket);
  const size = word >>> SIZE_SHIFT;
  const count = countLive(word);
  if (count > thinCount(shape.capacities[size] as number)) return;
  const { door, heap } = shape;
  if (path.length === 0) {
    if (count === 0) {
      writeRoot(shape, 0);
      heap.free(bucket);
    } else if (size > 0) rebuild(shape, bucket, size - 1);
    return;
  }
  const step = path.length - 1;
  const node = path.nodes[step] as number;
  loadLinks(door, node, links);
  const first = endOfRun(links, path.nibbles[step] as number, -1);
  const last = endOfRun(links, path.nibbles[step] as number, 1);
  const neighbour = count === 0 ? 0 : neighbourWithRoom(shape, first, last, count);
  if (count !== 0 && neighbour === 0) {
    if (size > 0) rebuild(shape, bucket, size - 1);
    return;
  }
  heap.prove(node);
  if (neighbour !== 0) {
    heap.check(neighbour, LAYOUT_TREE_BUCKET);
    copySlots(shape, bucket, LIVE_MASK, neighbour);
  }
  links.fill(neighbour, first, last + 1);
  if (countChildren(links) === 1) {
    replaceNode(shape, step, links.find((link) => link !== 0) as number);
    heap.free(node);
  } else relink(shape, step, 0);
  heap.free(bucket);
}

/** A bucket beside the branches from `first` to `last` of `links` that can take `count` entries and is then not full; 0 if there is none. */
function neighbourWithRoom(shape: TreeShape, first: number, last: number, count: number): number {
  const { door } = shape;
  for (const beside of [last + 1, first - 1]) {
    if (beside < 0 || beside >= NODE_LINKS) continue;
    const link = links[beside] as number;
    if (link === 0) continue;
    const h = door.at(link);
    if (door.words[h] !== LAYOUT_TREE_BUCKET) continue;
    const word = openBucket(shape, link);
    const capacity = shape.capacities[word >>> SIZE_SHIFT] as number;
    if ((countLive(word) + count) * 4 <= capacity * 3) return link;
  }
  return 0;
}

/** Replaces a bucket by one of another size. */
function rebuild(shape: TreeShape, bucket: number, size: number): void {
  const { door, heap } = shape;
  heap.check(bucket, LAYOUT_TREE_BUCKET);
  const made = makeBucket(shape, size);
  copySlots(shape, bucket, LIVE_MASK, made);
  if (path.length === 0) writeRoot(shape, made);
  else {
    const step = path.length - 1;
    const node = path.nodes[step] as number;
    heap.prove(node);
    replaceLink(door, node, path.nibbles[step] as number, made);
  }
  heap.free(bucket);
}

/** Moves some entries of a full bucket, and the branches they belong to, to a new one. False if all entries belong to one branch. */
function split(shape: TreeShape, bucket: number, word: number, key: KeyBuffer): boolean {
  const { door, heap } = shape;
  const step = path.length - 1;
  const node = path.nodes[step] as number;
  const depth = path.depths[step] as number;
  loadLinks(door, node, links);
  const last = endOfRun(links, path.nibbles[step] as number, 1);
  const first = endOfRun(links, path.nibbles[step] as number, -1);
  nibbleCounts.fill(0);
  if (shape.keyWords === 0) fetchLeaves(shape, bucket, word & LIVE_MASK);
  // Whether the new key comes before all entries or after them is all that is asked: when there are some on either side, no more are compared.
  let smaller = 0;
  let greater = 0;
  let count = 0;
  for (let slot = 0; slot < SLOTS_MAX; slot++) {
    if (((word >>> slot) & 1) === 0) continue;
    const nibble = nibbleOfWord(entryKeyWord(shape, bucket, slot, depth >> 3), depth);
    if (nibble < first || nibble > last) throw corruptBucket(bucket);
    entryNibbles[slot] = nibble;
    nibbleCounts[nibble] = (nibbleCounts[nibble] as number) + 1;
    count++;
    if (smaller !== 0 && greater !== 0) continue;
    if (compareEntry(shape, bucket, slot, key) > 0) smaller++;
    else greater++;
  }
  const at = splitPoint(first, last, count, smaller);
  if (at < 0) return false;
  let moved = 0;
  for (let slot = 0; slot < SLOTS_MAX; slot++) {
    if (((word >>> slot) & 1) !== 0 && (entryNibbles[slot] as number) >= at) moved |= 1 << slot;
  }
  heap.check(bucket, LAYOUT_TREE_BUCKET);
  const made = makeBucket(shape, SIZE_MAX);
  copySlots(shape, bucket, moved, made);
  links.fill(made, at, last + 1);
  relink(shape, step, made);
  dropSlots(door, bucket, moved);
  return true;
}

/**
 * The nibble from which on the entries go to the new bucket, -1 if they all have the same. As near the middle as there is; but keys that
 * arrive in order leave full buckets behind.
 */
function splitPoint(first: number, last: number, count: number, smaller: number): number {
  let below = 0;
  let best = -1;
  let distance = count * 2;
  for (let nibble = first; nibble < last; nibble++) {
    below += nibbleCounts[nibble] as number;
    if (below === 0 || below === count) continue;
    const away = smaller === count ? count - below : smaller === 0 ? below : Math.abs(below * 2 - count);
    if (away >= distance) continue;
    distance = away;
    best = nibble + 1;
  }
  return best;
}

/** Puts a node above a bucket whose entries all belong to one branch, at the depth at which they differ first. */
function putNodeAbove(shape: TreeShape, bucket: number, word: number): void {
  const { door, heap } = shape;
  let first = -1;
  let depth = -1;
  for (let slot = 0; slot < SLOTS_MAX; slot++) {
    if (((word >>> slot) & 1) === 0) continue;
    if (first < 0) {
      first = slot;
      loadEntryKey(shape, bucket, slot, firstKey);
      continue;
    }
    compareEntry(shape, bucket, slot, firstKey);
    if (divergence < 0) throw corruptBucket(bucket);
    if (depth < 0 || divergence < depth) depth = divergence;
  }
  const step = path.length - 1;
  if (depth < 0 || (step >= 0 && depth <= (path.depths[step] as number))) throw corruptBucket(bucket);
  links.fill(bucket);
  const node = makeNode(door, heap, depth, links);
  if (step < 0) {
    writeRoot(shape, node);
    return;
  }
  // Only the branch that the entries belong to goes on; the others of this bucket are empty from now on.
  loadLinks(door, path.nodes[step] as number, links);
  const nibble = nibbleOf(firstKey, path.depths[step] as number);
  const from = endOfRun(links, path.nibbles[step] as number, -1);
  const to = endOfRun(links, path.nibbles[step] as number, 1);
  if (nibble < from || nibble > to) throw corruptBucket(bucket);
  links.fill(0, from, to + 1);
  links[nibble] = node;
  relink(shape, step, node);
}

/** Gives a step's node the links in `links`, of which `added` (0: none) is new: itself or, if they want the other form, a node in its place. */
function relink(shape: TreeShape, step: number, added: number): void {
  const { door, heap } = shape;
  const node = path.nodes[step] as number;
  heap.prove(node);
  if (keepsForm(door, node, links, added)) {
    writeLinks(door, node, links);
    return;
  }
  replaceNode(shape, step, makeNode(door, heap, path.depths[step] as number, links));
  heap.free(node);
}

/** Makes what leads to a step's node lead to something else. */
function replaceNode(shape: TreeShape, step: number, link: number): void {
  if (step === 0) {
    writeRoot(shape, link);
    return;
  }
  const above = path.nodes[step - 1] as number;
  const nibble = path.nibbles[step - 1] as number;
  if (nibble >= NODE_LINKS || linkOf(shape.door, above, nibble) !== path.nodes[step]) throw corruptNode(above);
  shape.heap.prove(above);
  replaceLink(shape.door, above, nibble, link);
}
