// The subject `node-cluster`: what Node.js offers by itself. A primary that forks a new worker when one dies; the worker's next task is the first
// statement of its program, which is the best case: nothing is loaded, no queue is asked, no state is restored.

import { fileURLToPath } from 'node:url';
import type { Pair } from './pair.ts';
import { endProgram, startProgram } from './start-program.ts';

/** Starts it. */
export function startClusterPair(): Pair {
  const program = fileURLToPath(new URL('../programs/cluster-primary.js', import.meta.url));
  const { child, events } = startProgram([program]);
  let livingPid = 0;
  return {
    ready: async () => {
      const { pid } = await events.find((line) => livingPid === 0 || line.pid === livingPid);
      livingPid = pid as number;
      return livingPid;
    },
    resumedAtMs: async (deadPid) => {
      const said = await events.find((line) => line.heirOf === deadPid);
      livingPid = said.pid as number;
      return said.startedAtMs as number;
    },
    close: () => endProgram(child, 'SIGTERM'),
  };
}
