// The load on the bank: autocannon over many keep-alive connections, with what it does not tell counted from its clients' events. A client that loses
// its connection reconnects by itself and forgets the request that was under way; here that is a failed request with its time.

import autocannon from 'autocannon';

/** What became of the requests. */
export interface LoadCounts {
  served: number;
  /** Answers that were no 200. */
  readonly wrongStatus: Map<number, number>;
  /** Connections that nobody accepted. */
  refused: number;
  /** Times (ms since 1970) at which a request under way was lost with its connection. */
  readonly lostAt: number[];
  timeouts: number;
  /** Longest time without any answer in ms, and when it ended. */
  longestGapMs: number;
  longestGapAt: number;
}

/** A load that runs until `stop`. */
export interface Load {
  readonly counts: LoadCounts;
  stop(): Promise<void>;
}

/** How much load. */
export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** Requests per second over all connections: the demo shows behaviour, not throughput. */
  readonly rate: number;
  /** Stops by itself after this time, whatever happens to the demo. */
  readonly limitSeconds: number;
  readonly accounts: number;
}

/** Counts that nothing has happened to yet. */
export function emptyCounts(): LoadCounts {
  return { served: 0, wrongStatus: new Map(), refused: 0, lostAt: [], timeouts: 0, longestGapMs: 0, longestGapAt: 0 };
}

/** Begins the load; it adds to `counts`. */
export function startLoad(options: LoadOptions, counts: LoadCounts): Load {
  let lastAnswerAt = performance.now();
  const account = (): string => `a${Math.floor(Math.random() * options.accounts)}`;
  const answered = (status: number): void => {
    const now = performance.now();
    if (now - lastAnswerAt > counts.longestGapMs) {
      counts.longestGapMs = now - lastAnswerAt;
      counts.longestGapAt = Date.now();
    }
    lastAnswerAt = now;
    if (status === 200) counts.served++;
    else counts.wrongStatus.set(status, (counts.wrongStatus.get(status) ?? 0) + 1);
  };
  const instance = autocannon({
    url: options.url,
    connections: options.connections,
    overallRate: options.rate,
    duration: options.limitSeconds,
    timeout: 20,
    setupClient: (client) => watchClient(client as unknown as ClientEvents, counts, answered),
    requests: [
      {
        method: 'POST',
        path: '/transfer',
        headers: { 'content-type': 'application/json' },
        setupRequest: (request) => ({
          ...request,
          body: JSON.stringify({ from: account(), to: account(), amount: 1 + Math.floor(Math.random() * 20) }),
        }),
      },
      { method: 'GET', setupRequest: (request) => ({ ...request, path: `/accounts/${account()}` }) },
    ],
  });
  const ended = new Promise<void>((resolve, reject) => {
    instance.then(() => resolve(), reject);
  });
  return {
    counts,
    stop: async () => {
      (instance as unknown as { stop(): void }).stop();
      await ended;
    },
  };
}

interface ClientEvents {
  on(event: 'request' | 'done' | 'timeout', listener: () => void): void;
  on(event: 'response', listener: (status: number) => void): void;
  on(event: 'connError', listener: (error: NodeJS.ErrnoException) => void): void;
}

/** Follows one client: between a request and its answer it has one under way; a second request without an answer means that the first was lost. */
function watchClient(client: ClientEvents, counts: LoadCounts, answered: (status: number) => void): void {
  let isUnderWay = false;
  let wasRefused = false;
  client.on('request', () => {
    if (isUnderWay && !wasRefused) counts.lostAt.push(Date.now());
    wasRefused = false;
    isUnderWay = true;
  });
  client.on('response', (status) => {
    isUnderWay = false;
    answered(status);
  });
  client.on('connError', (error) => {
    if (error.code !== 'ECONNREFUSED') return;
    counts.refused++;
    wasRefused = true;
  });
  client.on('timeout', () => {
    counts.timeouts++;
    isUnderWay = false;
  });
}
