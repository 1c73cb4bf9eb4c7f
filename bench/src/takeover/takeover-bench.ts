// The bench `takeover`: how long nobody works when the main process is killed. From just before kill(2), by the killer's monotonic clock, to the first
// statement of the next task in another process, which notes the same clock in shared memory.
//
// `.idle`: an almost empty store and a main that waits. `.1gib`: 1 GiB of the store is mapped and touched by main and clone.

import { constants } from 'node:os';
import { killProcess, monotonicMs, processStartTime } from '@mofo/shm-store';
import { type Bench, type Group, type MeasureContext, type Measured, median } from '../framework/bench.ts';
import { startAppPair } from './app-pair.ts';
import { startClusterPair } from './cluster-pair.ts';
import { connectionsCost } from './connections-cost.ts';
import { failedRequests } from './failed-requests.ts';
import type { Pair } from './pair.ts';
import { startWatchdogPair } from './watchdog-pair.ts';

/** Kills of one process; five rounds make a hundred. */
const KILLS = { full: 20, quick: 3 };
const GIB = 2 ** 30;

/**
 * Between the moment at which a pair is ready and the kill: a main that dies has lived for a while, and its standby has come to rest. An application's
 * launcher gives up after 10 deaths in 10 s, as it should.
 */
const PAUSE_MS = { app: 1_050, other: 250 };

const starters: Readonly<Record<string, (context: MeasureContext, dataBytes: number) => Pair>> = {
  mofo: startWatchdogPair,
  'mofo-app': startAppPair,
  'node-cluster': startClusterPair,
};

/** Measures takeovers. */
export const takeoverBench: Bench = {
  name: 'takeover',
  summary:
    'death of the main process to the first statement of the next task, ms; requests that it costs, and what that costs',
  rounds: { full: 5, quick: 1 },
  limitMs: 180_000,
  groups: [
    group('sigkill.idle', 'SIGKILL', 0, ['mofo', 'mofo-app', 'node-cluster']),
    group('sigkill.1gib', 'SIGKILL', GIB, ['mofo']),
    group('sigsegv.1gib', 'SIGSEGV', GIB, ['mofo']),
    group('abort.1gib', 'SIGABRT', GIB, ['mofo']),
    failedRequests,
    connectionsCost,
  ],
};

function group(
  name: string,
  signal: 'SIGKILL' | 'SIGSEGV' | 'SIGABRT',
  dataBytes: number,
  subjects: readonly string[],
): Group {
  return {
    name,
    cases: [{ name, unit: 'ms' }],
    subjects,
    measure: async (context) => {
      const start = starters[context.subject];
      if (start === undefined) throw new Error(`The takeover bench has no subject "${context.subject}".`);
      const pair = start(context, context.quick ? Math.min(dataBytes, 2 ** 22) : dataBytes);
      const kills = context.quick ? KILLS.quick : KILLS.full;
      const samples = await killAgainAndAgain(
        pair,
        constants.signals[signal],
        kills,
        context.subject === 'mofo-app' ? PAUSE_MS.app : PAUSE_MS.other,
      );
      await pair.ready();
      await pair.close();
      const measured: Measured = { case: name, value: median(samples), samples };
      return [measured];
    },
  };
}

async function killAgainAndAgain(pair: Pair, signal: number, kills: number, pauseMs: number): Promise<number[]> {
  const samples: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const pid = await pair.ready();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const startTime = processStartTime(pid);
    if (startTime === undefined) throw new Error(`Process ${pid} died before it was killed.`);
    const killedAtMs = monotonicMs();
    if (!killProcess(pid, startTime, signal)) throw new Error(`Process ${pid} died before it was killed.`);
    const sample = (await pair.resumedAtMs(pid)) - killedAtMs;
    if (!(sample > 0)) throw new Error(`The next task began ${sample} ms after the kill: that cannot be.`);
    samples.push(sample);
  }
  return samples;
}
