// The run guard over this process's slot in shared memory.

import { createLabel, type Label, type RunningWord } from '@mofo/watchdog';
import type { RunGuard, RunLabel } from './run-guard.ts';

/** A guard that writes into the slot of the process that owns `running`. */
export function slotGuard(running: RunningWord): RunGuard {
  return {
    label: (text: string): RunLabel => createLabel(text),
    run<T>(label: RunLabel, body: () => T, options?: { readonly hangAfterMs?: number; readonly taskId?: number }): T {
      const run = running.begin(label as Label, options?.taskId ?? 0, options?.hangAfterMs ?? 0);
      try {
        return body();
      } finally {
        running.end(run);
      }
    },
  };
}
