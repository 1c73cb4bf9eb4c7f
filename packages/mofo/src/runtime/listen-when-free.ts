// Opens the listening socket. When a launcher was killed, its processes still hold the port while they end in order; the next launcher waits for
// them instead of giving up. Anybody else's port is refused at once.

import { listStores } from '@mofo/journal';
import { type ListenOptions, listenTcp } from '@mofo/shm-store';
import { systemCodeOf } from '../errors.ts';
import { CHILD_STOP_LIMIT_MS } from './launcher.ts';

/** How often the port is tried while former processes end. */
const RETRY_INTERVAL_MS = 50;

/**
 * Listens; see `listenTcp` for what it returns and throws.
 *
 * @param storeName store of the application: while a living process is attached to it, a port that is in use is tried again, for as long as such a
 *   process may take to end.
 * @param signal ends the waiting: then what was refused last is thrown.
 */
export async function listenWhenFree(
  options: ListenOptions,
  storeName: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const limitMs = performance.now() + CHILD_STOP_LIMIT_MS;
  for (;;) {
    try {
      return listenTcp(options);
    } catch (error) {
      const mayEnd = systemCodeOf(error) === 'PORT_IN_USE' && signal?.aborted !== true && performance.now() < limitMs;
      if (!mayEnd || !hasLivingProcess(storeName)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
  }
}

function hasLivingProcess(storeName: string): boolean {
  return listStores().some(({ name, attached }) => name === storeName && attached.some(({ alive }) => alive));
}
