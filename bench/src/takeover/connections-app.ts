// The app of bench/connections-app, run as people run it, for what is measured of its connections.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from './http-request.ts';
import type { LineEvent } from './line-events.ts';
import { endProgram, startProgram } from './start-program.ts';

/** A running app. */
export interface ConnectionsApp {
  readonly port: number;
  /** Resolves with the pid of main when a clone stands by. */
  ready(): Promise<number>;
  /** Resolves when another process has taken over from this one. */
  succeeded(deadPid: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts it; resolves when its module is stable, so that no kill is blamed on it. */
export async function startConnectionsApp(
  directory: string,
  storeName: string,
  keepConnections: boolean,
): Promise<ConnectionsApp> {
  mkdirSync(directory, { recursive: true });
  cpSync(fileURLToPath(new URL('../../connections-app', import.meta.url)), directory, { recursive: true });
  const config = {
    name: 'bench-connections',
    modules: './modules/*.ts',
    http: { port: 0, keepConnections },
    store: { name: storeName, sizeBytes: '64MiB' },
    snapshot: { every: false },
    probation: { tasks: 1, minimum: '1ms' },
  };
  writeFileSync(join(directory, 'mofo.config.json'), JSON.stringify(config));
  const mofo = fileURLToPath(new URL('./bundle/main.js', import.meta.resolve('mofo/package.json')));
  const { child, events } = startProgram([mofo, 'run', '--json', '--app', directory]);
  const deadPids = new Set<number>();
  const dataOf = (line: LineEvent): { ready?: boolean; role?: string; pid?: number; deadPid?: number } =>
    line.data ?? {};
  const isReady = (line: LineEvent, role: string): boolean => {
    const { ready, role: its, pid = 0 } = dataOf(line);
    return ready === true && its === role && !deadPids.has(pid);
  };
  const { url } = await events.find((line) => line.kind === 'banner');
  const port = Number(new URL(url as string).port);
  await request(port, 'GET', '/echo/0');
  await events.find((line) => line.kind === 'stable');
  // Its route is known to answer from a transaction from now on.
  await request(port, 'POST', '/add/first', { amount: 1 });
  return {
    port,
    ready: async () => {
      const main = dataOf(await events.find((line) => isReady(line, 'main'))).pid as number;
      await events.find((line) => isReady(line, 'clone') && dataOf(line).pid !== main);
      return main;
    },
    succeeded: async (deadPid) => {
      deadPids.add(deadPid);
      await events.find((line) => line.kind === 'takeover' && dataOf(line).deadPid === deadPid);
    },
    close: () => endProgram(child, 'SIGTERM'),
  };
}
