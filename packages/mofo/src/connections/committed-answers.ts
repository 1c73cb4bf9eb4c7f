// Answers in the store, one for each connection at most, committed in the transaction of the effects that they tell of. So after a death there are both or
// neither: the successor sends what is there, and runs nothing again.
//
//   connections.answers   number of the connection → [ where its request begins: f64 │ the connection ends: u8 │ the answer's bytes ]
//   connections.routes    route of a version → when it first answered from a transaction
//
// An answer whose request is not the connection's open one is an old one, and means nothing. It is overwritten by the connection's next, and removed with the
// next that is committed after the connection has closed.

import { bytes, f64, type Store, type Tree, text, tree } from '@mofo/journal';
import { ANSWER_BYTES_MAX, ANSWERS_SHARE_OF_STORE, ROUTES_KNOWN_MAX } from './constants.ts';

/** A stored answer. */
export interface StoredAnswer {
  /** Where its request begins on the connection. */
  readonly start: number;
  readonly closes: boolean;
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 9;

/** The committed answers of a store. */
export class CommittedAnswers {
  private readonly store: Store;
  private readonly answers: Tree<number, Uint8Array>;
  private readonly routes: Tree<string, number>;
  /** What this process knows to be in `routes`. */
  private readonly known = new Set<string>();
  /** Sizes of what is stored, by connection. */
  private readonly sizes = new Map<number, number>();
  private readonly closed = new Set<number>();
  private readonly bytesMax: number;
  private bytesStored = 0;

  /** Makes the roots if they are missing (one transaction). */
  constructor(store: Store, storeBytes: number) {
    const roots = store.addRoots({
      'connections.answers': tree(f64(), bytes()),
      'connections.routes': tree(text(), f64()),
    });
    this.store = store;
    this.answers = roots['connections.answers'];
    this.routes = roots['connections.routes'];
    this.bytesMax = storeBytes * ANSWERS_SHARE_OF_STORE;
  }

  /** This process serves from now on: takes stock, and forgets the answers on connections that are over. */
  begin(open: ReadonlySet<number>): void {
    for (const route of this.routes.keys()) this.known.add(route);
    const over: number[] = [];
    for (const [number, stored] of this.answers.entries()) {
      if (open.has(number)) this.note(number, stored.byteLength);
      else over.push(number);
    }
    if (over.length === 0) return;
    this.store.transaction(() => {
      for (const number of over) this.answers.delete(number);
    });
  }

  /** The answer that was committed last on a connection. */
  get(number: number): StoredAnswer | undefined {
    if (!this.sizes.has(number)) return undefined;
    const stored = this.answers.get(number);
    if (stored === undefined || stored.byteLength <= HEADER_BYTES) return undefined;
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
    return { start: view.getFloat64(0), closes: view.getUint8(8) === 1, bytes: stored.subarray(HEADER_BYTES) };
  }

  /** Whether there is room for an answer of so many bytes. */
  hasRoom(number: number, sizeBytes: number): boolean {
    if (sizeBytes > ANSWER_BYTES_MAX) return false;
    return this.bytesStored - (this.sizes.get(number) ?? 0) + sizeBytes + HEADER_BYTES <= this.bytesMax;
  }

  /**
   * Puts an answer in place of the connection's last. Only in a transaction: it is that one's success which commits it.
   *
   * @returns false if the store has no room for it. Then nothing of it is there, and the transaction may go on.
   */
  put(number: number, answer: StoredAnswer, route: string): boolean {
    try {
      this.store.transaction(() => this.write(number, answer, route));
      return true;
    } catch (error) {
      if (isLackOfRoom(error)) return false;
      throw error;
    }
  }

  /** The transaction with `put` was committed. */
  putWasCommitted(number: number, answer: StoredAnswer, route: string): void {
    for (const over of this.closed) this.forget(over);
    this.closed.clear();
    this.note(number, HEADER_BYTES + answer.bytes.byteLength);
    this.known.add(route);
  }

  /** Whether a route has answered from a transaction before. */
  isKnown(route: string): boolean {
    return this.known.has(route);
  }

  /** A connection is over; its answer is removed with the next that is committed. */
  close(number: number): void {
    if (this.sizes.has(number)) this.closed.add(number);
  }

  private write(number: number, answer: StoredAnswer, route: string): void {
    const stored = new Uint8Array(HEADER_BYTES + answer.bytes.byteLength);
    const view = new DataView(stored.buffer);
    view.setFloat64(0, answer.start);
    view.setUint8(8, answer.closes ? 1 : 0);
    stored.set(answer.bytes, HEADER_BYTES);
    for (const over of this.closed) this.answers.delete(over);
    this.answers.set(number, stored);
    if (!this.known.has(route)) {
      if (this.routes.size >= ROUTES_KNOWN_MAX) this.routes.clear();
      this.routes.set(route, Date.now());
    }
  }

  private note(number: number, sizeBytes: number): void {
    this.forget(number);
    this.sizes.set(number, sizeBytes);
    this.bytesStored += sizeBytes;
  }

  private forget(number: number): void {
    this.bytesStored -= this.sizes.get(number) ?? 0;
    this.sizes.delete(number);
  }
}

/** What the transaction of the effects would have gone on without. */
function isLackOfRoom(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'STORE_FULL' || code === 'OUT_OF_MEMORY' || code === 'JOURNAL_FULL';
}
