// New versions on their way to main. They are passed on only while a clone stands by, for they may be what ends main.

import type { Registry, Version } from '@mofo/versions';
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

  /**
   * What was on probation in a main that died or stopped is tried again: each time costs a try, unless it is given back, so not for ever.
   *
   * @returns the versions that are passed over, for none of their tries is left.
   */
  resumeProbations(registry: Registry, running: ReadonlySet<string>): Version[] {
    const passedOver: Version[] = [];
    for (const module of registry.modules()) {
      const [newest] = registry.list(module).filter(({ state }) => state === 'probation' || state === 'checked');
      if (newest === undefined || running.has(newest.hash) || this.pending.has(module)) continue;
      if (newest.triesLeft > 0) this.add(module, newest.hash);
      else passedOver.push(newest);
    }
    return passedOver;
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
