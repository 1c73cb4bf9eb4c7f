// Transactions and read sections of one thread over one store.
//
// The outermost transaction runs inside a native frame (R10): whatever ends the callback - return, exception, stack overflow, termination - the frame
// commits or rolls back, unlocks, and only then lets the result out. An inner transaction joins the outer one; if it fails it undoes itself alone.
//
// The write lock is taken when the frame is entered, or (`lock: 'first-write'`) later:
//
//   reading ──first write: lock──▶ no commit since the first read? ──yes──▶ locked ──▶ commit
//      │                                   │ no: the write throws ReadRestart, as every later one does
//      │ end, no write                     ▼
//      ├── a commit came in between ──▶ again, locked from its start
//      └── none ──▶ done; nothing was locked, nothing is committed
//
// Without the look after the lock was taken, what the body read would be of another moment than what it writes to: a lost update.

import { CONTROL_SEQUENCE, CONTROL_SLOTS, type Heap, type StoreSegments } from '@mofo/shm-store';
import { JournalError } from './errors.ts';
import { ReadRestart } from './redo/read-restart.ts';
import type { RedoDoor } from './redo/redo-door.ts';

/** Attempts of a read section without a lock before it is run under the write lock; raising it lets a busy writer hold a reader up longer. */
export const READ_ATTEMPTS_MAX = 100;

/** Deepest nesting of transactions. */
export const NESTING_DEPTH_MAX = 100;

/** When a transaction takes the write lock. */
export type TransactionLock = 'begin' | 'first-write';

/** Where the outermost transaction stands. `restart`: it wrote to what had changed since it was read. */
type Phase = 'none' | 'reading' | 'restart' | 'locked';

/** Runs transactions and read sections. */
export class Transactions {
  private readonly native: StoreSegments;
  private readonly door: RedoDoor;
  private readonly heap: Heap;
  private readonly sequenceWord: Uint32Array;
  private readonly lockedFrame: () => number;
  private readonly readingFrame: () => number;
  private readonly onFirstWrite: () => void;
  private body: (() => unknown) | undefined;
  private result: unknown;
  private depth = 0;
  private phase: Phase = 'none';
  /** The sequence that all reads before the first write belong to. */
  private readSequence = 0;

  constructor(native: StoreSegments, door: RedoDoor, heap: Heap) {
    this.native = native;
    this.door = door;
    this.heap = heap;
    this.sequenceWord = new Uint32Array(native.control, 0, CONTROL_SLOTS / 4);
    this.lockedFrame = () => this.runLocked();
    this.readingFrame = () => this.runReading();
    this.onFirstWrite = () => this.takeLock();
  }

  /** True from the begin of a transaction to its end, whether it has taken the lock yet or not. */
  get isOpen(): boolean {
    return this.phase !== 'none';
  }

  /**
   * Runs `body`: all its changes or none. Returns what it returns, rethrows what it throws (after rolling back). Synchronous: a promise
   * is refused with ASYNC_TRANSACTION and everything is rolled back.
   */
  transaction<T>(body: () => T, lock: TransactionLock = 'begin'): T {
    if (this.phase !== 'none') return this.nested(body, lock);
    if (this.door.inReadSection) {
      throw new JournalError(
        'TRANSACTION_IN_READ',
        'A transaction was begun inside a read section, which may run several times. Nothing was changed. Begin it outside store.read().',
      );
    }
    this.body = body;
    try {
      if (lock === 'begin') this.native.transaction(this.lockedFrame);
      else this.native.transaction(this.readingFrame, true);
      return this.result as T;
    } finally {
      this.phase = 'none';
      this.door.leave();
      this.body = undefined;
      this.result = undefined;
    }
  }

  /** Runs `body` again until everything it read belongs to one moment; after READ_ATTEMPTS_MAX attempts under the write lock. */
  read<T>(body: () => T): T {
    const { door } = this;
    if (this.phase !== 'none') return body();
    if (door.inReadSection) return body();
    for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++) {
      const sequence = door.beginRead();
      door.inReadSection = true;
      try {
        const result = body();
        door.endRead(sequence);
        return result;
      } catch (error) {
        if (!(error instanceof ReadRestart) && this.isConsistent(sequence)) throw error;
      } finally {
        door.inReadSection = false;
      }
    }
    return this.transaction(body);
  }

  /** The whole body under the lock, which the frame has taken. */
  private runLocked(): number {
    const { door, body } = this;
    this.phase = 'locked';
    this.depth = 0;
    door.enter();
    this.heap.dropPendingFrees(0);
    const result = (body as () => unknown)();
    refusePromise(result);
    return this.finishLocked(result);
  }

  private finishLocked(result: unknown): number {
    const { door } = this;
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

  /** The body without the lock, which its first write takes; once more under the lock if a commit came in between. */
  private runReading(): number {
    const { door, body } = this;
    this.phase = 'reading';
    this.depth = 0;
    door.failure = undefined;
    this.readSequence = door.beginRead();
    door.inReadSection = true;
    door.onFirstWrite = this.onFirstWrite;
    let result: unknown;
    try {
      result = (body as () => unknown)();
      if (this.isReadValid()) refusePromise(result);
    } catch (error) {
      if (this.isReadValid()) throw error;
    } finally {
      door.onFirstWrite = undefined;
      door.inReadSection = false;
    }
    if (this.isLocked) return this.finishLocked(result);
    if (this.isReadValid()) {
      this.result = result;
      return 0;
    }
    ignoreRejection(result);
    this.native.takeLock();
    return this.runLocked();
  }

  private get isLocked(): boolean {
    return this.phase === 'locked';
  }

  /** True if everything the body has read so far belongs to one moment, and it has not been refused a write. */
  private isReadValid(): boolean {
    if (this.phase === 'locked') return true;
    return this.phase === 'reading' && this.sequenceWord[CONTROL_SEQUENCE / 4] === this.readSequence;
  }

  /** The first write of a body that began without the lock. */
  private takeLock(): void {
    const { door } = this;
    if (this.phase === 'restart') throw new ReadRestart();
    this.native.takeLock();
    if (!this.isReadValid()) {
      this.phase = 'restart';
      throw new ReadRestart();
    }
    try {
      door.enter();
      this.heap.dropPendingFrees(0);
      for (let level = 0; level < this.depth; level++) door.pushLevel();
      door.inReadSection = false;
    } catch (error) {
      // The end of the stack: as if this had not been tried, but for the lock.
      door.inTransaction = false;
      throw error;
    }
    this.phase = 'locked';
    door.onFirstWrite = undefined;
  }

  private nested<T>(body: () => T, lock: TransactionLock): T {
    const { door, heap } = this;
    if (this.depth >= NESTING_DEPTH_MAX) {
      throw new JournalError(
        'TOO_DEEP',
        `Transactions are nested more than ${NESTING_DEPTH_MAX} deep. Is a function calling itself?`,
      );
    }
    if (lock === 'begin' && this.phase !== 'locked') this.takeLock();
    const frees = this.phase === 'locked' ? heap.pendingFreeCount : 0;
    // The depth falls only when the level has ended in order: if a stack overflow cuts the rollback itself short, the outermost level sees
    // a depth that is not 0 and rolls everything back.
    this.depth++;
    if (this.phase === 'locked') door.pushLevel();
    let result: T;
    try {
      result = body();
      refusePromise(result);
      refuseFailure(door);
    } catch (error) {
      if (this.phase === 'locked') {
        heap.dropPendingFrees(frees);
        door.rollBackLevel();
      }
      this.depth--;
      throw error;
    }
    if (this.phase === 'locked') door.popLevel();
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
  if (!isThenable(result)) return;
  throw new JournalError(
    'ASYNC_TRANSACTION',
    'The callback of a transaction returned a promise; everything was rolled back. Do the waiting outside and change the store in a synchronous callback.',
  );
}

/** The promise of a run that is repeated: what it rejects with, perhaps ReadRestart, is nobody's business. */
function ignoreRejection(result: unknown): void {
  if (isThenable(result)) result.then(undefined, () => undefined);
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as { then?: unknown } | null | undefined)?.then === 'function';
}
