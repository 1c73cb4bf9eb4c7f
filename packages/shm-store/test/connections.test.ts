// Hub and desks over real sockets, several of them in one process: who gets which connection, and that no argument does harm.

import { closeSync, openSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  boundPort,
  CONNECTION_HANDLING,
  type ConnectionDesk,
  type ConnectionHub,
  installIoHooks,
  listenTcp,
  openConnectionDesk,
  openConnectionHub,
} from '../src/index.ts';

let listenFd: number;
let hub: ConnectionHub;
let main: ConnectionDesk;
let clone: ConnectionDesk;
const clients: Socket[] = [];

beforeEach(() => {
  listenFd = listenTcp({ host: '127.0.0.1', port: 0 });
  hub = openConnectionHub(listenFd, 8);
  [main, clone] = [openDesk(), openDesk()];
});

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  main.close();
  clone.close();
  hub.close();
  closeSync(listenFd);
});

function openDesk(): ConnectionDesk {
  const channelFd = hub.addProcess();
  try {
    return openConnectionDesk(channelFd, hub.tableFd);
  } finally {
    closeSync(channelFd);
  }
}

/** A connection that both desks hold. */
async function heldConnection(): Promise<{ client: Socket; number: number }> {
  const heard = Promise.all([main, clone].map((desk) => new Promise<void>((resolve) => desk.listen(resolve))));
  const client = connect(boundPort(listenFd), '127.0.0.1');
  clients.push(client);
  client.on('error', () => {});
  await heard;
  const number = main.held().at(-1) as number;
  expect(clone.held()).toContain(number);
  return { client, number };
}

function ended(client: Socket): Promise<string> {
  return new Promise((resolve) => {
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    client.once('end', () => resolve('end'));
    client.resume();
  });
}

function codeOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code ?? (error as Error).name;
  }
  return undefined;
}

describe('a hub', () => {
  it('gives every process every connection, and lets one serve it', async () => {
    const { client, number } = await heldConnection();
    expect(hub.heldCount).toBe(1);
    expect(main.plan(number, 0, 0)).toMatchObject({ fate: 'idle', isUsed: false });
    const served = new Socket({ fd: main.serve(number) });
    const received = new Promise((resolve) => served.once('data', (bytes: Buffer) => resolve(bytes.toString())));
    client.write('hello');
    expect(await received).toBe('hello');
    expect(main.held()).toEqual([]);
    // Told by the launcher, which hears of it from main.
    const seen = ended(client);
    main.release(number);
    served.destroy();
    expect(await seen).toBe('end');
    while (hub.heldCount > 0 || clone.held().length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('lets who serves reset a connection, which the peer sees although others hold it', async () => {
    const { client, number } = await heldConnection();
    const seen = ended(client);
    main.drop(number, true);
    expect(await seen).toBe('ECONNRESET');
  });

  it('counts what became of connections on which something had happened', async () => {
    installIoHooks();
    const { client, number } = await heldConnection();
    const served = new Socket({ fd: main.serve(number) });
    const received = new Promise((resolve) => served.once('data', resolve));
    client.write('GET / HTTP/1.1\r\n\r\n');
    await received;
    const start = main.beginRequest(number, CONNECTION_HANDLING.beforeCommit);
    expect(start).toBe(0);
    expect(main.canCommit(number, start)).toBe(true);
    expect(main.canCommit(number, 1)).toBe(false);
    expect(clone.plan(number, 0, 0)).toMatchObject({ fate: 'fed-again', isUsed: true });
    expect(clone.plan(number, 0, 0)).toMatchObject({ fate: 'reset', cause: 'poison' });
    expect(hub.counters()).toMatchObject({ fates: { 'fed-again': 1, reset: 1 }, losses: { poison: 1 } });
    main.release(number);
    served.destroy();
  });
});

describe('no argument does harm', () => {
  const wrong: readonly unknown[] = [undefined, null, -1, 0, 1.5, Number.NaN, 2 ** 60, '1', {}, 10n, () => {}];

  it('to a desk', () => {
    const methods = ['plan', 'drop', 'serve', 'release', 'beginRequest', 'canCommit', 'setHandling', 'listen'] as const;
    for (const method of methods) {
      for (const value of wrong) {
        if (method === 'listen' && typeof value === 'function') continue;
        const call = main[method] as (...all: unknown[]) => unknown;
        const code = codeOf(() => call.call(main, value, value, value));
        expect(code, `${method}(${String(value)})`).toBe('INVALID_ARGUMENT');
      }
      expect(codeOf(() => (main[method] as (...all: unknown[]) => unknown).call({}, 1))).toBe('TypeError');
    }
    expect(codeOf(() => main.serve.call(hub as never, 1))).toBe('TypeError');
    expect(codeOf(() => main.serve(12345))).toBe('INVALID_ARGUMENT');
    // A connection that is over may be spoken of.
    expect(main.beginRequest(12345, CONNECTION_HANDLING.none)).toBe(-1);
    expect(main.canCommit(12345, 0)).toBe(false);
    expect(codeOf(() => main.setHandling(12345, 0, CONNECTION_HANDLING.mayHaveEffects))).toBeUndefined();
  });

  it('to those who open one', () => {
    const file = openSync('/dev/null', 'r');
    for (const value of wrong) {
      if (value === 0) continue;
      expect(
        codeOf(() => openConnectionHub(value as number)),
        String(value),
      ).toBe('INVALID_ARGUMENT');
      expect(
        codeOf(() => openConnectionDesk(value as number, value as number)),
        String(value),
      ).toBe('INVALID_ARGUMENT');
    }
    expect(codeOf(() => openConnectionHub(file))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => openConnectionDesk(file, file))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => openConnectionDesk(999_999, hub.tableFd))).toBe('INVALID_ARGUMENT');
    closeSync(file);
  });

  it('after close, which may be called twice', () => {
    main.close();
    main.close();
    for (const method of ['held', 'counters', 'canCommit'] as const)
      expect(codeOf(() => (main[method] as (...all: number[]) => unknown)(1, 1))).toBe('CLOSED');
    hub.close();
    hub.close();
    expect(codeOf(() => hub.addProcess())).toBe('CLOSED');
  });
});
