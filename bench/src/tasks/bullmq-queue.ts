// BullMQ: a batch is one `addBulk`; the worker runs up to 100 jobs at once, which is where its throughput is best. One by one: the next job is added when the
// last one has been completed.

import { startRedisServer } from '../peers/redis-server.ts';
import { openBullQueue, socketPathIn, startBullWorker } from './bullmq.ts';
import type { OpenTaskQueue } from './task-queue.ts';

const CONCURRENCY = 100;

/** Starts a Redis server, and a worker in this process. */
export const bullmqQueue: OpenTaskQueue = async ({ directory }) => {
  const socketPath = socketPathIn(directory);
  const server = await startRedisServer(directory, socketPath);
  const queue = await openBullQueue(socketPath);
  let ran = 0;
  let sum = 0;
  let completed = 0;
  let failure: Error | undefined;
  let wanted = 0;
  let reach: () => void = () => {};
  const worker = await startBullWorker(socketPath, CONCURRENCY, async ({ data }) => {
    ran += 1;
    sum += data.n;
  });
  worker.on('completed', () => {
    completed += 1;
    if (completed === wanted) reach();
  });
  worker.on('failed', (_job: never, error: Error) => {
    failure = error;
  });
  worker.on('error', (error: Error) => {
    failure = error;
  });
  const until = (count: number): Promise<void> => {
    wanted = count;
    return new Promise((resolve) => {
      reach = resolve;
      if (completed === wanted) resolve();
    });
  };
  let enqueued = 0;
  return {
    async runBatches(count, batch) {
      const done = until(completed + count);
      for (let added = 0; added < count; added += batch) {
        const first = enqueued;
        await queue.addBulk(Array.from({ length: batch }, (_, k) => ({ name: 'work', data: { n: first + k } })));
        enqueued += batch;
      }
      await done;
    },
    async runSingles(count) {
      for (let k = 0; k < count; k++) {
        const done = until(completed + 1);
        await queue.add('work', { n: enqueued });
        enqueued += 1;
        await done;
      }
    },
    async check(total) {
      const { active = 0, waiting = 0, failed = 0 } = await queue.getJobCounts();
      if (failure !== undefined) throw failure;
      if (completed !== total || ran !== total || active + waiting + failed !== 0 || sum !== (total * (total - 1)) / 2)
        throw new Error(`${completed} of ${total} jobs were completed, ${ran} ran, ${active + waiting} are left.`);
    },
    async close() {
      await worker.close(true);
      await queue.close();
      server.kill('SIGKILL');
    },
  };
};
