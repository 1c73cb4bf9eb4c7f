// The bundles of a store, by priority and age: where plain tasks are put in at one end and claimed at the other. What waits here waits together with the tasks of the
// ready index; whoever claims compares the two heads.
//
// A claim moves `taken` past the task and notes it at the worker (worker-claims.ts); the task's words stay until it has ended, so that they are found again
// if the worker dies. The last bundle of priority 0 is kept when it is empty, and used again: one task after the other needs no allocation.
//
// What is remembered here of where head and tails are is only a guess about what is stored, and may come from a transaction that was rolled back. Two marks, both never
// used twice, tell whether it still holds: the birth stamp of the newest bundle for the tails, and a number that changes whenever another bundle may have become the
// first one with tasks for the head.

import type { Memory } from '@mofo/shm-store';
import { BundleWords, fitsBundle } from './bundle.ts';
import type { Counters } from './counters.ts';
import { isPlain, type NewTask } from './enqueue-options.ts';
import { SchedulerError } from './scheduler-error.ts';
import type { Trees } from './storage.ts';

/** Where a task lies in a bundle. */
export interface BundledPlace {
  /** Key of the bundle in its tree. */
  readonly rank: number;
  readonly first: number;
  readonly block: number;
  /** Birth stamp of the block. */
  readonly stamp: number;
  readonly slot: number;
}

/** What a bundle says of a task. */
export interface BundledTask {
  readonly id: number;
  readonly name: string;
  /** JSON, '' for undefined. */
  readonly payload: string;
  readonly priority: number;
  readonly enqueuedAt: number;
}

interface Tail {
  readonly first: number;
  readonly block: number;
  readonly stamp: number;
}

/** The waiting plain tasks of one store, for one thread. All methods run inside a transaction or read section. */
export class ReadyBundles {
  /** Of the task that `seekFirst` found. */
  rank = 0;
  id = 0;
  private block = 0;
  private slot = 0;
  private first = 0;

  private readonly trees: Pick<Trees, 'bundles'>;
  private readonly counters: Counters;
  private readonly words: BundleWords;
  private readonly tails = new Map<number, Tail>();
  private tailsMark = 0;
  private headMark = 0;
  private headStamp = 0;
  private readonly marks = new Marks();

  constructor(trees: Pick<Trees, 'bundles'>, counters: Counters, memory: Memory) {
    this.trees = trees;
    this.counters = counters;
    this.words = new BundleWords(memory);
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.counters.waiting;
  }

  /** Puts a task behind the others of its priority; false if it is none for a bundle. */
  append(spec: NewTask, id: number, now: number): boolean {
    const { name, payload } = spec;
    if (!isPlain(spec) || !(now >= 0 && Number.isSafeInteger(now)) || !fitsBundle(name, payload)) return false;
    const rank = 0 - spec.priority;
    const { counters, words } = this;
    const waiting = counters.waiting;
    let tail = this.tailOf(rank);
    let wasIdle = tail === undefined || words.taken(tail.block) === words.count(tail.block);
    if (tail === undefined || !words.append(tail.block, id, now, name, payload)) {
      tail = this.addBundle(rank, id);
      wasIdle = true;
      if (!words.append(tail.block, id, now, name, payload))
        throw new Error('A task does not fit into an empty bundle.');
    }
    counters.waiting = waiting + 1;
    if (wasIdle) {
      const mark = this.marks.next();
      counters.bundleChange = mark;
      // Nothing else waits in bundles: then this is the first one.
      if (waiting === 0) this.rememberHead(mark, rank, tail.first, tail.block, tail.stamp);
    }
    return true;
  }

  /** Finds the first task that waits, and sets `rank` and `id`; false if there is none. */
  seekFirst(): boolean {
    const { counters, words } = this;
    if (counters.waiting <= 0) return false;
    const mark = counters.bundleChange;
    if (mark === this.headMark && mark !== 0 && words.isLive(this.block, this.headStamp)) {
      if (this.seekIn(this.block)) return true;
    }
    const entry = this.trees.bundles.first();
    if (entry !== undefined && this.seekEntry(mark, entry)) return true;
    for (const other of this.trees.bundles.range()) if (this.seekEntry(mark, other)) return true;
    throw new SchedulerError(
      'CORRUPT',
      `${counters.waiting} tasks are counted in bundles, and none is found there. Run a check of the store.`,
    );
  }

  /** The place of the task that `seekFirst` found. */
  placeOfFirst(): BundledPlace {
    const { block, first, headStamp, rank, slot } = this;
    return { rank, first, block, stamp: headStamp, slot };
  }

  /** Hands out the task that `seekFirst` found. Its words stay until `finish`. */
  takeFirst(): void {
    this.words.setTaken(this.block, this.slot + 1);
    this.counters.waiting -= 1;
  }

  nameOf({ block, slot }: BundledPlace): string {
    return this.words.name(block, slot);
  }

  /** JSON, '' for undefined. */
  payloadOf({ block, slot }: BundledPlace): string {
    return this.words.payload(block, slot);
  }

  read({ block, rank, slot }: BundledPlace): BundledTask {
    const { words } = this;
    return {
      id: words.id(block, slot),
      name: words.name(block, slot),
      payload: words.payload(block, slot),
      priority: 0 - rank,
      enqueuedAt: words.time(block, slot),
    };
  }

  /** Lets go of a task that was handed out. */
  finish({ block, first, rank, stamp }: BundledPlace): void {
    const { words } = this;
    if (!words.isLive(block, stamp)) throw lost(first);
    if (words.finishOne(block) > 0) return;
    if (rank === 0 && this.tailOf(0)?.block === block) words.clear(block);
    else this.trees.bundles.delete([rank, first]);
  }

  /** Takes a waiting task out. */
  withdraw(place: BundledPlace): void {
    this.words.setGone(place.block, place.slot);
    this.counters.waiting -= 1;
    this.finish(place);
  }

  /** The place of a task that waits or was handed out; undefined if there is none of that id. Costs some microseconds a priority in use. */
  find(id: number): (BundledPlace & { readonly isWaiting: boolean }) | undefined {
    const { trees, words } = this;
    let rank = trees.bundles.first()?.[0][0];
    while (rank !== undefined) {
      const place = this.findIn(rank, id);
      if (place !== undefined) {
        const isWaiting = place.slot >= words.taken(place.block);
        if (isWaiting && words.isGone(place.block, place.slot)) return undefined;
        return { ...place, isWaiting };
      }
      const next = trees.bundles.keys({ gt: [rank, Number.POSITIVE_INFINITY], limit: 1 }).next();
      rank = next.done === true ? undefined : next.value[0];
    }
    return undefined;
  }

  /** The bundle's block by its key, for a worker's claim. */
  placeOf(rank: number, first: number, id: number): BundledPlace | undefined {
    const block = this.trees.bundles.get([rank, first]);
    if (block === undefined) return undefined;
    const slot = this.slotOf(block, id);
    return slot < 0 ? undefined : { rank, first, block, stamp: this.words.stampOf(block), slot };
  }

  /** All that wait, first to last. */
  *places(): IterableIterator<BundledPlace> {
    const { words } = this;
    for (const [[rank, first], block] of this.trees.bundles.range()) {
      words.check(block);
      const stamp = words.stampOf(block);
      for (let slot = words.taken(block); slot < words.count(block); slot++) {
        if (!words.isGone(block, slot)) yield { rank, first, block, stamp, slot };
      }
    }
  }

  private findIn(rank: number, id: number): BundledPlace | undefined {
    const { bundles } = this.trees;
    const found = bundles
      .range({ gte: [rank, Number.NEGATIVE_INFINITY], lte: [rank, id], reverse: true, limit: 1 })
      .next();
    if (found.done === true) return undefined;
    const [[, first], block] = found.value;
    const slot = this.slotOf(block, id);
    return slot < 0 ? undefined : { rank, first, block, stamp: this.words.stampOf(block), slot };
  }

  private slotOf(block: number, id: number): number {
    const { words } = this;
    words.check(block);
    const count = words.count(block);
    for (let slot = 0; slot < count; slot++) if (words.id(block, slot) === id) return slot;
    return -1;
  }

  private seekEntry(mark: number, [[rank, first], block]: [[number, number], number]): boolean {
    this.words.check(block);
    if (!this.seekIn(block)) return false;
    this.rememberHead(mark, rank, first, block, this.words.stampOf(block));
    return true;
  }

  private seekIn(block: number): boolean {
    const { words } = this;
    const count = words.count(block);
    for (let slot = words.taken(block); slot < count; slot++) {
      if (words.isGone(block, slot)) continue;
      this.slot = slot;
      this.id = words.id(block, slot);
      return true;
    }
    return false;
  }

  private rememberHead(mark: number, rank: number, first: number, block: number, stamp: number): void {
    this.headMark = mark;
    this.rank = rank;
    this.first = first;
    this.block = block;
    this.headStamp = stamp;
  }

  private addBundle(rank: number, id: number): Tail {
    const { counters, tails, words } = this;
    const block = words.make();
    this.trees.bundles.set([rank, id], block);
    const tail = { first: id, block, stamp: words.stampOf(block) };
    if (this.tailsMark !== counters.newestBundle) tails.clear();
    counters.newestBundle = tail.stamp;
    this.tailsMark = tail.stamp;
    tails.set(rank, tail);
    return tail;
  }

  /** The last bundle of the priority. */
  private tailOf(rank: number): Tail | undefined {
    const { tails, words } = this;
    const mark = this.counters.newestBundle;
    if (mark !== this.tailsMark) {
      tails.clear();
      this.tailsMark = mark;
    }
    const known = tails.get(rank);
    if (known !== undefined && words.isLive(known.block, known.stamp)) return known;
    const last = this.lastOf(rank);
    if (last === undefined) return undefined;
    words.check(last[1]);
    const tail = { first: last[0][1], block: last[1], stamp: words.stampOf(last[1]) };
    tails.set(rank, tail);
    return tail;
  }

  private lastOf(rank: number): [[number, number], number] | undefined {
    const last = this.trees.bundles
      .range({ gte: [rank, Number.NEGATIVE_INFINITY], lte: [rank, Number.POSITIVE_INFINITY], reverse: true, limit: 1 })
      .next();
    return last.done === true ? undefined : last.value;
  }
}

function lost(first: number): SchedulerError {
  return new SchedulerError(
    'CORRUPT',
    `the bundle of task ${first} is gone while one of its tasks runs. Nothing was changed. Run a check of the store.`,
  );
}

/** Numbers that no process gives twice: a random one, and a count behind it. */
class Marks {
  private next_ = 0;
  private left = 0;

  next(): number {
    if (this.left === 0) {
      this.left = 2 ** 20;
      this.next_ = (1 + Math.floor(Math.random() * 2 ** 32)) * 2 ** 20;
    }
    this.left -= 1;
    this.next_ += 1;
    return this.next_;
  }
}
