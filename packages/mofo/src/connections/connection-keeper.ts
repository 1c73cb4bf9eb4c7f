// The connections of one process: held while it stands by, served when it is main. What the former main left is adopted before anything new is accepted,
// and by the same way: a new connection is one on which nothing has happened yet.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Store } from '@mofo/journal';
import {
  type ConnectionCounters,
  type ConnectionDesk,
  type ConnectionPlan,
  installIoHooks,
  openConnectionDesk,
} from '@mofo/shm-store';
import type { HttpServer } from '../http/index.ts';
import { CommittedAnswers } from './committed-answers.ts';
import { ADOPTED_AT_ONCE_MAX } from './constants.ts';
import { RequestCommit } from './request-commit.ts';

/** How a process gets its connections. The descriptors stay the caller's, and may be closed once there is a keeper. */
export interface ConnectionKeeperOptions {
  readonly channelFd: number;
  readonly tableFd: number;
  readonly store: Store;
  /** Largest size of the store. */
  readonly storeBytes: number;
}

/** Methods that HTTP calls safe: their requests may be run again, and need no more said. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Holds, adopts and serves connections. */
export class ConnectionKeeper {
  private readonly desk: ConnectionDesk;
  private readonly answers: CommittedAnswers;
  private readonly numbers = new WeakMap<Socket, number>();
  /** Planned, and not open yet. */
  private readonly idle = new Map<number, ConnectionPlan>();
  private http: HttpServer | undefined;

  constructor(options: ConnectionKeeperOptions) {
    installIoHooks();
    this.desk = openConnectionDesk(options.channelFd, options.tableFd);
    // Its roots are made now, so that a takeover does not have to.
    this.answers = new CommittedAnswers(options.store, options.storeBytes);
  }

  /** This process is main: adopts what is open, first that on which somebody waits for an answer, and serves what is accepted from now on. */
  serve(http: HttpServer): void {
    this.http = http;
    const numbers = this.desk.held();
    this.answers.begin(new Set(numbers));
    for (const number of numbers) this.take(number);
    this.openIdle();
    this.desk.listen(() => this.takeAll());
  }

  /** Takes no more; what is served goes on until the server stops. */
  stop(): void {
    if (this.http !== undefined) this.takeAll();
    this.desk.listen(() => {});
    for (const number of this.idle.keys()) this.desk.drop(number, false);
    this.idle.clear();
  }

  /** Lets go of everything. */
  close(): void {
    this.desk.close();
  }

  /**
   * A request is about to be handled. Undefined: its connection is not followed, or the request may be run again at any time.
   *
   * @param route gives the route's name, which most requests can do without.
   */
  begin(route: () => string, incoming: IncomingMessage, outgoing: ServerResponse): RequestCommit | undefined {
    if (safeMethods.has(incoming.method ?? '')) return undefined;
    const number = this.numbers.get(incoming.socket);
    if (number === undefined) return undefined;
    const { desk, answers } = this;
    return new RequestCommit(
      { desk, answers, keepAliveTimeoutMs: this.http?.server.keepAliveTimeout ?? 0 },
      number,
      route(),
      outgoing,
    );
  }

  /** What became of connections at all takeovers. */
  report(): ConnectionCounters {
    return this.desk.counters();
  }

  private takeAll(): void {
    for (const number of this.desk.held()) if (!this.idle.has(number)) this.take(number);
    this.openIdle();
  }

  /** Opens some of the idle connections, and the others in later turns. */
  private openIdle(): void {
    let left = ADOPTED_AT_ONCE_MAX;
    for (const [number, plan] of this.idle) {
      if (left-- === 0) {
        setImmediate(() => this.openIdle());
        return;
      }
      this.idle.delete(number);
      this.open(number, plan, undefined);
    }
  }

  private take(number: number): void {
    const answer = this.answers.get(number);
    const plan = this.desk.plan(number, answer?.start ?? 0, answer?.bytes.byteLength ?? 0);
    if (plan.fate === 'closed' || plan.fate === 'reset') {
      this.desk.drop(number, plan.fate === 'reset');
      this.answers.close(number);
    } else if (plan.fate === 'idle') this.idle.set(number, plan);
    else this.open(number, plan, answer);
  }

  private open(number: number, plan: ConnectionPlan, answer: ReturnType<CommittedAnswers['get']>): void {
    const { http, desk } = this;
    if (http === undefined) throw new Error('Connections are served before there is a server.');
    const isFinished = plan.fate === 'finished' && answer !== undefined;
    const fd = desk.serve(number);
    const socket = http.take(fd, {
      ...(plan.request === undefined ? {} : { request: plan.request }),
      ...(isFinished ? { answer: answer.bytes.subarray(plan.sent), closes: answer.closes } : {}),
      isUsed: plan.isUsed,
      onClose: () => {
        desk.release(number);
        this.answers.close(number);
      },
    });
    this.numbers.set(socket, number);
  }
}
