// A walk over the entries of one tree in key order, forwards or backwards, from any place.
//
// A frame per node notes how far the walk has come; the bucket it stands in is sorted when it is entered (its entries stand in no
// order), and its entries are handed out as a *run*: all that are left of it, or as many as are wanted. The cursor is valid only as long as nothing changes: iterators read a batch with it, and the next one goes on from there if there was no
// commit meanwhile and no other walk (`walk` tells); otherwise it seeks again by key. There is one cursor per thread, because a walk runs no user code.
//
// Bytes are input: depths grow strictly, so there are at most NIBBLES_MAX frames, and callers check that keys grow strictly, so a walk
// over nodes that reach each other in a circle or twice ends with CORRUPT.

import { LAYOUT_TREE_BUCKET } from '@mofo/shm-store';
import { compareEntry, corruptBucket, divergence, LIVE_MASK, loadEntryKey, openBucket, SIZE_MAX } from './bucket.ts';
import { near } from './descend.ts';
import type { KeyBuffer } from './key-buffer.ts';
import { corruptNode, isSmall, linkOf, loadLinks, NIBBLES_MAX, NODE_LINKS, nextDepth } from './node.ts';
import { path } from './path.ts';
import { SortedSlots, sortSlots } from './sort-slots.ts';
import type { TreeCore } from './tree-core.ts';

const SIGN = -0x80000000;
const WINDOW_MASK = 0x0fffffff;
/** Buckets that a walk enters before it looks ahead: a short one would fetch what it never reads. */
const FETCH_AHEAD_FROM = 3;
const LINE_WORDS = 16;

const links = new Int32Array(NODE_LINKS);

class Cursor {
  /** The bucket of the last run. */
  bucket = 0;
  /** Number of the walk that the cursor is on. */
  walk = 0;

  private core: TreeCore | undefined;
  private forward = true;
  private top = -1;
  private readonly nodes = new Int32Array(NIBBLES_MAX);
  private readonly depths = new Int32Array(NIBBLES_MAX);
  // The nibble at which the frame goes on, and the child it came from: a bucket may stand under several nibbles in a row.
  private readonly positions = new Int32Array(NIBBLES_MAX);
  private readonly lastLinks = new Int32Array(NIBBLES_MAX);
  /** The bucket's entries; those before `index`, in the walk's direction, have been handed out. */
  private readonly sorted = new SortedSlots();
  private index = 0;
  private count = 0;
  private runAt = 0;
  /** Buckets entered by this walk. */
  private entered = 0;
  /** Means nothing; where what `fetchAhead` reads goes, so that it is read. */
  fetched = 0;

  /** Stands before the first entry (forwards) or after the last (backwards). */
  start(core: TreeCore, forward: boolean): void {
    this.reset(core, forward);
    const root = core.root();
    if (root !== 0) this.enter(root);
  }

  /**
   * Stands so that `nextRun` begins with the entry nearest to `bound` in the walk's direction: at or after it forwards, at or before it backwards;
   * an entry equal to it only if `inclusive`. `bound` need not be a whole key.
   */
  seek(core: TreeCore, forward: boolean, bound: KeyBuffer, inclusive: boolean): void {
    this.reset(core, forward);
    const { door } = core;
    const root = core.root();
    if (root === 0) return;
    const bucket = near(core, root, bound);
    const live = openBucket(core, bucket) & LIVE_MASK;
    if (live === 0) throw corruptBucket(bucket);
    const sign = compareEntry(core, bucket, 31 - Math.clz32(live & -live), bound);
    const position = divergence;
    for (let step = 0; step < path.length; step++) {
      const node = path.nodes[step] as number;
      const depth = path.depths[step] as number;
      if (position !== -1 && depth > position) {
        // The bound lies on one side of everything below.
        if (forward ? sign < 0 : sign > 0) this.enter(node);
        return;
      }
      const nibble = path.nibbles[step] as number;
      this.push(node, depth);
      if (step === path.missingAt) {
        // A bound that ends here comes before all branches.
        this.positions[this.top] = nibble === NODE_LINKS ? (forward ? 0 : -1) : forward ? nibble + 1 : nibble - 1;
        return;
      }
      this.positions[this.top] = forward ? nibble + 1 : nibble - 1;
      this.lastLinks[this.top] = linkOf(door, node, nibble);
    }
    this.enter(bucket);
    for (; this.index < this.count; this.index++) {
      const order = compareEntry(core, bucket, this.slotAt(this.index), bound);
      if (order === 0 ? inclusive : forward ? order < 0 : order > 0) break;
    }
  }

  /** Goes past the next entries, at most `most`, of one bucket, and returns how many they are; 0 at the end. */
  nextRun(most: number): number {
    while (this.index >= this.count) {
      if (this.top < 0) return 0;
      const child = this.nextChild();
      if (child === 0) this.top--;
      else this.enter(child);
    }
    this.runAt = this.index;
    this.index = Math.min(this.count, this.index + most);
    return this.index - this.runAt;
  }

  /** Slot of the n-th entry of the last run. */
  runSlot(n: number): number {
    return this.slotAt(this.runAt + n);
  }

  /** Copies the key of the n-th entry of the last run. */
  loadRunKey(n: number, target: KeyBuffer): void {
    loadEntryKey(this.core as TreeCore, this.bucket, this.runSlot(n), target);
  }

  /**
   * Copies the keys of the last run, which lie in their slots, to `target`: two words each. False if two of them are equal, which is all that their order
   * can lack.
   */
  copyRunWords(count: number, target: Int32Array, at: number): boolean {
    const { high, low } = this.sorted;
    const step = this.forward ? 1 : -1;
    let k = this.forward ? this.runAt : this.count - 1 - this.runAt;
    let to = at;
    let lastHigh = 0;
    let lastLow = 0;
    let isStrict = true;
    for (let n = 0; n < count; n++, k += step) {
      const h = high[k] as number;
      const l = low[k] as number;
      if (n > 0 && h === lastHigh && l === lastLow) isStrict = false;
      lastHigh = h;
      lastLow = l;
      target[to++] = h ^ SIGN;
      target[to++] = l ^ SIGN;
    }
    return isStrict;
  }

  private reset(core: TreeCore, forward: boolean): void {
    this.walk++;
    this.core = core;
    this.forward = forward;
    this.top = -1;
    this.index = 0;
    this.count = 0;
    this.entered = 0;
  }

  private slotAt(index: number): number {
    return this.sorted.order[this.forward ? index : this.count - 1 - index] as number;
  }

  /** Goes into a bucket or a node. */
  private enter(link: number): void {
    const core = this.core as TreeCore;
    const last = this.top < 0 ? -1 : (this.depths[this.top] as number);
    if (core.layoutAt(link) === LAYOUT_TREE_BUCKET) {
      this.bucket = link;
      this.index = 0;
      this.count = 0;
      this.count = sortSlots(core, link, last, this.sorted);
      this.entered++;
    } else {
      if (this.entered >= FETCH_AHEAD_FROM && isSmall(core.door, link)) this.fetchAhead(link);
      this.push(link, nextDepth(core.door, link, last));
    }
  }

  private push(node: number, depth: number): void {
    const top = ++this.top;
    if (top >= NIBBLES_MAX) throw corruptNode(node);
    this.nodes[top] = node;
    this.depths[top] = depth;
    this.positions[top] = this.forward ? 0 : NODE_LINKS - 1;
    this.lastLinks[top] = 0;
  }

  /**
   * Reads a word of each cache line of all buckets below a small node, so that the processor fetches them together: one after the other, each line would be
   * waited for. What is read means nothing.
   */
  private fetchAhead(node: number): void {
    const { door, granules } = this.core as TreeCore;
    const most = granules[SIZE_MAX] as number;
    const limit = door.heapSpan - most;
    loadLinks(door, node, links);
    let last = 0;
    let sum = 0;
    for (let nibble = 0; nibble < NODE_LINKS; nibble++) {
      const link = links[nibble] as number;
      if (link === last || (link - door.heapFirst) >>> 0 > limit) continue;
      last = link;
      const words = door.windowWords[link >>> 28] as Int32Array;
      const h = (link & WINDOW_MASK) << 2;
      if (h + most * 4 > words.length) continue;
      for (let line = 0; line < most * 4; line += LINE_WORDS) sum = (sum + (words[h + line] as number)) | 0;
    }
    this.fetched = sum;
  }

  /** The next child of the top frame, moving past it; 0 at its end. */
  private nextChild(): number {
    const { door } = this.core as TreeCore;
    const { top, forward } = this;
    const node = this.nodes[top] as number;
    const last = this.lastLinks[top] as number;
    let position = this.positions[top] as number;
    let child = 0;
    while (child === 0 && position >= 0 && position < NODE_LINKS) {
      const link = linkOf(door, node, position);
      if (link !== last) child = link;
      position += forward ? 1 : -1;
    }
    this.positions[top] = position;
    this.lastLinks[top] = child;
    return child;
  }
}

/** The thread's cursor. */
export const cursor: Cursor = new Cursor();
