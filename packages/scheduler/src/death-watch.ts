// Notices at once when the process of another worker ends: the kernel tells (pidfd), nobody asks. Which workers there are is read from their records,
// whenever their number changes and with each recovery.

import { type ProcessWatch, watchProcess } from '@mofo/shm-store';
import type { Worker } from './worker.ts';

/** Watches the processes of other workers. */
export class DeathWatch {
  private readonly onDeath: () => void;
  private readonly watches = new Map<string, ProcessWatch>();
  private isClosed = false;

  constructor(onDeath: () => void) {
    this.onDeath = onDeath;
  }

  /** Watches the processes of exactly these workers from now on; this process is left out. */
  update(workers: Iterable<Worker>): void {
    const wanted = new Map<string, Worker>();
    for (const worker of workers) {
      if (worker.pid !== process.pid) wanted.set(`${worker.pid} ${worker.startTime}`, worker);
    }
    for (const [key, watch] of this.watches) {
      if (wanted.has(key)) continue;
      watch.close();
      this.watches.delete(key);
    }
    for (const [key, { pid, startTime }] of wanted) {
      if (this.watches.has(key)) continue;
      const watch = watchProcess(pid, startTime);
      this.watches.set(key, watch);
      void watch.exited.then(() => {
        if (!this.isClosed && this.watches.get(key) === watch) this.onDeath();
      });
    }
  }

  close(): void {
    this.isClosed = true;
    for (const watch of this.watches.values()) watch.close();
    this.watches.clear();
  }
}
