// Opens the listening socket. When a launcher was killed, its processes still hold the port while they end in order; the next launcher waits for
// them instead of giving up. Anybody else's port is refused after a moment.

import { findStore } from '@mofo/journal';
import { type ListenOptions, listenTcp } from '@mofo/shm-store';
import { systemCodeOf } from '../errors.ts';
import { CHILD_STOP_LIMIT_MS } from './launcher.ts';

/** How often the port is tried while former processes end. */
const RETRY_INTERVAL_MS = 50;

/** A process that ends leaves the store first and the port with its last breath; for this long in ms it may still have the one without the other. */
const LAST_BREATH_MS = 1_000;

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
  let lastSeenMs = performance.now();
  for (;;) {
    try {
      return listenTcp(options);
    } catch (error) {
      const now = performance.now();
      const mayEnd = systemCodeOf(error) === 'PORT_IN_USE' && signal?.aborted !== true && now < limitMs;
      if (!mayEnd) throw error;
      if (hasLivingProcess(storeName)) lastSeenMs = now;
      else if (now - lastSeenMs > LAST_BREATH_MS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
  }
}

function hasLivingProcess(storeName: string): boolean {
  return findStore(storeName)?.attached.some(({ alive }) => alive) === true;
}
