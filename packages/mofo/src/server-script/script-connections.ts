// The connections of one process of a server script: held until it is told to serve, then given to whichever of the script's servers listens where they came in.
// They are planned as those of modules are (mofo/SPEC.md); what a script's handlers did is not known, so a request that is not GET, HEAD or OPTIONS is never run twice.

import { subscribe } from 'node:diagnostics_channel';
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Server, Socket } from 'node:net';
import { TLSSocket, Server as TlsServer } from 'node:tls';
import { CONNECTION_HANDLING, type ConnectionDesk, type ConnectionPlan } from '@mofo/shm-store';
import type { SharedHandle } from './shared-handle.ts';

/** How often connections are looked at while they are handed over, in ms. */
const LOOK_INTERVAL_MS = 10;

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What Node notes of a socket that an HTTP server has. */
interface HttpSocket {
  _handle: unknown;
  /** Absent when it has been upgraded. */
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
  /** The answer under way. */
  readonly _httpMessage?: ServerResponse | null;
}

interface Target {
  readonly server: Server;
  readonly handle: SharedHandle;
}

/** Takes, serves and hands over connections. */
export class ScriptConnections {
  /** Requests answered, and those with a status of 500 or more. */
  served = 0;
  failed = 0;
  private readonly desk: ConnectionDesk;
  private readonly targets = new Map<number, Target>();
  private readonly sockets = new Map<number, Socket>();
  private readonly numbers = new WeakMap<Socket, number>();
  private readonly elsewhere = new Set<number>();
  private isServing = false;
  private isDraining = false;

  constructor(desk: ConnectionDesk) {
    this.desk = desk;
    subscribe('http.server.request.start', (message) => {
      const { request, response, socket } = message as {
        readonly request: IncomingMessage;
        readonly response: ServerResponse;
        readonly socket: Socket;
      };
      // What has been agreed inside the process cannot go on in another one: it ends with this answer.
      if (this.isDraining && socket instanceof TLSSocket) response.shouldKeepAlive = false;
      const number = safeMethods.has(request.method ?? '') ? undefined : this.numbers.get(socket);
      if (number !== undefined) desk.beginRequest(number, CONNECTION_HANDLING.mayHaveEffects);
    });
    subscribe('http.server.response.finish', (message) => {
      this.served++;
      if ((message as { response: ServerResponse }).response.statusCode >= 500) this.failed++;
    });
  }

  /** Open connections that are served here. */
  get count(): number {
    return this.sockets.size;
  }

  /** A server listens; it gets what has come in there. */
  opened(listener: number, target: Target): void {
    this.targets.set(listener, target);
    // After the server has said so to the script.
    setImmediate(() => this.takeAll());
  }

  closed(listener: number): void {
    this.targets.delete(listener);
  }

  /** Nobody listens there any more: what has come in there and waits is ended. */
  forget(listener: number): void {
    this.targets.delete(listener);
    for (const number of this.desk.held()) if (this.desk.listenerOf(number) === listener) this.desk.drop(number, false);
  }

  /** Takes connections from now on, those that other processes are done with among them. */
  serve(except: readonly number[]): void {
    for (const number of except) this.elsewhere.add(number);
    this.isServing = true;
    this.takeAll();
    this.desk.listen(() => this.takeAll());
  }

  /** Another process is done with these; absent: with all. */
  adopt(numbers: readonly number[] | undefined): void {
    if (numbers === undefined) this.elsewhere.clear();
    else for (const number of numbers) this.elsewhere.delete(number);
    this.takeAll();
  }

  /** Takes no more. */
  stopTaking(): void {
    this.takeAll();
    this.isServing = false;
    this.desk.listen(() => {});
  }

  /**
   * Hands over what is idle now, and the rest as soon as it is. Connections of TLS end with their next answer, or when they have been idle for as long as ever.
   *
   * @param onHandedOver gets what was handed over later.
   * @returns those on which something is under way, and when there are none any more.
   */
  drain(onHandedOver: (numbers: readonly number[]) => void): { serving: number[]; drained: Promise<void> } {
    this.stopTaking();
    this.isDraining = true;
    this.handOverIdle();
    const serving = [...this.sockets.keys()];
    return { serving, drained: this.whenEmpty(() => onHandedOver(this.handOverIdle())) };
  }

  /** Closes what is idle now, and the rest as soon as it is. Resolves when nothing is left. */
  finish(): Promise<void> {
    this.stopTaking();
    const close = (): void => {
      this.closeIdleTls();
      for (const socket of this.sockets.values()) if (isIdle(socket)) socket.destroy();
    };
    close();
    return this.whenEmpty(close);
  }

  private whenEmpty(look: () => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        if (this.sockets.size > 0) look();
        if (this.sockets.size > 0) return;
        clearInterval(timer);
        resolve();
      }, LOOK_INTERVAL_MS);
    });
  }

  private handOverIdle(): number[] {
    const numbers: number[] = [];
    for (const [number, socket] of this.sockets) {
      if (!isIdle(socket)) continue;
      this.desk.handOver(number);
      this.sockets.delete(number);
      numbers.push(number);
      // Others hold the descriptor, so the peer sees nothing of it.
      socket.destroy();
    }
    return numbers;
  }

  private closeIdleTls(): void {
    for (const { server } of this.targets.values())
      if (server instanceof TlsServer && 'closeIdleConnections' in server)
        (server as unknown as HttpServer).closeIdleConnections();
  }

  private takeAll(): void {
    if (!this.isServing) return;
    for (const number of this.desk.held()) {
      const target = this.elsewhere.has(number) ? undefined : this.targets.get(this.desk.listenerOf(number));
      if (target !== undefined) this.take(number, target);
    }
  }

  private take(number: number, target: Target): void {
    const { desk } = this;
    const { server } = target;
    const plan = desk.plan(number, 0, 0);
    if (plan.fate === 'closed' || plan.fate === 'reset') {
      desk.drop(number, plan.fate === 'reset');
      return;
    }
    const { maxConnections } = server as { readonly maxConnections?: number | null };
    if (maxConnections != null && (server as Server & { _connections: number })._connections >= maxConnections) {
      desk.drop(number, false);
      server.emit('drop', {});
      return;
    }
    this.open(number, target, plan);
  }

  private open(number: number, { server, handle }: Target, plan: ConnectionPlan): void {
    const fd = this.desk.serve(number);
    const carrier = new Socket({ fd, readable: false, writable: false }) as Socket & HttpSocket;
    const client = carrier._handle;
    carrier._handle = null;
    let opened: Socket | undefined;
    // First of all listeners, so that nobody reads before what was read once.
    server.prependOnceListener('connection', (socket: Socket) => {
      opened = socket;
      this.follow(number, socket);
      if (plan.request !== undefined) socket.unshift(plan.request);
    });
    handle.onconnection?.(0, client);
    // Between two requests, as far as anybody knows.
    if (opened !== undefined && plan.isUsed && plan.request === undefined && server instanceof HttpServer)
      (opened as Socket).setTimeout(server.keepAliveTimeout);
  }

  private follow(number: number, socket: Socket): void {
    this.sockets.set(number, socket);
    this.numbers.set(socket, number);
    // The last moment at which the descriptor is surely this connection's.
    const destroy = socket._destroy;
    socket._destroy = (error, callback) => {
      if (this.sockets.delete(number)) this.desk.release(number);
      destroy.call(socket, error, callback);
    };
  }
}

/** No request is under way on it, as far as it has been seen: what was read of the next one is noted in the table. */
function isIdle(socket: Socket): boolean {
  const { parser, _httpMessage } = socket as Socket & HttpSocket;
  if (parser == null || (_httpMessage !== undefined && _httpMessage !== null)) return false;
  const { incoming } = parser;
  return socket.writableLength === 0 && (incoming === undefined || incoming === null || incoming.complete);
}
