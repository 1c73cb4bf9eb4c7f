// A consistent read without a lock: run, then ask whether a commit came in between, and run again if so (R14).

import type { Door } from './door.ts';

/**
 * Runs `body` until everything it read belongs to one moment, and returns its result. An error leaves only if the section was
 * consistent. Inside a transaction or another section `body` just runs. `body` must not have effects: it may run several times.
 */
export function readSection<T>(door: Door, body: () => T): T {
  for (;;) {
    const sequence = door.beginRead();
    let result: T;
    try {
      result = body();
    } catch (error) {
      if (!door.endRead(sequence)) continue;
      throw error;
    }
    if (door.endRead(sequence)) return result;
  }
}
