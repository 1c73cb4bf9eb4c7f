// The subject `mofo-app`: the whole runtime as people start it, with the app in bench/app.

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { f64, openStore, tree } from '@mofo/journal';
import type { MeasureContext } from '../framework/bench.ts';
import type { LineEvent } from './line-events.ts';
import type { Pair } from './pair.ts';
import { endProgram, startProgram } from './start-program.ts';

/** How often the store is looked at for the noted time. */
const POLL_MS = 2;

/** Starts it in a directory of its own. */
export function startAppPair({ directory, storeName }: MeasureContext): Pair {
  cpSync(fileURLToPath(new URL('../../app', import.meta.url)), directory, { recursive: true });
  writeFileSync(join(directory, 'mofo.config.json'), JSON.stringify(configOf(storeName)));
  const mofo = fileURLToPath(new URL('./bundle/main.js', import.meta.resolve('mofo/package.json')));
  const { child, events } = startProgram([mofo, 'run', '--json', '--app', directory]);
  const deadPids = new Set<number>();
  const pidOf = (line: LineEvent): number => (line.data as { pid: number }).pid;
  const isReady = (line: LineEvent, role: string): boolean => {
    const data = line.data as { ready?: boolean; role?: string; pid?: number } | undefined;
    return data?.ready === true && data.role === role && !deadPids.has(data.pid ?? 0);
  };
  return {
    ready: async () => {
      // A version on probation would be blamed for the kill.
      await events.find((line) => line.kind === 'stable');
      const main = pidOf(await events.find((line) => isReady(line, 'main')));
      await events.find((line) => isReady(line, 'clone') && pidOf(line) !== main);
      return main;
    },
    resumedAtMs: async (deadPid) => {
      deadPids.add(deadPid);
      const heir = pidOf(
        await events.find(
          (line) => line.kind === 'takeover' && (line.data as { deadPid?: number }).deadPid === deadPid,
        ),
      );
      const store = openStore({ name: storeName, create: false });
      try {
        const { 'queue.starts': starts } = store.addRoots({ 'queue.starts': tree(f64(), f64()) });
        for (;;) {
          const startedAtMs = starts.get(heir);
          if (startedAtMs !== undefined) return startedAtMs;
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      } finally {
        store.close();
      }
    },
    close: () => endProgram(child, 'SIGTERM'),
  };
}

function configOf(storeName: string): unknown {
  return {
    name: 'bench-queue',
    modules: './modules/*.ts',
    http: { port: 0 },
    store: { name: storeName, sizeBytes: '64MiB' },
    snapshot: { every: false },
    probation: { tasks: 1, minimum: '1ms' },
  };
}
