// One launcher per application folder. The lock is an abstract unix socket named after the folder: the kernel removes it with the process, so
// nothing stale is left by a kill, and two launchers that start at once cannot both have it. It accepts and answers nothing.

import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { MofoError, systemCodeOf } from '../errors.ts';

/** A lock that is held until `release` or the end of the process. */
export interface InstanceLock {
  release(): void;
}

/** Takes the application's lock. Throws MofoError ALREADY_RUNNING when another launcher of this user has it. */
export async function takeInstanceLock(appDirectory: string): Promise<InstanceLock> {
  const digest = createHash('sha256').update(realpathSync(appDirectory)).digest('hex').slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\0mofo.${process.getuid?.() ?? 0}.${digest}`);
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE') throw error;
    throw new MofoError(
      'ALREADY_RUNNING',
      `Another mofo run or mofo dev of ${appDirectory} is running. Nothing was started. Stop it first, or look at it with: npx mofo status`,
    );
  }
  server.unref();
  return { release: () => server.close() };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
