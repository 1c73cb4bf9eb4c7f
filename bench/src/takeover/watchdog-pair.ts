// The subject `mofo`: a program on @mofo/watchdog and @mofo/scheduler, see ../programs/standby.ts.

import { fileURLToPath } from 'node:url';
import { f64, openStore, tree } from '@mofo/journal';
import type { MeasureContext } from '../framework/bench.ts';
import type { Pair } from './pair.ts';
import { startProgram } from './start-program.ts';

/** Starts it, with so much data in the store. */
export function startWatchdogPair({ storeName }: MeasureContext, dataBytes: number): Pair {
  const program = fileURLToPath(new URL('../programs/standby.js', import.meta.url));
  const { events } = startProgram([program, storeName, String(dataBytes)]);
  let livingPid = 0;
  return {
    ready: async () => {
      const { pid } = await events.find(
        (line) => line.event === 'clone-ready' && (livingPid === 0 || line.pid === livingPid),
      );
      livingPid = pid as number;
      return livingPid;
    },
    resumedAtMs: async (deadPid) => {
      const { pid } = await events.find((line) => line.event === 'task-done' && line.heirOf === deadPid);
      livingPid = pid as number;
      // The time is in shared memory: the line only says that it is there.
      const store = openStore({ name: storeName, create: false, root: { starts: tree(f64(), f64()) } });
      try {
        const startedAtMs = store.root.starts.get(livingPid);
        if (startedAtMs === undefined) throw new Error(`Process ${livingPid} has noted no time in the store.`);
        return startedAtMs;
      } finally {
        store.close();
      }
    },
    close: async () => {
      process.kill(livingPid, 'SIGTERM');
      await events.find((line) => line.event === 'closed' && line.pid === livingPid);
    },
  };
}
