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
  /** Map main at exactly its recorded address or refuse with ADDRESS_TAKEN (R4). */
  readonly exactAddress: boolean;
}

/** A store shared between processes, as the addon opens it. */
export interface NativeStore extends StoreSegments, NativeWaiting, NativeBackup {}

/**
 * The three segments of one store as one thread sees them, with this thread's slot: what the door and transactions need. Every ArrayBuffer
 * stays valid until it is garbage collected, also after close().
 */
export interface StoreSegments {
  /** Main in windows of at most 4 GiB. */
  readonly windows: readonly ArrayBuffer[];
  /** Control's fixed part: header, slots and page states. */
  readonly control: ArrayBuffer;
  /** This slot's journal range. */
  readonly journal: ArrayBuffer;
  /** This slot's undo range. */
  readonly undo: ArrayBuffer;
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
