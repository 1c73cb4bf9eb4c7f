// When the next clone is started: at once, or, when they die one after the other, when there is room in their budget. They end nothing but themselves, so their
// deaths do not count against main, and main goes on meanwhile.

import { RestartBudget } from '@mofo/watchdog';
import type { RuntimeEvent } from './messages.ts';

/** Starts clones. */
export class CloneStarts {
  private readonly budget = new RestartBudget();
  private readonly start: () => void;
  private readonly onEvent: (event: RuntimeEvent) => void;
  private waiting: NodeJS.Timeout | undefined;

  /** @param start starts one if there is none and may be one. */
  constructor(start: () => void, onEvent: (event: RuntimeEvent) => void) {
    this.start = start;
    this.onEvent = onEvent;
  }

  /** A clone, or a process that was to be one, has ended beside a main. */
  ended(mainPid: number, cause: string): void {
    const now = performance.now();
    const { allowed, nextAtMs } = this.budget.spend(now);
    if (allowed) {
      this.start();
      return;
    }
    const waitMs = nextAtMs - now;
    this.onEvent({
      at: Date.now(),
      kind: 'warning',
      message: `no clone stands by: they ended too often (last: ${cause}). Main (pid ${mainPid}) goes on; the next one is started in ${Math.ceil(waitMs / 1000)} s. Until then updates wait, and a crash is a start anew.`,
      data: { code: 'NO_CLONE', cause, waitMs },
    });
    this.cancel();
    this.waiting = setTimeout(this.start, waitMs);
  }

  /** One that waited is not started any more, or has been. */
  cancel(): void {
    clearTimeout(this.waiting);
  }
}
