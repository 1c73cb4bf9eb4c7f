// A Redis server of our own, on a unix socket in a directory of the run, with nothing written to disk. Used is the one on the PATH; where there is
// none, Debian's packages are downloaded and unpacked into bench/peers/redis: nothing is installed on the system, and no service starts.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { peersFolder, run } from './extra-packages.ts';

const redisFolder = join(peersFolder, 'redis');

/** The server, and the libraries that it needs and that a small system may lack. */
const DEBIAN_PACKAGES = [
  'redis-server',
  'redis-tools',
  'libatomic1',
  'libjemalloc2',
  'liblua5.1-0',
  'liblzf1',
  'lua-bitop',
  'lua-cjson',
];

/** How to start the server, or undefined when there is none. */
export function findRedisServer(): { readonly command: string; readonly environment: NodeJS.ProcessEnv } | undefined {
  const unpacked = join(redisFolder, 'root/usr/bin/redis-server');
  if (existsSync(unpacked)) {
    const libraries = join(redisFolder, 'root/usr/lib');
    const folders = readdirSync(libraries).map((name) => join(libraries, name));
    return { command: unpacked, environment: { LD_LIBRARY_PATH: folders.join(':') } };
  }
  const { status } = spawnSync('redis-server', ['--version'], { stdio: 'ignore' });
  return status === 0 ? { command: 'redis-server', environment: {} } : undefined;
}

/** Downloads and unpacks Debian's packages; resolves with what went wrong, undefined if nothing did. */
export async function unpackRedisServer(onProgress: (line: string) => void): Promise<string | undefined> {
  onProgress(`unpacking Debian's redis-server into ${redisFolder} …`);
  rmSync(redisFolder, { recursive: true, force: true });
  for (const folder of ['debs', 'lists/partial', 'cache/archives/partial'])
    mkdirSync(join(redisFolder, folder), { recursive: true });
  const problem = await downloadAndUnpack();
  for (const folder of ['debs', 'lists', 'cache']) rmSync(join(redisFolder, folder), { recursive: true, force: true });
  if (problem !== undefined) rmSync(redisFolder, { recursive: true, force: true });
  return problem;
}

async function downloadAndUnpack(): Promise<string | undefined> {
  const download = async (...options: string[]): Promise<string | undefined> =>
    await run('sh', ['-c', 'cd redis/debs && exec apt-get "$@"', 'sh', ...options, 'download', ...DEBIAN_PACKAGES]);
  let problem = await download();
  if (problem !== undefined) {
    // The system's lists are missing or old: lists of our own need no rights.
    const own = ['-o', `Dir::State::Lists=${redisFolder}/lists`, '-o', `Dir::Cache=${redisFolder}/cache`];
    problem = (await run('apt-get', [...own, 'update'])) ?? (await download(...own));
  }
  if (problem !== undefined) return problem;
  for (const name of readdirSync(join(redisFolder, 'debs'))) {
    problem = await run('dpkg-deb', ['-x', join(redisFolder, 'debs', name), join(redisFolder, 'root')]);
    if (problem !== undefined) return problem;
  }
  return findRedisServer() === undefined ? 'The packages hold no redis-server.' : undefined;
}

/** Starts a server that listens on `socketPath` alone. Rejects when it ends before it is ready. */
export async function startRedisServer(directory: string, socketPath: string): Promise<ChildProcess> {
  const found = findRedisServer();
  if (found === undefined) throw new Error('There is no redis-server.');
  const settings = {
    port: 0,
    unixsocket: socketPath,
    unixsocketperm: 700,
    save: '',
    appendonly: 'no',
    dir: directory,
    maxmemory: '4gb',
  };
  const server = spawn(
    found.command,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { env: { ...process.env, ...found.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  await new Promise<void>((resolve, reject) => {
    let output = '';
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (/ready to accept connections/i.test(output)) resolve();
      });
    }
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`redis-server ended before it was ready:\n${output}`)));
  });
  return server;
}
