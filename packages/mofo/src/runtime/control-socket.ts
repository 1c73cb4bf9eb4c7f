// How other commands (`mofo status`, `mofo snapshot`, …) reach a running launcher: a unix socket in the application's `.mofo` folder, one JSON
// request per connection, one JSON answer. The folder's mode (0700) is what keeps others out. The launcher holds the instance lock, so a
// socket file that is there at its start is a dead one's and may be removed.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { factsOf } from '../error-facts.ts';
import { MofoError, systemCodeOf } from '../errors.ts';
import type { ErrorAnswer } from './messages.ts';

/** A command for the launcher. */
export interface ControlRequest {
  readonly what: 'status' | 'snapshot' | 'promote' | 'revert' | 'migrate' | 'reload';
  readonly module?: string;
  readonly version?: string;
}

type Answer = { readonly value: unknown } | { readonly error: ErrorAnswer };

/** Longest request or answer in bytes. */
const MESSAGE_MAX_BYTES = 2 ** 20;

/** Where an application's control socket lies. */
export function controlSocketPath(stateDirectory: string): string {
  return join(stateDirectory, 'control.sock');
}

/** Serves requests until `close`. */
export async function serveControl(
  stateDirectory: string,
  handle: (request: ControlRequest) => Promise<unknown>,
): Promise<{ close(): void }> {
  mkdirSync(stateDirectory, { recursive: true });
  chmodSync(stateDirectory, 0o700);
  const path = controlSocketPath(stateDirectory);
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    void readAll(socket)
      .then((text) => handle(JSON.parse(text) as ControlRequest))
      .then((value): Answer => ({ value }))
      .catch((error: unknown): Answer => ({ error: answerOf(error) }))
      .then((answer) => socket.end(JSON.stringify(answer)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.unref();
  return {
    close: () => {
      server.close();
      rmSync(path, { force: true });
    },
  };
}

/** Asks the running launcher. Throws MofoError NOT_RUNNING when there is none, and what the launcher answers. */
export async function askLauncher(stateDirectory: string, request: ControlRequest): Promise<unknown> {
  const socket = createConnection({ path: controlSocketPath(stateDirectory), allowHalfOpen: true });
  const text = await new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.end(JSON.stringify(request));
      readAll(socket).then(resolve, reject);
    });
  }).catch((error: unknown) => {
    const code = systemCodeOf(error);
    if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
    throw new MofoError(
      'NOT_RUNNING',
      'The application is not running here. Nothing was done. Start it with: npx mofo run',
      { cause: error },
    );
  });
  const answer = JSON.parse(text) as Answer;
  if ('error' in answer) {
    const { code, message, data } = answer.error;
    const known = passedOn.find((one) => one === code);
    throw new MofoError(known ?? 'REQUEST_FAILED', message, {
      data: known === undefined ? { ...data, code } : (data ?? {}),
    });
  }
  return answer.value;
}

/** Codes that mean the same here as in the process that answered. Others are named in `data.code` of REQUEST_FAILED. */
const passedOn = [
  'MIGRATION_STRANDS',
  'NOTHING_TO_REVERT',
  'NOT_READY',
  'START_FAILED',
  'UNKNOWN_MODULE',
  'UNKNOWN_VERSION',
  'USAGE',
] as const;

/** What failed; of what came to the launcher from main, as main said it. */
function answerOf(error: unknown): ErrorAnswer {
  const { code = 'INTERNAL', message, data = {} } = factsOf(error);
  if (code !== 'REQUEST_FAILED' || typeof data.code !== 'string') return { code, message, data };
  const { code: inner, ...others } = data;
  return { code: inner as string, message, data: others };
}

/** Reads up to the other side's end; the own side stays open for the answer. */
function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    socket.on('data', (part: Buffer) => {
      size += part.length;
      if (size > MESSAGE_MAX_BYTES) {
        reject(new MofoError('REQUEST_FAILED', 'The message is longer than 1 MiB.'));
        socket.destroy();
      } else parts.push(part);
    });
    socket.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    socket.once('error', reject);
    socket.once('close', () =>
      reject(
        new MofoError('REQUEST_FAILED', 'The connection to the launcher was closed before the message was complete.'),
      ),
    );
  });
}
