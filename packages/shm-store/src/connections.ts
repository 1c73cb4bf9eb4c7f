// TCP connections that outlive the process that serves them. The launcher accepts (ConnectionHub); main serves and the clone holds (ConnectionDesk); what is
// known of each connection lies in a table that all of them map, and the kernel says the rest.

import { loadNative } from './native.ts';
import type { NativeConnectionDesk, NativeConnectionHub } from './native-connections.ts';

/** What became of a connection whose process had died. */
export type ConnectionFate = 'idle' | 'fed-again' | 'finished' | 'closed' | 'reset';

/** Why a connection was reset. */
export type ConnectionLoss =
  /** The process could not follow its bytes. */
  | 'untracked'
  /** A request came before the one before it was answered. */
  | 'pipelined'
  /** What was sent or received was not plain HTTP/1.1 with a known length. */
  | 'unreadable'
  /** The request came in chunks. */
  | 'chunked'
  /** More than 16 KiB of the request had been read. */
  | 'too-big'
  /** A part of the answer was sent, and the rest is nowhere. */
  | 'answer-started'
  /** It was being handled, and may have had effects. */
  | 'not-repeatable'
  /** Its effects are committed, and its answer is not. */
  | 'answer-missing'
  /** It was fed again before: it may be what kills. */
  | 'poison'
  /** What the kernel counted and what was noted do not agree. */
  | 'unaccounted';

/** How connections fared at all takeovers so far, since the hub was opened. Connections on which nothing had been sent are not counted. */
export interface ConnectionCounters {
  readonly fates: Readonly<Record<ConnectionFate, number>>;
  /** Of those that were reset. */
  readonly losses: Readonly<Record<ConnectionLoss, number>>;
}

/** What a handler may have done: what decides whether its request may be fed again. */
export const CONNECTION_HANDLING = {
  /** It has not begun. */
  none: 0,
  /** It has begun, and all its effects come with its answer in one transaction. */
  beforeCommit: 1,
  /** It may have had effects. */
  mayHaveEffects: 2,
  /** Another answer than the committed one is being sent. */
  answerVoid: 3,
} as const;

/** What is planned for a connection. */
export interface ConnectionPlan {
  readonly fate: ConnectionFate;
  readonly cause: ConnectionLoss | 'none';
  /** Bytes of the committed answer that are out already, when it is `finished`. */
  readonly sent: number;
  /** Bytes went over the connection; false: it has only been accepted. */
  readonly isUsed: boolean;
  /** The request's bytes, when it is `fed-again`. */
  readonly request?: Buffer;
}

/** Most connections of one hub. */
export const CONNECTION_COUNT_MAX = 16_384;

/** A launcher's part. Made by {@link openConnectionHub}. */
export type ConnectionHub = NativeConnectionHub;
/** A process's part. Made by {@link openConnectionDesk}. */
export type ConnectionDesk = NativeConnectionDesk;

/**
 * Accepts on a listening descriptor, in a thread of its own, and gives every connection to all processes that are added. Connections stay open while this process
 * lives, whoever else dies, until one of those processes says that they are over. Synchronous.
 *
 * @param listenFd from `listenTcp`; stays the caller's, and must stay open until `close()`.
 * @param countMax connections at a time; more wait in the listening socket. Each costs a descriptor in every process and 4 to 20 KiB of memory.
 * @throws ShmStoreError INVALID_ARGUMENT, SYSTEM_ERROR.
 */
export function openConnectionHub(listenFd: number, countMax: number = CONNECTION_COUNT_MAX): ConnectionHub {
  const hub = openIdleConnectionHub(countMax);
  try {
    hub.addListener(listenFd);
    return hub;
  } catch (error) {
    hub.close();
    throw error;
  }
}

/** A hub that accepts nothing until `addListener` is called. Throws as {@link openConnectionHub}. */
export function openIdleConnectionHub(countMax: number = CONNECTION_COUNT_MAX): ConnectionHub {
  return new (loadNative().ConnectionHub)(countMax);
}

/**
 * Takes part as a process that was started with a channel (`hub.addProcess()`) and the table (`hub.tableFd`). Both descriptors may be closed afterwards. Until
 * `listen` is called, connections are held and not served. Synchronous. A killed process leaves its connections to the others.
 *
 * @throws ShmStoreError INVALID_ARGUMENT, SYSTEM_ERROR.
 */
export function openConnectionDesk(channelFd: number, tableFd: number): ConnectionDesk {
  return new (loadNative().ConnectionDesk)(channelFd, tableFd);
}

/**
 * Makes this process note what its event loop reads from and writes to connections that a desk serves: changes the entries of `read`, `write` and `writev` in the
 * import table of libuv. Once for a process; costs some nanoseconds a call.
 *
 * @throws ShmStoreError UNSUPPORTED_PLATFORM when they are not found; then nothing has changed.
 */
export function installIoHooks(): void {
  loadNative().installIoHooks();
}
