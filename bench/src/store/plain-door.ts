// The door without a journal: every write goes straight to main. No undo list, no images, no page guard, no sequence, no lock. What the tree costs
// over this door is what it would cost in memory that nobody shares and no crash may hit; the difference to the real door is the journal's price.

import { type Door, MAIN_HEAP_FIRST_SLAB, ShmStoreError, SLAB_GRANULES, type StoreSegments } from '@mofo/shm-store';

const WINDOW_MASK = 0x0fffffff;

/** `Door` over segments of which `reservedGranules` granules have memory behind them. */
export class PlainDoor implements Door {
  words: Int32Array;
  floats: Float64Array;
  bytes: Uint8Array;
  readonly inTransaction = true;
  readonly levelId = 1;
  failure: unknown;
  readonly heapFirst: number;

  private readonly windowWords: readonly Int32Array[];
  private readonly windowFloats: readonly Float64Array[];
  private readonly windowBytes: readonly Uint8Array[];
  private readonly reservedGranules: number;

  constructor(segments: StoreSegments, reservedGranules: number) {
    this.windowWords = segments.windows.map((window) => new Int32Array(window));
    this.windowFloats = segments.windows.map((window) => new Float64Array(window));
    this.windowBytes = segments.windows.map((window) => new Uint8Array(window));
    this.words = this.windowWords[0] as Int32Array;
    this.floats = this.windowFloats[0] as Float64Array;
    this.bytes = this.windowBytes[0] as Uint8Array;
    this.heapFirst = (this.words[MAIN_HEAP_FIRST_SLAB / 4] as number) * SLAB_GRANULES;
    this.reservedGranules = reservedGranules;
  }

  // The same bounds are kept as by the real door, so that only the journal makes the difference.
  at(chunk: number): number {
    if (chunk >>> 0 >= this.reservedGranules)
      throw new ShmStoreError('CORRUPT', `A ref points to granule ${chunk >>> 0}, outside the plain store.`);
    const window = chunk >>> 28;
    this.words = this.windowWords[window] as Int32Array;
    this.floats = this.windowFloats[window] as Float64Array;
    this.bytes = this.windowBytes[window] as Uint8Array;
    return (chunk & WINDOW_MASK) << 2;
  }

  own(_block: number, chunk: number, _granules: number): number {
    return this.at(chunk);
  }

  overwrite(granule: number): number {
    return this.at(granule);
  }

  atSystem(granule: number): number {
    return this.at(granule);
  }

  ownSystem(granule: number): number {
    return this.at(granule);
  }

  guardBlock(): void {}

  requireTransaction(): void {}

  /** A freed block is free at once. */
  isFreshAtLevel(): boolean {
    return true;
  }

  beginRead(): number {
    return 0;
  }

  endRead(): boolean {
    return true;
  }

  reserve(granule: number): void {
    if (granule > this.reservedGranules)
      throw new ShmStoreError('STORE_FULL', 'The plain store is full: it reserves its memory once.');
  }
}
