// The bench `tasks`: durable tasks, enqueued, run and completed. Durable means here: a task that was enqueued survives the death (SIGKILL) of every process that works
// on it, and so does what is known of it; not a power cut. For `mofo` it lies in the store in shared memory; for `bullmq` in a Redis server of its own, on a unix
// socket, that writes nothing to disk.

import { atLeast, atMost } from '../framework/aims.ts';
import { type Bench, type Group, type Measured, median } from '../framework/bench.ts';
import { installPackages, isPackageInstalled } from '../peers/extra-packages.ts';
import { findRedisServer, unpackRedisServer } from '../peers/redis-server.ts';
import { bullmqQueue } from './bullmq-queue.ts';
import { measureLatency } from './latency.ts';
import { mofoQueue } from './mofo-queue.ts';
import type { OpenTaskQueue } from './task-queue.ts';

/** Tasks of one loop; a batch is 1,000. */
const COUNTS = {
  mofo: { batch: 200_000, single: 100_000 },
  bullmq: { batch: 20_000, single: 3_000 },
  quick: { batch: 2_000, single: 50 },
} as const;
const BATCH = 1000;

const queues: Readonly<Record<string, OpenTaskQueue>> = { mofo: mofoQueue, bullmq: bullmqQueue };
const SUBJECTS = Object.keys(queues);

const throughput: Group = {
  name: 'run',
  cases: [
    { name: 'run.batch', unit: 'tasks/s' },
    { name: 'run.single', unit: 'tasks/s' },
  ],
  subjects: SUBJECTS,
  measure: async (context) => {
    const counts = context.quick ? COUNTS.quick : COUNTS[context.subject as 'mofo' | 'bullmq'];
    const queue = await openQueue(context.subject)(context);
    try {
      // The first round warms up, as in a program that runs for days.
      let batch = 0;
      let single = 0;
      for (let round = 0; round < 2; round++) {
        batch = await perSecond(counts.batch, () => queue.runBatches(counts.batch, BATCH));
        single = await perSecond(counts.single, () => queue.runSingles(counts.single));
      }
      await queue.check((counts.batch + counts.single) * 2);
      return [
        { case: 'run.batch', value: batch },
        { case: 'run.single', value: single },
      ];
    } finally {
      await queue.close();
    }
  },
};

const latency: Group = {
  name: 'latency',
  cases: [{ name: 'latency.cross-process', unit: 'us' }],
  subjects: SUBJECTS,
  measure: async (context) => {
    const samples = await measureLatency(context, context.quick ? 20 : 1000);
    const measured: Measured = { case: 'latency.cross-process', value: median(samples), samples };
    return [measured];
  },
};

/** Measures tasks. */
export const tasksBench: Bench = {
  name: 'tasks',
  summary: 'durable tasks a second, enqueued + run + completed; from enqueue in one process to start in another, us',
  rounds: { full: 5, quick: 1 },
  limitMs: 180_000,
  inMemory: true,
  groups: [throughput, latency],
  aims: [
    atLeast('run.batch', 300_000),
    {
      case: 'run.batch',
      says: '≥ 10 × bullmq',
      figure: (valueIn) => {
        const [mofo, bullmq] = [valueIn('run.batch', 'mofo'), valueIn('run.batch', 'bullmq')];
        return mofo === undefined || bullmq === undefined ? undefined : mofo / bullmq;
      },
      isMet: (figure) => figure >= 10,
    },
    atMost('latency.cross-process', 100),
  ],
  prepare: async (onProgress) => {
    const complain = (problem: string | undefined): void => {
      if (problem !== undefined) onProgress(`NOT INSTALLED: ${problem}`);
    };
    if (!['bullmq', 'ioredis'].every(isPackageInstalled)) complain(await installPackages(onProgress));
    if (findRedisServer() === undefined) complain(await unpackRedisServer(onProgress));
  },
  missing: (subject) => (subject === 'bullmq' ? missingBullmq() : undefined),
};

function openQueue(subject: string): OpenTaskQueue {
  const open = queues[subject];
  if (open === undefined) throw new Error(`The tasks bench has no subject "${subject}".`);
  return open;
}

async function perSecond(count: number, body: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return count / ((performance.now() - start) / 1000);
}

function missingBullmq(): string | undefined {
  if (!['bullmq', 'ioredis'].every(isPackageInstalled))
    return 'it is not installed; a full run (pnpm bench tasks, without --quick) installs it into bench/peers';
  return findRedisServer() === undefined
    ? 'there is no redis-server on the PATH; on Debian a full run (without --quick) unpacks one into bench/peers'
    : undefined;
}
