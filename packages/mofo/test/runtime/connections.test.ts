// Connections survive: real processes, real SIGKILLs, clients that check every byte. What is promised is kept; what cannot be kept is reset, and counted by cause.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counting } from './support/counting-module.ts';
import { TestApp } from './support/test-app.ts';
import { Connection, VerifiedClients, type VerifiedRequest } from './support/verified-clients.ts';

let app: TestApp;

function beforeGroup(config: Readonly<Record<string, unknown>> = {}): void {
  beforeAll(async () => {
    app = new TestApp({ modules: { counting }, config });
    await app.start();
    // Ids of their own: the routes are known to answer from a transaction from now on.
    await ask(post('/add/first-add', { pad: '' }));
    await ask(post('/withheld/first-withheld', { hold: false }));
    await app.waitFor({ kind: 'stable', module: 'counting' }).catch(() => {});
    await app.bothReady();
  });
  afterAll(() => app.cleanUp());
}

function port(): number {
  return Number(new URL(app.url).port);
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
}

function post(path: string, body: unknown): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

/** One request on a connection of its own. */
async function ask(bytes: string) {
  const connection = new Connection(port());
  const answer = await connection.ask(bytes);
  connection.end();
  return answer;
}

/** Kills main; resolves with what the launcher says of the takeover. */
async function killMain() {
  const { main } = await app.bothReady();
  const since = app.mark();
  process.kill(main, 'SIGKILL');
  const takeover = await app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === main, since);
  // biome-ignore lint/suspicious/noExplicitAny: looked at by the test that knows it.
  return takeover.data?.connections as any;
}

/** Resolves when main has so many requests under way. */
async function underWay(count: number): Promise<void> {
  for (;;) {
    const { http } = (await app.command('status')).value.main;
    if (http.inFlight >= count) return;
  }
}

function mixed(id: number): VerifiedRequest {
  switch (id % 4) {
    case 0:
      return { kind: 'echo', bytes: get(`/echo/${id}`), body: JSON.stringify({ id: String(id) }) };
    case 1:
      return { kind: 'slow', bytes: get(`/slow/${id}`), body: JSON.stringify({ id: String(id) }) };
    default: {
      const pad = 'p'.repeat((id * 37) % 3000);
      const body = JSON.stringify({ id: `c${id}`, times: 1, pad: pad.length });
      return { kind: 'add', bytes: post(`/add/c${id}`, { pad }), body };
    }
  }
}

describe('kill -9 of main under keep-alive load', () => {
  beforeGroup();

  it('loses no idle connection, no GET and no POST that answers from its transaction, and runs none twice', async () => {
    const clients = new VerifiedClients(app.url, 24, mixed);
    for (let kill = 0; kill < 4; kill++) {
      await app.bothReady();
      const before = clients.total;
      while (clients.total < before + 200) await new Promise((resolve) => setTimeout(resolve, 5));
      await killMain();
    }
    await app.bothReady();
    const report = await clients.stop();
    expect(report).toMatchObject({ failed: [], lostIdle: 0, wrong: [] });
    expect(Object.keys(report.answered).sort()).toEqual(['add', 'echo', 'slow']);
    expect((await app.get('/twice')).ids).toEqual([]);
    const { connections } = (await app.command('status')).value.main;
    expect(connections.fates.reset).toBe(0);
    expect(connections.fates.idle + connections.fates['fed-again'] + connections.fates.finished).toBeGreaterThanOrEqual(
      4 * 20,
    );
  });
});
