// Clients on keep-alive connections that check every answer, byte for byte. A connection that ends while a request is open is a failed request, one that ends
// while nothing is asked a lost connection; bytes that are not expected end the measurement, for nothing may ever be wrong.

import { connect, type Socket } from 'node:net';

/** One request and its answer's body. */
export interface Exchange {
  readonly bytes: string;
  readonly body: string;
  /** Its effect is counted. */
  readonly hasEffect: boolean;
}

/** What came of them. */
export interface ClientTotals {
  readonly answered: number;
  /** Answered requests with an effect. */
  readonly effects: number;
  readonly failed: number;
  readonly lostIdle: number;
}

/** Longest time between an answer and the next request, in ms. */
const PAUSE_MAX_MS = 4;

/** Longest wait for answers at the end, in ms. */
const ANSWER_LIMIT_MS = 3_000;

/** Until a connection that was refused is tried again, in ms. */
const RETRY_MS = 5;

/** Asks on so many connections until it is stopped. */
export class KeepAliveClients {
  private readonly port: number;
  private readonly next: (id: number) => Exchange;
  private readonly open = new Set<Client>();
  private answered = 0;
  private effects = 0;
  private failed = 0;
  private lostIdle = 0;
  private lastId = 0;
  private wrong: Error | undefined;
  private isStopping = false;
  private whenStopped: (() => void) | undefined;

  constructor(port: number, count: number, next: (id: number) => Exchange) {
    this.port = port;
    this.next = next;
    for (let client = 0; client < count; client++) this.start();
  }

  /** What came of them so far; throws when anything was wrong. */
  get totals(): ClientTotals {
    if (this.wrong !== undefined) throw this.wrong;
    const { answered, effects, failed, lostIdle } = this;
    return { answered, effects, failed, lostIdle };
  }

  /** Lets open requests come to their end; those that are not answered soon have failed. */
  async stop(): Promise<ClientTotals> {
    this.isStopping = true;
    for (const client of this.open) if (client.exchange === undefined) client.socket.destroy();
    if (this.open.size > 0) {
      const limit = setTimeout(() => {
        for (const client of this.open) client.socket.destroy();
      }, ANSWER_LIMIT_MS);
      await new Promise<void>((resolve) => {
        this.whenStopped = resolve;
      });
      clearTimeout(limit);
    }
    return this.totals;
  }

  private start(): void {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    const client: Client = { socket, isConnected: false, exchange: undefined, received: '', pause: undefined };
    this.open.add(client);
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      client.isConnected = true;
      this.ask(client);
    });
    socket.on('data', (text: string) => this.take(client, text));
    // Said by 'close' too.
    socket.on('error', () => {});
    socket.on('close', () => this.ended(client));
  }

  private ask(client: Client): void {
    if (this.isStopping || this.wrong !== undefined) {
      client.socket.destroy();
      return;
    }
    client.exchange = this.next(++this.lastId);
    client.socket.write(client.exchange.bytes, 'latin1');
  }

  private take(client: Client, text: string): void {
    const { exchange } = client;
    client.received += text;
    if (exchange === undefined) {
      this.refuse(client, `unasked bytes: ${client.received}`);
      return;
    }
    const headEnd = client.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(client.received.slice(0, headEnd))?.[1];
    const whole = headEnd + 4 + Number(length);
    if (client.received.length < whole) return;
    const isRight = client.received.startsWith('HTTP/1.1 200 ') && client.received.slice(headEnd + 4) === exchange.body;
    if (!isRight) {
      this.refuse(client, `${client.received} instead of ${exchange.body}`);
      return;
    }
    this.answered++;
    if (exchange.hasEffect) this.effects++;
    client.exchange = undefined;
    client.received = '';
    client.pause = setTimeout(() => this.ask(client), Math.random() * PAUSE_MAX_MS);
  }

  private refuse(client: Client, what: string): void {
    this.wrong ??= new Error(`A client got ${what}`);
    client.exchange = undefined;
    client.socket.destroy();
  }

  private ended(client: Client): void {
    clearTimeout(client.pause);
    this.open.delete(client);
    if (client.exchange !== undefined) this.failed++;
    else if (!this.isStopping && client.isConnected) this.lostIdle++;
    if (this.isStopping || this.wrong !== undefined) {
      if (this.open.size === 0) this.whenStopped?.();
    } else if (client.isConnected) this.start();
    else setTimeout(() => this.isStopping || this.start(), RETRY_MS);
  }
}

interface Client {
  readonly socket: Socket;
  isConnected: boolean;
  exchange: Exchange | undefined;
  received: string;
  pause: NodeJS.Timeout | undefined;
}
