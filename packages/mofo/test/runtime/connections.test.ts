// Connections survive: real processes, real SIGKILLs, clients that check every byte. Under load nothing is lost, whoever dies and whatever happens beside it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountingApp } from './support/counting-app.ts';
import { counting } from './support/counting-module.ts';
import { get, post } from './support/http-bytes.ts';
import { Connection, VerifiedClients, type VerifiedRequest } from './support/verified-clients.ts';

/** Long, for the machine may be busy: a start and each takeover need two processes more. */
const LIMIT_MS = 90_000;

let counted: CountingApp;

function beforeGroup(config: Readonly<Record<string, unknown>> = {}): void {
  beforeAll(async () => {
    counted = await CountingApp.start({ config });
  }, LIMIT_MS);
  afterAll(() => counted.app.cleanUp());
}

/** Ids are of one load alone. */
let loads = 0;

/** A load of a quarter of quick GETs, a quarter of slow ones, and POSTs that answer from their transaction. */
function load(count: number): VerifiedClients {
  const name = `l${++loads}`;
  return new VerifiedClients(counted.app.url, count, (id) => mixed(id, name));
}

function mixed(id: number, name: string): VerifiedRequest {
  if (id % 4 === 0) return { kind: 'echo', bytes: get(`/echo/${id}`), body: JSON.stringify({ id: String(id) }) };
  if (id % 4 === 1) return { kind: 'slow', bytes: get(`/slow/${id}`), body: JSON.stringify({ id: String(id) }) };
  const pad = 'p'.repeat((id * 37) % 3000);
  const body = JSON.stringify({ id: `${name}-${id}`, times: 1, pad: pad.length });
  return { kind: 'add', bytes: post(`/add/${name}-${id}`, { pad }), body };
}

/** Resolves when so many more requests have been answered. */
async function answered(clients: VerifiedClients, count: number): Promise<void> {
  const before = clients.total;
  while (clients.total < before + count) await new Promise((resolve) => setTimeout(resolve, 5));
}

const nothingLost = { failed: [], lostIdle: 0, wrong: [] };

describe('under keep-alive load', { timeout: LIMIT_MS }, () => {
  beforeGroup();

  it('kill -9 of main loses no idle connection, no GET and no POST that answers from its transaction, and runs none twice', async () => {
    const clients = load(24);
    for (let kill = 0; kill < 4; kill++) {
      await answered(clients, 200);
      await counted.kill();
    }
    await counted.app.bothReady();
    const report = await clients.stop();
    expect(report).toMatchObject(nothingLost);
    expect(Object.keys(report.answered).sort()).toEqual(['add', 'echo', 'slow']);
    expect((await counted.app.get('/twice')).ids).toEqual([]);
    const { fates } = (await counted.app.command('status')).value.main.connections;
    expect(fates.reset).toBe(0);
    expect(fates.idle + fates['fed-again'] + fates.finished).toBeGreaterThanOrEqual(4 * 24);
  });

  it('kill -9 of the clone costs nothing, and the next clone holds every connection', async () => {
    const clients = load(8);
    await answered(clients, 50);
    const since = counted.app.mark();
    process.kill((await counted.app.bothReady()).clone, 'SIGKILL');
    await counted.app.waitFor(({ kind, data }) => kind === 'clone' && data?.ready === true, since);
    await answered(clients, 50);
    await counted.kill();
    await answered(clients, 50);
    expect(await clients.stop()).toMatchObject(nothingLost);
    expect((await counted.app.get('/twice')).ids).toEqual([]);
  });

  it('kill -9 of clone and main at once loses nothing either: the launcher holds the connections', async () => {
    const clients = load(8);
    await answered(clients, 50);
    const pids = await counted.app.bothReady();
    process.kill(pids.clone, 'SIGKILL');
    process.kill(pids.main, 'SIGKILL');
    await counted.app.gone(pids.main, pids.clone);
    await answered(clients, 50);
    expect(await clients.stop()).toMatchObject(nothingLost);
    expect((await counted.app.get('/twice')).ids).toEqual([]);
  });

  it('a hung main that is killed for it costs no connection', async () => {
    const clients = load(8);
    await answered(clients, 50);
    const { main } = await counted.app.bothReady();
    const since = counted.app.mark();
    process.kill(main, 'SIGSTOP');
    await counted.app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === main, since);
    await answered(clients, 50);
    expect(await clients.stop()).toMatchObject(nothingLost);
    expect((await counted.app.get('/twice')).ids).toEqual([]);
  });
});

describe('a committed answer', { timeout: LIMIT_MS }, () => {
  beforeGroup();

  it.each([
    { route: 'changed', header: 'x-after', value: 'set after the commit' },
    { route: 'seen', header: 'x-own', value: '1' },
    { route: 'add', header: 'content-type', value: 'application/json' },
  ])('is sent as the handler of /$route gives it', async ({ route, header, value }) => {
    const init = { method: 'POST', body: JSON.stringify({ pad: '' }) };
    const response = await fetch(`${counted.app.url}/${route}/header`, init);
    expect(response.status).toBe(200);
    expect(response.headers.get(header)).toBe(value);
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect(response.headers.get('date')).toMatch(/ GMT$/);
    expect(await response.json()).toMatchObject({ times: { changed: 1, seen: 2, add: 3 }[route] });
  });
});

describe('while versions are updated', { timeout: LIMIT_MS }, () => {
  beforeGroup({ probation: { tasks: 1, minimum: '1ms' } });

  it('kill -9 of main loses nothing', async () => {
    const clients = load(12);
    for (let round = 0; round < 3; round++) {
      await answered(clients, 50);
      await counted.app.bothReady();
      const since = counted.app.mark();
      counted.app.save('counting', counting.replace('version 0', `version ${round + 1}`));
      await counted.app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
      await answered(clients, 50);
      // The clone is taking up the version, or has just done so.
      await counted.kill();
    }
    await answered(clients, 50);
    expect(await clients.stop()).toMatchObject(nothingLost);
    expect((await counted.app.get('/twice')).ids).toEqual([]);
  });
});

describe('with http.keepConnections: false', { timeout: LIMIT_MS }, () => {
  beforeGroup({ http: { port: 0, keepConnections: false } });

  it('connections end with main, and nothing is said of them', async () => {
    const connection = new Connection(counted.port);
    expect((await connection.ask(get('/echo/1'))).body).toBe('{"id":"1"}');
    const ended = new Promise((resolve) => connection.socket.once('close', resolve));
    expect(await counted.kill()).toBeUndefined();
    await ended;
    expect((await counted.app.command('status')).value.main.connections).toBeUndefined();
  });
});
