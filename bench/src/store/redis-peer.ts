// Redis beside this process, over a unix socket, commands sent many at a time (pipelining) where the operation is a batch. A pipeline is not a
// transaction: the comparison favours Redis. It has no ordered map with values, so it has no scan. A record is a hash.

import { join } from 'node:path';
import { importPackage } from '../peers/extra-packages.ts';
import { startRedisServer } from '../peers/redis-server.ts';
import type { Key, Record5, Value } from './data.ts';
import type { OpenPeer } from './peer.ts';

/** What is used of @redis/client. */
interface Client {
  connect(): Promise<unknown>;
  sendCommand(parameters: readonly (string | Buffer)[], options?: object): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): void;
}
interface RedisClient {
  createClient(options: object): Client;
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
}

/** Starts a server and connects. */
export const openRedis: OpenPeer = async ({ directory }, _keys, values) => {
  const { createClient, RESP_TYPES } = await importPackage<RedisClient>('@redis/client');
  const socketPath = join(directory, 'redis.sock');
  const server = await startRedisServer(directory, socketPath);
  const client = createClient({ socket: { path: socketPath, reconnectStrategy: false }, RESP: 2 });
  let failure: Error | undefined;
  client.on('error', (error) => {
    failure = error;
  });
  await client.connect();

  const options = values === 'bytes100' ? { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } : {};
  let pending: Promise<unknown>[] | undefined;
  const send = (...parameters: (string | Buffer)[]): Promise<unknown> => {
    const promise = client.sendCommand(parameters, options);
    pending?.push(promise);
    return promise;
  };
  return {
    isAsync: true,
    batch: async (body) => {
      const sent: Promise<unknown>[] = [];
      pending = sent;
      body();
      pending = undefined;
      await Promise.all(sent);
      if (failure !== undefined) throw failure;
    },
    set: values === 'record5' ? (key, value) => send('HSET', String(key), ...fieldsOf(value)) : setter(send),
    delete: (key) => send('DEL', String(key)),
    get: () => {
      throw new Error('A single look-up in Redis is asynchronous; use getMany.');
    },
    getMany: async (keys) => {
      const command = values === 'record5' ? 'HGETALL' : 'GET';
      const replies = await Promise.all(keys.map((key) => send(command, String(key))));
      return replies.map(values === 'record5' ? recordOf : values === 'number' ? numberOf : bytesOf);
    },
    updateAmount: (key, amount) => send('HSET', String(key), 'amount', String(amount)),
    size: async () => Number(await client.sendCommand(['DBSIZE'])),
    close: () => {
      client.destroy();
      server.kill('SIGKILL');
    },
  };
};

type Send = (...parameters: (string | Buffer)[]) => Promise<unknown>;

function setter(send: Send): (key: Key, value: Value) => Promise<unknown> {
  return (key, value) =>
    send('SET', String(key), typeof value === 'number' ? String(value) : Buffer.from(value as Uint8Array));
}

function fieldsOf(value: Value): string[] {
  const { id, amount, rate, count, active } = value as Record5;
  const fields = { id, amount, rate, count, active: active ? 1 : 0 };
  return Object.entries(fields).flatMap(([name, field]) => [name, String(field)]);
}

function recordOf(reply: unknown): Value | undefined {
  const parts = reply as string[];
  if (parts.length === 0) return undefined;
  const fields = new Map<string, number>();
  for (let index = 0; index < parts.length; index += 2) fields.set(parts[index] as string, Number(parts[index + 1]));
  const field = (name: string): number => fields.get(name) as number;
  return {
    id: field('id'),
    amount: field('amount'),
    rate: field('rate'),
    count: field('count'),
    active: field('active') === 1,
  };
}

function numberOf(reply: unknown): Value | undefined {
  return reply === null ? undefined : Number(reply);
}

function bytesOf(reply: unknown): Value | undefined {
  return reply === null ? undefined : (reply as Uint8Array);
}
