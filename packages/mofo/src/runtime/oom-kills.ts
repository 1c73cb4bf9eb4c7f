// Whether the kernel has killed for want of memory. It does that with SIGKILL, as an operator does, but what it killed may have brought it about: a version that
// leaks must not have its tries back for ever. The count is the machine's, so a kill of something else is taken for ours; that costs one try.

import { readFileSync } from 'node:fs';

/** Counts kills for want of memory. */
export class OomKills {
  private readonly file: string;
  private count: number;

  /** @param file where the kernel tells its counts; a parameter for tests. */
  constructor(file = '/proc/vmstat') {
    this.file = file;
    this.count = this.read();
  }

  /** True if there was one since this was asked last. */
  hasRisen(): boolean {
    const before = this.count;
    this.count = this.read();
    return this.count > before;
  }

  /** 0 where the kernel does not tell. */
  private read(): number {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.file, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // Not mounted, or not ours to read: then kills cannot be told apart, and there is nobody to tell it to.
    }
  }
}
