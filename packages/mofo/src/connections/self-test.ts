// Whether connections can survive on this machine, with this Node: tried once, by the launcher, on a connection of its own over loopback. What is tried is what
// is relied on: that bytes are noted where they are read, that the kernel's counts agree with ours, and that both say the right thing of a request that is being
// handled and of a connection that is idle, and that Node writes an answer's bytes as they were foretold.

import { closeSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import {
  boundPort,
  CONNECTION_HANDLING,
  type ConnectionDesk,
  type ConnectionPlan,
  installIoHooks,
  listenTcp,
  openConnectionDesk,
  openConnectionHub,
} from '@mofo/shm-store';
import { answerBytes, prepareCommitted } from '../http/answer-commit.ts';
import { beginTaking, takeConnection } from '../http/take-connection.ts';
import { WebResponse } from '../http/web-response.ts';

/** Longest time in ms for the whole test; it takes some 10, on a busy machine more. */
const LIMIT_MS = 5_000;

const REQUEST = 'POST /self-test HTTP/1.1\r\nHost: self-test\r\nContent-Length: 4\r\n\r\ntest';
const ANSWER = { tested: true };

/** Tries it. Resolves with undefined when all holds, otherwise with what does not; never rejects for that. */
export async function testConnections(): Promise<string | undefined> {
  try {
    installIoHooks();
    await tryOut();
    return undefined;
  } catch (error) {
    // Whatever fails here would fail where it matters: the reason is what the caller tells people.
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  }
}

async function tryOut(): Promise<void> {
  const listenFd = listenTcp({ host: '127.0.0.1', port: 0 });
  const hub = openConnectionHub(listenFd, 4);
  const [main, clone] = [openDesk(hub), openDesk(hub)];
  const server = createServer();
  beginTaking(server);
  const client = connect(boundPort(listenFd), '127.0.0.1');
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    await within(limit, play(main, clone, server, client));
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
    main.close();
    clone.close();
    hub.close();
    closeSync(listenFd);
  }
}

/** One request, looked at by the clone while it is handled and when it is answered. */
async function play(main: ConnectionDesk, clone: ConnectionDesk, server: Server, client: Socket): Promise<void> {
  const accepted = new Promise<void>((resolve) => main.listen(resolve));
  const held = new Promise<void>((resolve) => clone.listen(resolve));
  await Promise.all([accepted, held]);
  const [number] = main.held();
  if (number === undefined || !clone.held().includes(number))
    throw new Error('A connection did not reach both processes.');
  let promised = '';
  const planned = new Promise<ConnectionPlan>((resolve, reject) => {
    server.on('request', (incoming, outgoing) => {
      incoming.resume().on('end', () => {
        try {
          const start = main.beginRequest(number, CONNECTION_HANDLING.none);
          if (start !== 0 || !main.canCommit(number, start)) throw new Error('The bytes of a request were not noted.');
          resolve(clone.plan(number, 0, 0));
          const answer = answerBytes(WebResponse.json(ANSWER), outgoing, server.keepAliveTimeout);
          if (answer === undefined || !prepareCommitted(outgoing, answer))
            throw new Error('Answers have other heads than they should have.');
          promised = answer.bytes.toString();
          outgoing.end(answer.body);
        } catch (error) {
          reject(error);
        }
      });
    });
  });
  const fd = main.serve(number);
  takeConnection(server, fd, { onClose: () => main.release(number) });
  client.write(REQUEST);
  const [handled, text] = await Promise.all([planned, answerOf(client)]);
  if (handled.fate !== 'fed-again' || handled.request?.toString('latin1') !== REQUEST)
    throw new Error(`A request that is being handled is taken to be ${handled.fate} (${handled.cause}).`);
  if (text !== promised) throw new Error('An answer was not sent as it should be.');
  const idle = clone.plan(number, 0, 0);
  if (idle.fate !== 'idle') throw new Error(`An idle connection is taken to be ${idle.fate} (${idle.cause}).`);
}

function openDesk(hub: ReturnType<typeof openConnectionHub>): ConnectionDesk {
  const channelFd = hub.addProcess();
  try {
    return openConnectionDesk(channelFd, hub.tableFd);
  } finally {
    closeSync(channelFd);
  }
}

function answerOf(client: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    client.setEncoding('latin1').on('data', (part) => {
      text += part;
      if (text.endsWith(JSON.stringify(ANSWER))) resolve(text);
    });
    client.on('error', reject);
    client.on('close', () => reject(new Error('A connection was closed.')));
  });
}

async function within<T>(limit: AbortSignal, work: Promise<T>): Promise<T> {
  const over = new Promise<never>((_resolve, reject) =>
    limit.addEventListener('abort', () => reject(new Error('It took too long.')), { once: true }),
  );
  return Promise.race([work, over]);
}
