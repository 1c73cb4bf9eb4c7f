// `failed-requests.sigkill`: 64 verified keep-alive connections, half of them with GETs, half with POSTs that have an effect, while the process that serves is
// killed again and again. What is counted: requests without an answer, and connections that end while nothing is asked.

import { createServer } from 'node:net';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { killProcess, processStartTime } from '@mofo/shm-store';
import type { Group, MeasureContext } from '../framework/bench.ts';
import { type ConnectionsApp, startConnectionsApp } from './connections-app.ts';
import { request } from './http-request.ts';
import { type ClientTotals, type Exchange, KeepAliveClients } from './keep-alive-clients.ts';
import { endProgram, startProgram } from './start-program.ts';

const CONNECTIONS = 64;
/** Kills of one application; twelve rounds make 300. Its launcher gives up after 100 deaths in an hour, as it should. */
const KILLS = { full: 25, quick: 3 };
/** Between a pair's readiness and the kill, so that the launcher does not find that it dies too often (10 in 10 s); and a random part, so that it is hit anywhere. */
const PAUSE_MS = { mofo: 1_000, 'node-cluster': 150 };
const PAUSE_RANDOM_MS = 100;

/** The case. */
export const failedRequests: Group = {
  name: 'failed-requests.sigkill',
  cases: [{ name: 'failed-requests.sigkill', unit: 'requests', isTotal: true }],
  subjects: ['mofo', 'node-cluster'],
  rounds: 12,
  measure: async (context) => {
    const value = context.subject === 'mofo' ? await measureMofo(context) : await measureCluster(context);
    return [{ case: 'failed-requests.sigkill', value }];
  },
};

async function measureMofo(context: MeasureContext): Promise<number> {
  const app = await startConnectionsApp(context.directory, context.storeName, true);
  const totals = await killUnderLoad(app, context, PAUSE_MS.mofo);
  const sums = (await request(app.port, 'GET', '/sums')) as { ids: number; total: number; moreThanOnce: number };
  await app.close();
  // The first is not a client's. A request without an answer may have had its effect, but only once.
  const committed = sums.ids - 1;
  if (
    sums.moreThanOnce > 0 ||
    sums.total !== sums.ids ||
    committed < totals.effects ||
    committed > totals.effects + totals.failed
  )
    throw new Error(`Effects and answers do not agree: ${JSON.stringify({ sums, totals })}`);
  return totals.failed + totals.lostIdle;
}

async function measureCluster(context: MeasureContext): Promise<number> {
  const { app, close } = await startCluster();
  const totals = await killUnderLoad(app, context, PAUSE_MS['node-cluster']);
  await close();
  return totals.failed + totals.lostIdle;
}

async function killUnderLoad(
  app: Pick<ConnectionsApp, 'port' | 'ready' | 'succeeded'>,
  { quick }: MeasureContext,
  pauseMs: number,
): Promise<ClientTotals> {
  const clients = new KeepAliveClients(app.port, CONNECTIONS, exchange);
  for (let kill = 0; kill < (quick ? KILLS.quick : KILLS.full); kill++) {
    const pid = await app.ready();
    await new Promise((resolve) =>
      setTimeout(resolve, (quick ? PAUSE_MS['node-cluster'] : pauseMs) + Math.random() * PAUSE_RANDOM_MS),
    );
    const startTime = processStartTime(pid);
    if (startTime === undefined || !killProcess(pid, startTime, constants.signals.SIGKILL))
      throw new Error(`Process ${pid} died before it was killed.`);
    await app.succeeded(pid);
  }
  await app.ready();
  return clients.stop();
}

function exchange(id: number): Exchange {
  if (id % 2 === 0)
    return {
      bytes: `GET /echo/${id} HTTP/1.1\r\nHost: x\r\n\r\n`,
      body: JSON.stringify({ id: String(id) }),
      hasEffect: false,
    };
  const text = JSON.stringify({ amount: 1, pad: 'x'.repeat(id % 300) });
  const bytes = `POST /add/c${id} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  return { bytes, body: JSON.stringify({ id: `c${id}`, times: 1 }), hasEffect: true };
}

async function startCluster(): Promise<{
  app: Pick<ConnectionsApp, 'port' | 'ready' | 'succeeded'>;
  close(): Promise<void>;
}> {
  const program = fileURLToPath(new URL('../programs/cluster-primary.js', import.meta.url));
  const { child, events } = startProgram([program, './cluster-server.js'], { PORT: String(await freePort()) });
  let living = (await events.find((line) => line.heirOf === 0)) as { pid: number; port: number };
  const app = {
    port: living.port,
    ready: async () => living.pid,
    succeeded: async (deadPid: number) => {
      living = (await events.find((line) => line.heirOf === deadPid)) as { pid: number; port: number };
    },
  };
  return { app, close: () => endProgram(child, 'SIGTERM') };
}

/** A port that nobody listens on at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
    server.on('error', reject);
  });
}
