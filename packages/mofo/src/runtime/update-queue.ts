// New versions on their way to main. They are passed on only while a clone stands by, for they may be what ends main.

import type { Registry } from '@mofo/versions';
import type { Child } from './child.ts';

interface PendingUpdate {
  readonly module: string;
  readonly hash: string;
  readonly savedAt: number | undefined;
}

/** Updates that wait, at most one of each module. */
export class UpdateQueue {
  private readonly pending = new Map<string, PendingUpdate>();

  /** A version to be tried; it replaces one of the same module that waits. */
  add(module: string, hash: string, savedAt?: number): void {
    this.pending.set(module, { module, hash, savedAt });
  }

  /** What was on probation in a main that died, and is not to blame for it, is tried again: each time costs a try, so not for ever. */
  resumeProbations(registry: Registry): void {
    for (const module of registry.modules()) {
      const [newest] = registry
        .list(module)
        .filter(({ state, triesLeft }) => (state === 'probation' || state === 'checked') && triesLeft > 0);
      if (newest !== undefined && !this.pending.has(module)) this.add(module, newest.hash);
    }
  }

  /** Passes on what waits, if main and clone are both there. */
  pass(main: Child | undefined, clone: Child | undefined): void {
    if (main === undefined || clone === undefined) return;
    for (const { module, hash, savedAt } of this.pending.values()) {
      main.send({ type: 'update', module, hash, ...(savedAt === undefined ? {} : { savedAt }) });
    }
    this.pending.clear();
  }
}
