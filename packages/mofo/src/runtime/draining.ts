// Versions that were replaced and are still called: an asynchronous call that began on one ends on it, however long it takes. Then it is stopped, nothing refers to it
// any more, and its code is collected.

import type { RunningVersion } from './running-version.ts';

/** A version that drains, for people and programs. */
export interface DrainingVersion {
  readonly module: string;
  readonly id: string;
  readonly hash: string;
  /** Calls under way. */
  readonly calls: number;
  /** When it was replaced, ms since 1970. */
  readonly since: number;
}

/** The versions that drain in this process. */
export class Draining {
  private readonly versions = new Set<RunningVersion>();

  /** A version was replaced: resolves when nobody calls it any more and `stop` has ended. */
  async begin(version: RunningVersion, stop: (version: RunningVersion) => Promise<void>): Promise<void> {
    version.replacedAt = Date.now();
    this.versions.add(version);
    try {
      await version.drained();
      await stop(version);
    } finally {
      this.versions.delete(version);
    }
  }

  /** Those of a module. */
  of(module: string): DrainingVersion[] {
    const found = [...this.versions].filter(({ name }) => name.module === module);
    return found.map(({ name, callCount, replacedAt }) => ({ ...name, calls: callCount, since: replacedAt ?? 0 }));
  }
}
