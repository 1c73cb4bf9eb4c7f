// The subject `pm2-reload`: two processes of a plain server in PM2's cluster mode, and `pm2 reload` after each save, which starts the new ones before it ends the old.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { peersFolder } from '../peers/extra-packages.ts';
import { endProgram } from '../takeover/start-program.ts';
import type { UpdatedProgram } from './updated-program.ts';

const NAME = 'bench-update';
const INSTANCES = 2;
/** Longest wait for the first answer, in ms. */
const START_LIMIT_MS = 30_000;

/** The server. It ends as PM2's manual has it: no new requests at SIGINT, then the end. */
function server(mark: number): string {
  return `
const { createServer } = require('node:http');
const server = createServer((request, response) => {
  const [, what, id] = request.url.split('/');
  const body = JSON.stringify(what === 'mark' ? { mark: ${mark} } : { id });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGINT', () => server.close(() => process.exit(0)));
`;
}

/** Starts it; resolves when it answers. */
export async function startPm2(directory: string): Promise<UpdatedProgram> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'server.cjs');
  writeFileSync(file, server(0));
  const port = await freePort();
  const bin = join(dirname(createRequire(join(peersFolder, 'package.json')).resolve('pm2/package.json')), 'bin');
  const env = { ...process.env, PM2_HOME: join(directory, 'pm2'), PORT: String(port) };
  // In the foreground, so that nothing of it outlives the measurement.
  const runtime = spawn(
    process.execPath,
    [join(bin, 'pm2-runtime'), 'start', file, '-i', String(INSTANCES), '--name', NAME],
    { env, stdio: 'ignore' },
  );
  const limit = Date.now() + START_LIMIT_MS;
  while (!(await answers(port))) {
    if (Date.now() > limit || runtime.exitCode !== null) throw new Error('PM2 did not start the server.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  let reloading: Promise<void> = Promise.resolve();
  return {
    port,
    save: (mark) => {
      writeFileSync(file, server(mark));
      reloading = new Promise((resolve, reject) => {
        const reload = spawn(process.execPath, [join(bin, 'pm2'), 'reload', NAME], { env, stdio: 'ignore' });
        reload.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`pm2 reload ended with ${code}.`))));
        reload.once('error', reject);
      });
    },
    settled: () => reloading,
    close: () => endProgram(runtime, 'SIGTERM'),
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/mark`)).status === 200;
  } catch {
    return false; // Not yet: asked again until the limit.
  }
}

/** A port that nobody listens on at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
    probe.on('error', reject);
  });
}
