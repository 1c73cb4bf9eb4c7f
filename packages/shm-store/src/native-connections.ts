// The addon's classes for connections, as TypeScript sees them.

import type { ConnectionCounters, ConnectionPlan } from './connections.ts';

/** Accepts connections and hands them out. */
export interface NativeConnectionHub {
  /** The table of connections, for the processes; closed with the hub. */
  readonly tableFd: number;
  /** Open connections. */
  readonly heldCount: number;
  /**
   * Accepts on another listening descriptor from now on; it stays the caller's, and must stay open until it is removed or the hub is closed. Gives its number, by
   * which `listenerOf` names it. Throws CLOSED, INVALID_ARGUMENT for what does not listen.
   */
  addListener(listenFd: number): number;
  /** Accepts there no more; the descriptor may be closed afterwards. Connections that were accepted stay. Throws INVALID_ARGUMENT. */
  removeListener(listener: number): void;
  /** A channel for a process that is about to be started; close the descriptor when it has been. Throws CLOSED. */
  addProcess(): number;
  counters(): ConnectionCounters | undefined;
  /** Accepts no more and lets go of all connections; those that are served go on. Idempotent. */
  close(): void;
}

/** Holds and serves connections, by number. Every method throws INVALID_ARGUMENT for a connection that is not here, and CLOSED after `close`. */
export interface NativeConnectionDesk {
  /** Connections that are held and not served. */
  readonly heldCount: number;
  /** Calls `onHeld` when there are connections to be served; look for them first with `held`. */
  listen(onHeld: () => void): void;
  /** Numbers of the connections that are held, in the order in which they were accepted. Only for the process that serves. */
  held(): number[];
  /**
   * Decides what becomes of a held connection, and counts it. For the process that serves, after the death of the one before.
   *
   * @param committedStart where the request begins whose answer is committed, as `beginRequest` gave it.
   * @param committedLength length of that answer in bytes; 0: there is none.
   */
  plan(number: number, committedStart: number, committedLength: number): ConnectionPlan;
  /** Ends a held connection: with a reset that the peer sees at once, or in order. */
  drop(number: number, reset: boolean): void;
  /** Gives the descriptor of a held connection to the caller. What passes through it is noted, if there was `installIoHooks`. */
  serve(number: number): number;
  /** The descriptor of a served connection is about to be closed: call it before. The peer is told, and everybody else lets go of it. */
  release(number: number): void;
  /**
   * The descriptor of a served connection is about to be closed here, and another process that holds the connection goes on with it: call it before. Nobody is
   * told. Only when nothing of an answer is waiting to be written; what was read of a request is in the table, and the other process plans by that.
   */
  handOver(number: number): void;
  /** Number of the listening socket that a held or served connection was accepted on; -1: the connection is over. */
  listenerOf(number: number): number;
  /** A request of a served connection is about to be handled (one of CONNECTION_HANDLING). Gives where it begins, which names it; -1: the connection is over. */
  beginRequest(number: number, handling: number): number;
  /** Whether the answer to that request can be committed: it is the open one, it is whole, and nothing was written. */
  canCommit(number: number, start: number): boolean;
  /** Says what that request's handler may have done. Nothing happens when it is not the open one any more; a void answer stays void. */
  setHandling(number: number, start: number, handling: number): void;
  counters(): ConnectionCounters;
  /** Lets go of everything held and follows nothing any more. Idempotent. */
  close(): void;
}
