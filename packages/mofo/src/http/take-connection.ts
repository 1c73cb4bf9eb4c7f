// Gives a server a connection that was accepted elsewhere: a new one, or one that another process served until it died. To Node it looks like one that the
// server accepted itself.

import type { Server } from 'node:http';
import { Socket } from 'node:net';

/** What is done with a taken connection first. */
export interface TakenConnection {
  /** Bytes of a request that were read before: served as if they came now. */
  readonly request?: Uint8Array;
  /** The rest of an answer: written before anything else. */
  readonly answer?: Uint8Array;
  /** The connection ends with that answer. */
  readonly closes?: boolean;
  /** Something was sent on it before. */
  readonly isUsed?: boolean;
  /** Called before the descriptor is closed. */
  readonly onClose: () => void;
}

/** What Node's server notes in its sockets, and of them. */
interface OwnedSocket {
  server: Server;
  _server: Server;
}

/**
 * Serves a connection. The descriptor belongs to the socket from now on.
 *
 * @throws what Node throws for a descriptor that is no open TCP connection.
 */
export function takeConnection(server: Server, fd: number, taken: TakenConnection): Socket {
  const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  const owned = socket as Socket & OwnedSocket;
  owned.server = server;
  owned._server = server;
  (server as Server & { _connections: number })._connections += 1;
  // The last moment at which the descriptor is surely this connection's.
  const destroy = socket._destroy;
  socket._destroy = (error, callback) => {
    taken.onClose();
    destroy.call(socket, error, callback);
  };
  if (taken.answer !== undefined) socket.write(taken.answer);
  if (taken.closes === true) {
    // A peer that is gone has no use for it; one that does not take it is given up as an idle one is.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(server.keepAliveTimeout, () => socket.destroy());
    socket.end(() => socket.destroy());
    return socket;
  }
  if (taken.request !== undefined) socket.unshift(taken.request);
  server.emit('connection', socket);
  return socket;
}

/** Makes a server that takes connections and never listens do what one does from the moment at which it listens: it watches the times of its connections. */
export function beginTaking(server: Server): void {
  server.emit('listening');
}
