// node:http with routes of modules in front and everything else kept plain: keep-alive, one counter per outcome, a stop that lets
// what is under way come to its end. Handlers are called through `invoke`, so the server knows no module.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { MofoError } from '../errors.ts';
import { type AnswerCommit, isUnchanged, prepareCommitted } from './answer-commit.ts';
import { errorResponse, isRefusal } from './error-response.ts';
import { type ListenTarget, listen } from './listen.ts';
import { bodyTooLarge, statedBodyBytes } from './request-body.ts';
import type { Route, RouteTable } from './routes.ts';
import { type TakenConnection, takeConnection } from './take-connection.ts';
import { abortRequest, type RequestFacts, webRequest } from './web-request.ts';
import { requireResponse, writeResponse } from './write-response.ts';

/** How long a stopping server waits for the first request of a connection that has sent none, in milliseconds. */
const unusedGraceMs = 500;

/** What the server needs. */
export interface ServeHttpOptions {
  readonly listen: ListenTarget;
  /** The routes that hold now; asked at each request. */
  readonly routes: () => RouteTable;
  /** Calls a handler in web-standard form. */
  readonly invoke: (
    route: Route,
    request: Request,
    params: Readonly<Record<string, string>>,
    commit: AnswerCommit | undefined,
  ) => Response | Promise<Response>;
  /** Calls a handler in Node's form; it answers through `response`. */
  readonly invokeNode: (
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    params: Readonly<Record<string, string>>,
  ) => unknown;
  /** Told of each request before its handler is called; what it gives is passed to `invoke`, and asked before anything is sent. */
  readonly onRequest?: (route: Route, incoming: IncomingMessage, outgoing: ServerResponse) => AnswerCommit | undefined;
  /** Told of every request that failed for a fault, not for a refusal; for the log. */
  readonly onError?: (error: unknown, route: Route) => void;
  /** Longest request body; default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an idle connection is kept; default 60 s. */
  readonly keepAliveTimeoutMs?: number;
}

/** What was answered so far. */
export interface HttpCounters {
  /** Requests answered in full. */
  readonly served: number;
  /** Requests whose handler broke, or whose client went away before the end. */
  readonly failed: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** Open connections. */
  readonly connections: number;
}

/** A running server. */
export interface HttpServer {
  /** The port that it listens on. */
  readonly port: number;
  /** Node's own server, for those who adopt connections. */
  readonly server: Server;
  /** Serves a connection that was accepted elsewhere. */
  take(fd: number, taken: TakenConnection): Socket;
  /** What was answered so far. */
  counters(): HttpCounters;
  /**
   * Accepts no more, lets requests under way finish, closes idle connections. After `limitMs` (default 5 s) what is left is cut.
   * Idempotent.
   */
  stop(limitMs?: number): Promise<void>;
}

/**
 * Serves HTTP. Resolves when it listens.
 *
 * @throws MofoError ADDRESS_IN_USE, LISTEN_FAILED; nothing is left open.
 */
export async function serveHttp(options: ServeHttpOptions): Promise<HttpServer> {
  const serving = new Serving(options);
  serving.facts.origin = await listen(serving.server, options.listen);
  return serving;
}

class Serving implements HttpServer {
  readonly server: Server;
  readonly facts: { -readonly [K in keyof RequestFacts]: RequestFacts[K] };
  private readonly options: ServeHttpOptions;
  private served = 0;
  private failed = 0;
  private readonly inFlight = new Set<ServerResponse>();
  private readonly sockets = new Set<Socket>();
  /** Connections that have sent a request. */
  private readonly used = new WeakSet<Socket>();
  private stopping: Promise<void> | undefined;

  constructor(options: ServeHttpOptions) {
    this.options = options;
    this.facts = { origin: 'http://127.0.0.1', maxBodyBytes: options.maxBodyBytes ?? 2 ** 20 };
    this.server = createServer((incoming, outgoing) => this.answer(incoming, outgoing));
    this.server.keepAliveTimeout = options.keepAliveTimeoutMs ?? 60_000;
    this.server.on('connection', (socket) => this.follow(socket));
  }

  get port(): number {
    if ('takesFrom' in this.options.listen) return this.options.listen.takesFrom.port;
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  take(fd: number, taken: TakenConnection): Socket {
    const socket = takeConnection(this.server, fd, taken);
    this.follow(socket);
    // Nothing is open on it, as between two requests.
    if (taken.isUsed === true && taken.request === undefined) socket.setTimeout(this.server.keepAliveTimeout);
    return socket;
  }

  counters(): HttpCounters {
    return { served: this.served, failed: this.failed, inFlight: this.inFlight.size, connections: this.sockets.size };
  }

  stop(limitMs = 5_000): Promise<void> {
    this.stopping ??= new Promise((settle) => {
      const limit = setTimeout(() => this.cut(() => true), limitMs);
      // Node takes a connection that never sent anything for a busy one. Its first request may be on its way, so it has a moment.
      const grace = setTimeout(() => this.cut((socket) => !this.used.has(socket)), Math.min(limitMs, unusedGraceMs));
      this.server.close(() => {
        clearTimeout(limit);
        clearTimeout(grace);
        settle();
      });
      this.server.closeIdleConnections();
      for (const outgoing of this.inFlight) if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
    });
    return this.stopping;
  }

  /** A stop waits for it, and cuts it in the end. */
  private follow(socket: Socket): void {
    if (this.sockets.has(socket)) return;
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private cut(isMeant: (socket: Socket) => boolean): void {
    for (const socket of this.sockets) if (isMeant(socket)) socket.destroy();
  }

  private answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.inFlight.add(outgoing);
    this.used.add(incoming.socket);
    let request: Request | undefined;
    const exchange: Exchange = { incoming, outgoing, hasFailed: false, commit: undefined };
    outgoing.on('close', () => {
      this.inFlight.delete(outgoing);
      // An answer whose head was out before the stop said keep-alive; its connection is idle only from the next turn on.
      if (this.stopping !== undefined) setImmediate(() => this.server.closeIdleConnections());
      if (outgoing.writableFinished && !exchange.hasFailed) this.served += 1;
      else this.failed += 1;
      if (!outgoing.writableFinished && request !== undefined) abortRequest(request);
    });
    // After `stop` a connection is closed by its own next answer; nobody is cut off in between.
    if (this.stopping !== undefined) outgoing.shouldKeepAlive = false;
    const target = incoming.url ?? '/';
    const queryAt = target.indexOf('?');
    const match = this.options.routes().find(incoming.method ?? 'GET', queryAt < 0 ? target : target.slice(0, queryAt));
    if (match.route === undefined) {
      this.refuse(exchange, unmatched(incoming, match.allowed), match.allowed);
      return;
    }
    exchange.commit = this.options.onRequest?.(match.route, incoming, outgoing);
    const stated = statedBodyBytes(incoming);
    if (match.route.form === 'node') {
      this.answerNode(exchange, match.route, match.params);
    } else if (stated !== undefined && stated > this.facts.maxBodyBytes) {
      this.refuse(exchange, bodyTooLarge(this.facts.maxBodyBytes), []);
    } else {
      request = webRequest(incoming, this.facts);
      this.answerWeb(exchange, match.route, request, match.params);
    }
  }

  private answerWeb(
    exchange: Exchange,
    route: Route,
    request: Request,
    params: Readonly<Record<string, string>>,
  ): void {
    try {
      const answer = this.options.invoke(route, request, params, exchange.commit);
      if (answer instanceof Promise) {
        answer
          .then((response) => this.send(exchange, route, response))
          .catch((error) => this.fault(exchange, route, error));
      } else {
        const sent = this.send(exchange, route, answer);
        sent?.catch((error) => this.fault(exchange, route, error));
      }
    } catch (error) {
      this.fault(exchange, route, error);
    }
  }

  private send(exchange: Exchange, route: Route, answer: unknown): void | Promise<void> {
    const response = requireResponse(answer, route.key);
    if (exchange.outgoing.destroyed) return;
    const { commit } = exchange;
    if (commit?.committed !== undefined) {
      const { response: committed, answer: bytes } = commit.committed;
      if (committed === response && isUnchanged(response, bytes)) {
        // The same bytes as committed, or none of them.
        if (!prepareCommitted(exchange.outgoing, bytes)) commit.revoke();
        exchange.outgoing.end(bytes.body);
        return;
      }
      commit.revoke();
    }
    return writeResponse(response, exchange.outgoing, exchange.incoming.method === 'HEAD');
  }

  private answerNode(exchange: Exchange, route: Route, params: Readonly<Record<string, string>>): void {
    const fault = (error: unknown): void => this.fault(exchange, route, error);
    try {
      const result = this.options.invokeNode(route, exchange.incoming, exchange.outgoing, params);
      if (result instanceof Promise) result.catch(fault);
    } catch (error) {
      fault(error);
    }
  }

  /** A handler threw, or its answer broke off. */
  private fault(exchange: Exchange, route: Route, error: unknown): void {
    if (!isRefusal(error)) {
      exchange.hasFailed = true;
      this.options.onError?.(error, route);
    }
    // An answer that has begun cannot be taken back: the cut connection tells the client that it is not whole.
    if (exchange.outgoing.headersSent) exchange.outgoing.destroy();
    else this.refuse(exchange, error, []);
  }

  private refuse({ incoming, outgoing, commit }: Exchange, error: unknown, allowed: readonly string[]): void {
    if (outgoing.destroyed) return;
    if (commit?.committed !== undefined) commit.revoke();
    const headers: Record<string, string> = {};
    if (allowed.length > 0) headers.allow = allowed.join(', ');
    // A body that nobody will read must not be taken for the next request.
    if (!incoming.complete && statedBodyBytes(incoming) !== 0) headers.connection = 'close';
    void writeResponse(errorResponse(error, headers), outgoing, incoming.method === 'HEAD');
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  hasFailed: boolean;
  commit: AnswerCommit | undefined;
}

function unmatched(incoming: IncomingMessage, allowed: readonly string[]): MofoError {
  const path = (incoming.url ?? '/').split('?')[0]!.slice(0, 200);
  if (allowed.length === 0) return new MofoError('ROUTE_NOT_FOUND', `no module has a route for ${path}.`);
  return new MofoError('METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(', ')}, not ${incoming.method}.`);
}
