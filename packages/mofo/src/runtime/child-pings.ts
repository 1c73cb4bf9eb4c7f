// Main's hangs are the clone's business; nobody but the launcher sees those of a process that starts, or of the clone.

import type { Child } from './child.ts';

/** How often a child that is not main is asked whether it lives. Main is watched by its clone. */
const PING_INTERVAL_MS = 1_000;

/** Pings without an answer after which such a child is killed: a module that never ends loading, or a clone that could not take over. */
const PINGS_UNANSWERED_MAX = 8;

/** Asks the children now and then, and kills who does not answer; until the timer is cleared. */
export function pingChildren(children: Iterable<Child>): NodeJS.Timeout {
  return setInterval(() => {
    for (const child of children) {
      if (child.role === 'main' || !child.isAlive) continue;
      if (child.unansweredPings < PINGS_UNANSWERED_MAX) child.ping();
      else if (!child.isHung) {
        child.isHung = true;
        child.kill('SIGKILL');
      }
    }
  }, PING_INTERVAL_MS);
}
