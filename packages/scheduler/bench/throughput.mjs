// Enqueue + run + complete over shared segments, durable as the store is: one task at a time, and enqueued in batches of 1,000. Prints the median of
// several rounds as JSON: tasks per second, and nanoseconds of processor time per task, which other programs on the machine disturb less.

import { destroyStore, openStore } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';

const ROUNDS = 9;
const TASKS = 20_000;
const name = `bench-scheduler-${process.pid}`;
const store = openStore({ name, sizeBytes: 128 * 2 ** 20 });
let ran = 0;
let stop = () => {};
let until = 0;
const scheduler = openScheduler(store, {
  tasks: {
    work: () => {
      ran += 1;
      if (ran === until) stop();
    },
  },
});

const now = () => Number(process.hrtime.bigint());
const cpuNs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function runAll() {
  const controller = new AbortController();
  stop = () => controller.abort();
  await scheduler.run({ signal: controller.signal });
}

async function batch() {
  until = ran + TASKS;
  const cpu = cpuNs();
  const start = now();
  for (let n = 0; n < TASKS; n += 1000) {
    store.transaction(() => {
      for (let k = 0; k < 1000; k++) scheduler.enqueue('work', { n: n + k });
    });
  }
  const enqueued = cpuNs();
  await runAll();
  return { ns: (now() - start) / TASKS, enqueue: (enqueued - cpu) / TASKS, run: (cpuNs() - enqueued) / TASKS };
}

function single() {
  const cpu = cpuNs();
  const start = now();
  for (let n = 0; n < TASKS; n++) {
    scheduler.enqueue('work', { n });
    scheduler.runNext();
  }
  return { ns: (now() - start) / TASKS, cpu: (cpuNs() - cpu) / TASKS };
}

try {
  const batches = [];
  const singles = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    batches.push(await batch());
    singles.push(single());
  }
  if (ran !== TASKS * 2 * (ROUNDS + 2)) throw new Error(`${ran} tasks ran`);
  const of = (rounds, field) => Math.round(median(rounds.slice(2).map((round) => round[field])));
  console.log(
    JSON.stringify({
      'run.batch': {
        tasksPerSecond: Math.round(1e9 / of(batches, 'ns')),
        enqueueCpuNs: of(batches, 'enqueue'),
        runCpuNs: of(batches, 'run'),
      },
      'run.single': { tasksPerSecond: Math.round(1e9 / of(singles, 'ns')), cpuNs: of(singles, 'cpu') },
    }),
  );
} finally {
  scheduler.close();
  store.close();
  destroyStore(name);
}
