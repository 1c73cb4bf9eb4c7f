// What the addon offers, as TypeScript sees it. The addon is loaded on the first call, never on import.

import type { NativeBackup } from './native-image.ts';
import type { NativeWaiting } from './native-waiting.ts';

/** How a store's segments are opened; checked again by the addon, because bytes and arguments are input. */
export interface NativeOpenOptions {
  readonly name: string;
  /** Nominal size in bytes, a multiple of 16 KiB; 0 attaches to an existing store only. */
  readonly sizeBytes: number;
  /** Create when absent. */
  readonly create: boolean;
  /** True: map main at exactly its recorded address or refuse with ADDRESS_TAKEN (R4). False: anywhere. Undefined: as the store needs it. */
  readonly exactAddress: boolean | undefined;
  /** Give memory that this handle reserves huge pages where the kernel has them. */
  readonly hugePages: boolean;
}

/** A store shared between processes, as the addon opens it. */
export interface NativeStore extends StoreSegments, NativeWaiting, NativeBackup {
  /**
   * Gives memory above the heap's end back to the system, if no other thread or process is attached and no snapshot reads the backup; lower the end
   * first, with `Heap.trim` in a transaction. Takes the create lock and the write lock, for about 0.1 s a GiB. A process killed in it leaves a sound store.
   *
   * @throws ShmStoreError IN_TRANSACTION, CREATE_LOCK_TIMEOUT, and what a transaction's begin throws.
   */
  trim(): TrimReport;
  /** True if main is mapped where its superblock says. */
  readonly isAtRecordedAddress: boolean;
  /** An object for native addons (mofo-region.h) that gives them the memory of the region whose block lies at `granule` and has this birth stamp. */
  lendRegion(granule: number, stamp: number): object;
}

/** What {@link NativeStore.trim} did. */
export interface TrimReport {
  /** `done`, or why nothing was done. */
  readonly result: 'done' | 'attached' | 'backup-in-use';
  /** Memory that the three segments occupy less than before. */
  readonly freedBytes: number;
  /** Bytes of main that have memory behind them now. */
  readonly reservedBytes: number;
}

/**
 * The three segments of one store as one thread sees them, with this thread's slot: what the door and transactions need. Every ArrayBuffer
 * stays valid until it is garbage collected, also after close().
 */
export interface StoreSegments {
  /**
   * Main in windows of 4 GiB, as far as they were needed: at first only some 16 MiB from the heap's beginning on, whatever is reserved; then what `showMain` and
   * `reserveMain` of this handle asked for. The array, and its last buffer, are replaced by larger ones when more is shown; the old ones stay valid for what they show.
   */
  readonly windows: readonly ArrayBuffer[];
  /** Control's fixed part: header, slots and page states. */
  readonly control: ArrayBuffer;
  /** This slot's journal range, as far as it is reserved at least; replaced by a larger one by `reserveJournal`. */
  readonly journal: ArrayBuffer;
  /** The most that `journal` can become. */
  readonly journalCapacityBytes: number;
  /** This slot's undo range, as far as it is reserved at least; replaced by a larger one by `reserveUndo`. */
  readonly undo: ArrayBuffer;
  /** The most that `undo` can become. */
  readonly undoCapacityBytes: number;
  readonly slot: number;
  readonly created: boolean;
  /**
   * Takes the write lock (recovering a dead owner's journal first), calls `body`, and commits if it returns the length of the
   * journal in words, or rolls back if it throws. The frame is native so that exceptions, stack overflow and termination all
   * reach its end (R10). Not reentrant. With `lockLater` the body runs without the lock until it calls `takeLock`; if it never does, it returns
   * 0 and nothing happens.
   */
  transaction(body: () => number, lockLater?: boolean): void;
  /** Inside such a body: takes the write lock and opens the transaction, unless that is done. Throws what `transaction` throws. */
  takeLock(): void;
  /** Makes `windows` reach up to this granule: for what is reserved and not shown yet. Costs nothing when they do. */
  showMain(granule: number): void;
  /** Backs main and backup with memory up to this granule (rounded up to a step), under the write lock; throws STORE_FULL or OUT_OF_MEMORY. */
  reserveMain(granule: number): void;
  /** Backs this slot's journal with memory up to this many bytes. */
  reserveJournal(bytes: number): void;
  /** Backs this slot's undo range with memory up to this many bytes. */
  reserveUndo(bytes: number): void;
  /** Page guard, slow path: saves what a snapshot needs, then marks pages dirty. Only under the write lock. */
  guardPages(firstPage: number, pageCount: number): void;
  /**
   * Called by a reader that saw an odd sequence for 1 ms: `idle` (even by now), `recovered` (the owner was dead, its journal was
   * replayed) or `busy` (the owner lives: wait).
   */
  assistReader(): 'idle' | 'recovered' | 'busy';
  /**
   * Copies the first `target.length` bytes of any slot's journal. They mean something only while its mark stands, which the caller compares before
   * and after. Costs about 0.3 ms a megabyte.
   */
  copyJournal(slot: number, target: Uint8Array): void;
  close(): void;
}
