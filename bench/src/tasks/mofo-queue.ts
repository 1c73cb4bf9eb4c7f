// @mofo/scheduler over a store in shared memory. A batch is enqueued in one transaction; each task is run in a transaction of its own.

import { openStore } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';
import type { OpenTaskQueue } from './task-queue.ts';

/** Opens a store with a scheduler. */
export const mofoQueue: OpenTaskQueue = async ({ storeName }) => {
  const store = openStore({ name: storeName, sizeBytes: 256 * 2 ** 20 });
  let ran = 0;
  let sum = 0;
  let stopAt = 0;
  let stop: () => void = () => {};
  const scheduler = openScheduler(store, {
    tasks: {
      work: ({ n }: { n: number }) => {
        ran += 1;
        sum += n;
        if (ran === stopAt) stop();
      },
    },
  });
  let enqueued = 0;
  return {
    async runBatches(count, batch) {
      stopAt = ran + count;
      for (let done = 0; done < count; done += batch) {
        store.transaction(() => {
          for (let k = 0; k < batch; k++) scheduler.enqueue('work', { n: enqueued + k });
        });
        enqueued += batch;
      }
      const controller = new AbortController();
      stop = () => controller.abort();
      await scheduler.run({ signal: controller.signal });
    },
    async runSingles(count) {
      for (let k = 0; k < count; k++) {
        scheduler.enqueue('work', { n: enqueued });
        enqueued += 1;
        scheduler.runNext();
      }
    },
    async check(total) {
      const { completed, ready, running } = scheduler.status;
      if (completed !== total || ran !== total || ready + running !== 0 || sum !== (total * (total - 1)) / 2)
        throw new Error(`${completed} of ${total} tasks were completed, ${ran} ran, ${ready + running} are left.`);
    },
    async close() {
      scheduler.close();
      store.close();
    },
  };
};
