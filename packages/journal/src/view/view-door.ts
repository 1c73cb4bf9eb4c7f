// The door of a read-only view: an image or a copy of the main segment in private memory, read by the same structures as a live store.
//
// Nothing changes while a view is open, so a read section is always consistent and there is nothing to redirect; every way to write throws
// READ_ONLY. The bytes are input: nothing in them is believed that can be computed, and every ref is bounded before it is followed.
import {
  type Door,
  GRANULE_BYTES,
  MAIN_SLAB_TABLE,
  PAGE_BYTES,
  ShmStoreError,
  SLAB_BYTES,
  SLAB_GRANULES,
  WINDOW_GRANULES,
} from '@mofo/shm-store';

const WINDOW_MASK = WINDOW_GRANULES - 1;
const TABLE_FIRST = MAIN_SLAB_TABLE / GRANULE_BYTES;

/** `Door` over the bytes of one main segment, for reading only. */
export class ViewDoor implements Door {
  words: Int32Array;
  floats: Float64Array;
  bytes: Uint8Array;
  readonly inTransaction = false;
  readonly levelId = 0;
  failure: unknown;
  readonly heapFirst: number;
  readonly heapSpan: number;
  readonly windowWords: readonly Int32Array[];
  readonly windowFloats: readonly Float64Array[];
  readonly hasImages = false;
  /** There are no images; never read. */
  readonly journalWords: Int32Array;
  readonly journalFloats: Float64Array;

  private readonly windowBytes: readonly Uint8Array[];
  private readonly tableEnd: number;

  /**
   * @param windows the bytes of main in pieces of 4 GiB, the last one shorter; together at least `reservedBytes`.
   * @param sizeBytes nominal size of the store, from which the places of slab table and heap follow.
   * @param reservedBytes bound of all refs.
   */
  constructor(windows: readonly ArrayBuffer[], sizeBytes: number, reservedBytes: number) {
    this.windowWords = windows.map((window) => new Int32Array(window));
    this.windowFloats = windows.map((window) => new Float64Array(window));
    this.windowBytes = windows.map((window) => new Uint8Array(window));
    this.words = this.windowWords[0] as Int32Array;
    this.floats = this.windowFloats[0] as Float64Array;
    this.bytes = this.windowBytes[0] as Uint8Array;
    this.journalWords = this.words;
    this.journalFloats = this.floats;
    this.heapFirst = heapFirstGranule(sizeBytes);
    this.heapSpan = Math.max(0, reservedBytes / GRANULE_BYTES - this.heapFirst);
    this.tableEnd = Math.min(TABLE_FIRST + Math.ceil(reservedBytes / SLAB_BYTES), this.heapFirst);
  }

  at(chunk: number): number {
    if ((chunk - this.heapFirst) >>> 0 >= this.heapSpan && chunk >>> 0 >= this.tableEnd) this.refuse(chunk);
    return this.show(chunk);
  }

  imageOf(): number {
    return 0;
  }

  requireInHeap(granule: number, granules: number): void {
    const offset = (granule - this.heapFirst) >>> 0;
    if (offset + granules > this.heapSpan || granule >>> 28 !== (granule + granules - 1) >>> 28) this.refuse(granule);
  }

  atSystem(granule: number): number {
    // Slab numbers come out of the bytes themselves, so the slab table's end is checked here, where a live store's door need not.
    if (granule >>> 0 >= this.tableEnd && (granule - this.heapFirst) >>> 0 >= this.heapSpan) this.refuse(granule);
    return this.show(granule);
  }

  freshness(): never {
    return this.requireTransaction('write');
  }

  imageFor(): never {
    return this.requireTransaction('write');
  }

  own(): never {
    return this.requireTransaction('write');
  }

  overwrite(): never {
    return this.requireTransaction('write');
  }

  ownSystem(): never {
    return this.requireTransaction('write');
  }

  guardBlock(): never {
    return this.requireTransaction('allocate');
  }

  reserve(): never {
    return this.requireTransaction('allocate');
  }

  requireTransaction(what: string): never {
    throw new ShmStoreError(
      'READ_ONLY',
      `Cannot ${what} in a read-only view of a store: nothing was changed. Open the store itself, or restore the image.`,
    );
  }

  isFreshAtLevel(): boolean {
    return false;
  }

  beginRead(): number {
    return 0;
  }

  endRead(): boolean {
    return true;
  }

  private show(granule: number): number {
    const window = granule >>> 28;
    this.words = this.windowWords[window] as Int32Array;
    this.floats = this.windowFloats[window] as Float64Array;
    this.bytes = this.windowBytes[window] as Uint8Array;
    return (granule & WINDOW_MASK) << 2;
  }

  private refuse(granule: number): never {
    throw new ShmStoreError(
      'CORRUPT',
      `A ref points to granule ${granule >>> 0}, outside the heap of this view (${this.heapFirst} to ${this.heapFirst + this.heapSpan}). ` +
        'Nothing was changed. Run a check of it.',
    );
  }
}

/** First granule of the heap of a store of this nominal size: the slab boundary behind the slab table. */
export function heapFirstGranule(sizeBytes: number): number {
  const tableEndBytes = MAIN_SLAB_TABLE + (sizeBytes / SLAB_BYTES) * GRANULE_BYTES;
  return Math.ceil(tableEndBytes / SLAB_BYTES) * SLAB_GRANULES;
}

/** Bytes at the start of main that hold superblock and slab table for a bound of `reservedBytes`; between them and the heap nothing is stored. */
export function usedTableBytes(sizeBytes: number, reservedBytes: number): number {
  const end = MAIN_SLAB_TABLE + Math.ceil(reservedBytes / SLAB_BYTES) * GRANULE_BYTES;
  return Math.min(heapFirstGranule(sizeBytes) * GRANULE_BYTES, Math.ceil(end / PAGE_BYTES) * PAGE_BYTES);
}
