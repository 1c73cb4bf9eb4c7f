// Something that main does while nobody else is attached: the clones end first, in order, and start again after it. Meanwhile a death of main is a restart and no takeover.

import { MofoError } from '../errors.ts';
import type { Child } from './child.ts';

/** Longest time in ms for a clone to end before it is killed: it has nothing to lose. */
const CLONE_END_LIMIT_MS = 2_000;

/** What of the launcher is needed. */
export interface CloneParts {
  /** The living children. */
  readonly children: () => readonly Child[];
  /** No clone is started from now on, or again. */
  readonly hold: (isHeld: boolean) => void;
}

/** Runs `body` with `main` as the only process of the application. Rejects NOT_READY when main ends in it. */
export async function withoutClone<T>(main: Child, { children, hold }: CloneParts, body: () => Promise<T>): Promise<T> {
  hold(true);
  try {
    const others = children().filter((child) => child !== main);
    const killers = others.map((child) => {
      child.send({ type: 'stop' });
      return setTimeout(() => child.kill('SIGKILL'), CLONE_END_LIMIT_MS);
    });
    await Promise.all(others.map(({ ended }) => ended));
    killers.forEach(clearTimeout);
    const death = main.ended.then((): never => {
      throw new MofoError(
        'NOT_READY',
        'Main ended in the middle of it. What it had committed is there, the rest is not. See: npx mofo status, npx mofo versions',
      );
    });
    return await Promise.race([body(), death]);
  } finally {
    hold(false);
  }
}
