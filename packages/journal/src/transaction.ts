// Transactions and read sections of one thread over one store.
//
// The outermost transaction runs inside a native frame (R10): whatever ends the callback - return, exception, stack overflow, termination - the frame
// commits or rolls back, unlocks, and only then lets the result out. An inner transaction joins the outer one; if it fails it undoes itself alone.

import type { Heap, StoreSegments } from '@mofo/shm-store';
import { JournalError } from './errors.ts';
import { ReadRestart } from './redo/read-restart.ts';
import type { RedoDoor } from './redo/redo-door.ts';

/** Attempts of a read section without a lock before it is run under the write lock; raising it lets a busy writer hold a reader up longer. */
export const READ_ATTEMPTS_MAX = 100;

/** Deepest nesting of transactions. */
export const NESTING_DEPTH_MAX = 100;

/** Runs transactions and read sections. */
export class Transactions {
  private readonly native: StoreSegments;
  private readonly door: RedoDoor;
  private readonly heap: Heap;
  private readonly frame: () => number;
  private body: (() => unknown) | undefined;
  private result: unknown;
  private depth = 0;

  constructor(native: StoreSegments, door: RedoDoor, heap: Heap) {
    this.native = native;
    this.door = door;
    this.heap = heap;
    this.frame = () => this.runInFrame();
  }

  /**
   * Runs `body`: all its changes or none. Returns what it returns, rethrows what it throws (after rolling back). Synchronous: a promise
   * is refused with ASYNC_TRANSACTION and everything is rolled back.
   */
  transaction<T>(body: () => T): T {
    if (this.door.inTransaction) return this.nested(body);
    if (this.door.inReadSection) {
      throw new JournalError(
        'TRANSACTION_IN_READ',
        'A transaction was begun inside a read section, which may run several times. Nothing was changed. Begin it outside store.read().',
      );
    }
    this.body = body;
    this.depth = 0;
    try {
      this.native.transaction(this.frame);
      return this.result as T;
    } finally {
      this.door.leave();
      this.body = undefined;
      this.result = undefined;
    }
  }

  /** Runs `body` again until everything it read belongs to one moment; after READ_ATTEMPTS_MAX attempts under the write lock. */
  read<T>(body: () => T): T {
    const { door } = this;
    if (door.inTransaction) return body();
    if (door.inReadSection) return body();
    for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++) {
      const sequence = door.beginRead();
      door.enterReadSection();
      try {
        const result = body();
        door.endRead(sequence);
        return result;
      } catch (error) {
        if (!(error instanceof ReadRestart) && this.isConsistent(sequence)) throw error;
      } finally {
        door.leaveReadSection();
      }
    }
    return this.transaction(body);
  }

  private runInFrame(): number {
    const { door, body } = this;
    door.enter();
    this.heap.dropPendingFrees(0);
    const result = (body as () => unknown)();
    refusePromise(result);
    if (this.depth !== 0) {
      throw new JournalError(
        'ROLLBACK_INCOMPLETE',
        'An inner transaction could not undo itself, so everything was rolled back; nothing was lost.',
      );
    }
    refuseFailure(door);
    this.heap.settle();
    this.result = result;
    return door.journalLength;
  }

  private nested<T>(body: () => T): T {
    if (this.depth >= NESTING_DEPTH_MAX) {
      throw new JournalError(
        'TOO_DEEP',
        `Transactions are nested more than ${NESTING_DEPTH_MAX} deep. Is a function calling itself?`,
      );
    }
    const frees = this.heap.pendingFreeCount;
    // The depth falls only when the level has ended in order: if a stack overflow cuts the rollback itself short, the outermost level sees
    // a depth that is not 0 and rolls everything back.
    this.depth++;
    this.door.pushLevel();
    let result: T;
    try {
      result = body();
      refusePromise(result);
      refuseFailure(this.door);
    } catch (error) {
      this.heap.dropPendingFrees(frees);
      this.door.rollBackLevel();
      this.depth--;
      throw error;
    }
    this.door.popLevel();
    this.depth--;
    return result;
  }

  private isConsistent(sequence: number): boolean {
    try {
      return this.door.endRead(sequence);
    } catch (error) {
      if (error instanceof ReadRestart) return false;
      throw error;
    }
  }
}

/** A change that was cut short makes its level fail, also if the program caught the error. */
function refuseFailure(door: RedoDoor): void {
  if (door.failure !== undefined) throw door.failure;
}

function refusePromise(result: unknown): void {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return;
  throw new JournalError(
    'ASYNC_TRANSACTION',
    'The callback of a transaction returned a promise; everything was rolled back. Do the waiting outside and change the store in a synchronous callback.',
  );
}
