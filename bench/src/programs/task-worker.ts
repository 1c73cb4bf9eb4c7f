// The worker of a latency measurement: runs tasks until it is killed, and tells its parent when each of them began.

import { openStore } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';
import { monotonicMs } from '@mofo/shm-store';
import { startBullWorker } from '../tasks/bullmq.ts';
import type { LatencyAssignment } from '../tasks/latency.ts';

const { place, subject } = JSON.parse(process.argv[2] ?? '{}') as LatencyAssignment;

if (subject === 'mofo') {
  const store = openStore({ name: place, create: false });
  const scheduler = openScheduler(store, {
    tasks: {
      work: ({ n }: { n: number }) => {
        const startedAtMs = monotonicMs();
        process.send?.({ n, startedAtMs });
      },
    },
  });
  void scheduler.run();
} else {
  await startBullWorker(place, 1, async ({ data: { n } }) => {
    const startedAtMs = monotonicMs();
    process.send?.({ n, startedAtMs });
  });
}
process.send?.('ready');
process.on('disconnect', () => process.exit());
