// `server.listen` in a script's process: the launcher binds and listens, and what Node's server gets is a handle that accepts nothing itself, as in a worker of
// node:cluster. The server cannot tell the difference: it is given its connections by the same function, and asks the same handle for its address.

import { readSync, writeSync } from 'node:fs';
import net, { type Server } from 'node:net';
import os from 'node:os';
import { resolve } from 'node:path';
import { LISTEN_FD, type ListenAnswer, type ListenQuestion } from './messages.ts';

/** Longest timer of Node. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/** Who takes part. */
export interface Listening {
  /** A server listens. */
  opened(listener: number, server: Server, handle: SharedHandle): void;
  /** It does not any more. */
  closed(listener: number): void;
}

/** What Node's server takes for its listening socket. */
export class SharedHandle {
  /** Set by Node's server: takes a connection. */
  onconnection: ((status: number, client: unknown) => void) | undefined;
  readonly getsockname: ((target: Record<string, unknown>) => number) | undefined;
  private readonly answer: Exclude<ListenAnswer, { error: string }>;
  private readonly listening: Listening;
  /** A server that listens keeps its process alive. */
  private readonly keepsAlive = setInterval(() => {}, KEEP_ALIVE_MS);
  private isClosed = false;

  constructor(answer: Exclude<ListenAnswer, { error: string }>, listening: Listening) {
    this.answer = answer;
    this.listening = listening;
    const { address, family, port } = answer;
    // Of a socket with a path Node itself knows where it listens.
    if (family === 'unix') return;
    this.getsockname = (target) => {
      Object.assign(target, { address, family, port });
      return 0;
    };
  }

  listen(): number {
    return 0;
  }

  ref(): void {
    this.keepsAlive.ref();
  }

  unref(): void {
    this.keepsAlive.unref();
  }

  hasRef(): boolean {
    return this.keepsAlive.hasRef();
  }

  close(done?: () => void): void {
    if (!this.isClosed) {
      this.isClosed = true;
      clearInterval(this.keepsAlive);
      this.listening.closed(this.answer.listener);
    }
    if (done !== undefined) setImmediate(done);
  }
}

/** What Node calls at the end of each `listen`, with the address looked up; the one place at which node:cluster steps in too. */
type ListenFunction = (
  this: Server & { _handle: unknown },
  address: string | null,
  port: number,
  addressType: number,
  backlog: number,
  fd: number | undefined,
  flags: number | undefined,
) => void;

/**
 * From now on servers of this process listen by the launcher.
 *
 * @throws Error when this Node does not have what is relied on.
 */
export function listenByLauncher(listening: Listening, usesCluster: () => boolean): void {
  const prototype = net.Server.prototype as unknown as { _listen2: ListenFunction };
  const listenItself = prototype._listen2;
  if (typeof listenItself !== 'function')
    throw new Error(`Node ${process.version} listens in a way that is not known.`);
  prototype._listen2 = function listen(address, port, addressType, backlog, fd, flags) {
    const isGiven = Boolean(this._handle) || (typeof fd === 'number' && fd >= 0);
    // An IPv6 address without IPv4 is the process's own affair.
    if (isGiven || (flags ?? 0) !== 0) return listenItself.call(this, address, port, addressType, backlog, fd, flags);
    const isPath = port === -1 && addressType === -1 && address !== null;
    const answer: ListenAnswer = usesCluster()
      ? { error: 'ENOTSUP' }
      : ask({
          path: isPath ? (address.startsWith('\0') ? address : resolve(address)) : null,
          address: isPath ? null : address,
          port,
          backlog: backlog > 0 ? backlog : 511,
        });
    if ('error' in answer) {
      const error = listenError(answer.error, address, port);
      process.nextTick(() => this.emit('error', error));
      return;
    }
    const handle = new SharedHandle(answer, listening);
    this._handle = handle;
    listenItself.call(this, address, port, addressType, backlog, fd, flags);
    listening.opened(answer.listener, this, handle);
  };
}

/** Blocks until the launcher has answered, so that a script which looks at its address at once finds it, as ever. */
function ask(question: ListenQuestion): ListenAnswer {
  try {
    writeSync(LISTEN_FD, `${JSON.stringify(question)}\n`);
    const buffer = Buffer.alloc(4096);
    let text = '';
    while (!text.endsWith('\n')) {
      const count = readSync(LISTEN_FD, buffer);
      if (count === 0) return { error: 'EPIPE' };
      text += buffer.toString('utf8', 0, count);
    }
    return JSON.parse(text) as ListenAnswer;
  } catch (error) {
    // The launcher has ended; this process is about to.
    return { error: (error as NodeJS.ErrnoException).code ?? 'EPIPE' };
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'address not available',
  EACCES: 'permission denied',
  EINVAL: 'invalid argument',
  ENOTSUP: 'node:cluster cannot be used under mofo run: leave the processes to it',
  EPIPE: 'the launcher has ended',
};

/** As Node's own. */
function listenError(code: string, address: string | null, port: number): NodeJS.ErrnoException {
  const where = port >= 0 ? `${address ?? '::'}:${port}` : String(address);
  const errno = (os.constants.errno as Readonly<Record<string, number>>)[code];
  const error = new Error(`listen ${code}: ${WORDS[code] ?? 'it failed'} ${where}`);
  return Object.assign(error, {
    code,
    errno: errno === undefined ? undefined : -errno,
    syscall: 'listen',
    address: address ?? '::',
    ...(port >= 0 ? { port } : {}),
  });
}
