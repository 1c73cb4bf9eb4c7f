// Enqueue + run + complete over shared segments, durable as the store is: one task at a time, and enqueued in batches of 1,000. Prints the median of
// several rounds as JSON: tasks per second, and where the time goes.

import { destroyStore, openStore } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';

const ROUNDS = 7;
const TASKS = 20_000;
const name = `bench-scheduler-${process.pid}`;
const store = openStore({ name, sizeBytes: 128 * 2 ** 20 });
let ran = 0;
const scheduler = openScheduler(store, {
  tasks: {
    work: () => {
      ran += 1;
    },
  },
});

const now = () => Number(process.hrtime.bigint());
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

function batch() {
  const start = now();
  for (let n = 0; n < TASKS; n += 1000) {
    store.transaction(() => {
      for (let k = 0; k < 1000; k++) scheduler.enqueue('work', { n: n + k });
    });
  }
  const enqueued = now();
  while (scheduler.runNext().task !== undefined);
  return { enqueue: (enqueued - start) / TASKS, run: (now() - enqueued) / TASKS };
}

function single() {
  const start = now();
  for (let n = 0; n < TASKS; n++) {
    scheduler.enqueue('work', { n });
    scheduler.runNext();
  }
  return (now() - start) / TASKS;
}

try {
  batch();
  single();
  const batches = Array.from({ length: ROUNDS }, batch);
  const singles = Array.from({ length: ROUNDS }, single);
  if (ran !== TASKS * (2 * ROUNDS + 2)) throw new Error(`${ran} tasks ran`);
  const perBatch = median(batches.map(({ enqueue, run }) => enqueue + run));
  const perSingle = median(singles);
  console.log(
    JSON.stringify({
      'run.batch': {
        tasksPerSecond: Math.round(1e9 / perBatch),
        enqueueNs: median(batches.map(({ enqueue }) => enqueue)),
        runNs: median(batches.map(({ run }) => run)),
      },
      'run.single': { tasksPerSecond: Math.round(1e9 / perSingle), ns: perSingle },
    }),
  );
} finally {
  scheduler.close();
  store.close();
  destroyStore(name);
}
