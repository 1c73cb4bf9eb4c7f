// Keep-alive clients that check every byte they get: an answer is the expected one and nothing besides, on a connection that never ends by itself.

import { connect, type Socket } from 'node:net';

/** One request of a client. */
export interface VerifiedRequest {
  readonly kind: string;
  /** What is sent. */
  readonly bytes: string;
  /** The body of the answer. */
  readonly body: string;
}

/** What went wrong, and how much went right. */
export interface ClientReport {
  readonly answered: Readonly<Record<string, number>>;
  /** Requests without a whole answer: `kind: error`. */
  readonly failed: readonly string[];
  /** Connections that were ended while nothing was asked. */
  readonly lostIdle: number;
  /** Bytes that nobody had asked for, or others than expected. */
  readonly wrong: readonly string[];
}

/** How long a client waits between an answer and its next request, in ms: some of them are idle at any moment. */
const PAUSE_MAX_MS = 8;

/** Asks until it is stopped. */
export class VerifiedClients {
  readonly answered: Record<string, number> = {};
  readonly failed: string[] = [];
  readonly wrong: string[] = [];
  lostIdle = 0;
  private readonly port: number;
  private readonly next: (id: number) => VerifiedRequest;
  private readonly running: Promise<void>[] = [];
  private isStopped = false;
  private lastId = 0;

  constructor(url: string, count: number, next: (id: number) => VerifiedRequest) {
    this.port = Number(new URL(url).port);
    this.next = next;
    for (let client = 0; client < count; client++) this.running.push(this.run());
  }

  /** Requests that were answered as they should be. */
  get total(): number {
    return Object.values(this.answered).reduce((sum, count) => sum + count, 0);
  }

  /** Lets every request come to its end, and says how it went. */
  async stop(): Promise<ClientReport> {
    this.isStopped = true;
    await Promise.all(this.running);
    const { answered, failed, lostIdle, wrong } = this;
    return { answered, failed, lostIdle, wrong };
  }

  private async run(): Promise<void> {
    let connection = new Connection(this.port);
    while (!this.isStopped) {
      const request = this.next(++this.lastId);
      const { problem, body } = await connection.ask(request.bytes);
      if (problem !== undefined) this.failed.push(`${request.kind}: ${problem}`);
      else if (body !== request.body) this.wrong.push(`${request.kind}: ${body} instead of ${request.body}`);
      else this.answered[request.kind] = (this.answered[request.kind] ?? 0) + 1;
      if (problem === undefined) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MAX_MS));
        if (connection.surplus !== '') this.wrong.push(`surplus: ${connection.surplus}`);
        if (!connection.isOpen) this.lostIdle++;
      }
      if (!connection.isOpen) connection = new Connection(this.port);
    }
    connection.end();
  }
}

/** One keep-alive connection. */
export class Connection {
  /** What came without having been asked for. */
  surplus = '';
  isOpen = true;
  readonly socket: Socket;
  private received = '';
  private settle: ((answer: Answer) => void) | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1').on('data', (text: string) => this.take(text));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.finish({ problem: error.code ?? String(error) }));
    this.socket.on('close', () => this.finish({ problem: 'closed' }));
  }

  /** Sends a request and resolves with its answer's body, or with why there is none. */
  ask(bytes: string): Promise<Answer> {
    if (!this.isOpen) return Promise.resolve({ problem: 'was closed before' });
    return new Promise((resolve) => {
      this.settle = resolve;
      this.socket.write(bytes, 'latin1');
    });
  }

  /** Ends it in order. */
  end(): void {
    this.socket.destroy();
  }

  private take(text: string): void {
    if (this.settle === undefined) this.surplus += text;
    else this.received += text;
    const head = /^HTTP\/1\.1 (\d+)[^\r]*\r\n(?:[^\r]+\r\n)*?content-length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n/i.exec(
      this.received,
    );
    if (head === null) return;
    const length = head[0].length + Number(head[2]);
    if (this.received.length < length) return;
    this.surplus += this.received.slice(length);
    const body = this.received.slice(head[0].length, length);
    this.received = '';
    const { settle } = this;
    this.settle = undefined;
    settle?.(head[1] === '200' ? { body } : { body, problem: `status ${head[1]}` });
  }

  private finish(answer: Answer): void {
    this.isOpen = false;
    const { settle, received } = this;
    this.settle = undefined;
    settle?.(received === '' ? answer : { problem: `${answer.problem} after ${received.length} bytes` });
  }
}

/** What came of a request. */
export interface Answer {
  readonly problem?: string;
  readonly body?: string;
}
