// The counts that every task changes, in one raw block, so that a task costs a few words:
//
//   granule 1   waiting (low, high) · completed (low, high)
//   granule 2   last number (low, high) · newest bundle · 0
//   granule 3   bundle change (low, high) · 1 while everything is paused · 0

import type { Memory } from '@mofo/shm-store';
import { isRawBlock, makeRawBlock, swapped } from './raw-block.ts';
import { SchedulerError } from './scheduler-error.ts';

const FORMAT = 0x6d63_0001;
const GRANULES = 4;
const WAITING = 1;
const NUMBERS = 2;
const CHANGE = 3;
const HIGH = 2 ** 32;

/** Reads and writes the counts of one store for one thread, inside a transaction or read section. */
export class Counters {
  private readonly memory: Memory;
  private readonly block: number;

  /** Throws CORRUPT unless `block` was made by {@link makeCounters}. */
  constructor(memory: Memory, block: number) {
    this.memory = memory;
    this.block = block;
    if (!isRawBlock(memory, block, GRANULES, FORMAT, 0)) throw corrupt();
  }

  /** Tasks that wait in bundles. */
  get waiting(): number {
    return this.pair(WAITING, 0);
  }

  set waiting(count: number) {
    this.setPair(WAITING, 0, count);
  }

  /** Tasks that were completed since the store was made. */
  get completed(): number {
    return this.pair(WAITING, 2);
  }

  set completed(count: number) {
    this.setPair(WAITING, 2, count);
  }

  /** Last id or sequence that was given. */
  get lastNumber(): number {
    return this.pair(NUMBERS, 0);
  }

  set lastNumber(number: number) {
    this.setPair(NUMBERS, 0, number);
  }

  /** Birth stamp of the bundle that was made last. */
  get newestBundle(): number {
    const { door } = this.memory;
    const i = door.at((this.block + 1 + NUMBERS) | 0);
    return swapped(door.words[i + 2] as number);
  }

  set newestBundle(stamp: number) {
    const { door } = this.memory;
    const i = door.own(this.block, (this.block + 1 + NUMBERS) | 0, 1);
    door.words[i + 2] = swapped(stamp);
  }

  /** Changes when another bundle may have become the first with tasks; never the same twice. */
  get bundleChange(): number {
    return this.pair(CHANGE, 0);
  }

  set bundleChange(mark: number) {
    this.setPair(CHANGE, 0, mark);
  }

  /** Everything is paused. */
  get paused(): boolean {
    const { door } = this.memory;
    const i = door.at((this.block + 1 + CHANGE) | 0);
    return door.words[i + 2] !== 0;
  }

  set paused(isPaused: boolean) {
    const { door } = this.memory;
    const i = door.own(this.block, (this.block + 1 + CHANGE) | 0, 1);
    door.words[i + 2] = swapped(isPaused ? 1 : 0);
  }

  private pair(granule: number, word: number): number {
    const { door } = this.memory;
    const i = door.at((this.block + 1 + granule) | 0) + word;
    const { words } = door;
    return (swapped(words[i] as number) >>> 0) + (swapped(words[i + 1] as number) >>> 0) * HIGH;
  }

  private setPair(granule: number, word: number, value: number): void {
    const { door } = this.memory;
    const i = door.own(this.block, (this.block + 1 + granule) | 0, 1) + word;
    const { words } = door;
    words[i] = swapped(value | 0);
    words[i + 1] = swapped(value < HIGH ? 0 : Math.floor(value / HIGH));
  }
}

/** Makes the block, all counts zero. In a transaction. */
export function makeCounters(memory: Memory): number {
  const block = makeRawBlock(memory, GRANULES, FORMAT, 0);
  const { door } = memory;
  for (let granule = 1; granule < GRANULES; granule++) {
    const i = door.own(block, (block + 1 + granule) | 0, 1);
    door.words.fill(0, i, i + 4);
  }
  return block;
}

function corrupt(): SchedulerError {
  return new SchedulerError(
    'CORRUPT',
    'the counts of the tasks are damaged. Nothing was changed. Run a check of the store.',
  );
}
