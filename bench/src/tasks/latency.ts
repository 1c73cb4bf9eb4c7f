// From just before `enqueue` in this process to the first statement of the handler in another, by the clock that processes share. The worker sleeps
// when a task comes: between two tasks there is a pause.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openStore } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';
import { monotonicMs } from '@mofo/shm-store';
import type { MeasureContext } from '../framework/bench.ts';
import { startRedisServer } from '../peers/redis-server.ts';
import { openBullQueue, socketPathIn } from './bullmq.ts';

/** What the worker process is told. */
export interface LatencyAssignment {
  readonly subject: string;
  readonly place: string;
}

interface Sender {
  /** Where the worker finds the queue. */
  readonly place: string;
  send(n: number): Promise<void>;
  close(): Promise<void>;
}

/** Pauses are 3 to 5 ms, so that no rhythm of either process decides. */
const PAUSE_MS = { least: 3, more: 2 };
/** Tasks before those that count: both processes compile their code. */
const WARM_UP_COUNT = 50;

/** Samples in microseconds. */
export async function measureLatency(context: MeasureContext, count: number): Promise<readonly number[]> {
  const sender = context.subject === 'mofo' ? await mofoSender(context) : await bullmqSender(context);
  const assignment: LatencyAssignment = { subject: context.subject, place: sender.place };
  const program = fileURLToPath(new URL('../programs/task-worker.js', import.meta.url));
  const worker = fork(program, [JSON.stringify(assignment)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    await once(worker, 'message');
    const samples: number[] = [];
    for (let n = 0; n < WARM_UP_COUNT + count; n++) {
      const pauseMs = PAUSE_MS.least + Math.random() * PAUSE_MS.more;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const started = once(worker, 'message');
      const sentAtMs = monotonicMs();
      await sender.send(n);
      const [message] = (await started) as [{ readonly n: number; readonly startedAtMs: number }];
      if (message.n !== n) throw new Error(`Task ${message.n} started when ${n} was sent.`);
      const sample = (message.startedAtMs - sentAtMs) * 1000;
      if (!(sample > 0)) throw new Error(`The task began ${sample} us after it was sent: that cannot be.`);
      if (n >= WARM_UP_COUNT) samples.push(sample);
    }
    return samples;
  } finally {
    worker.kill('SIGKILL');
    await sender.close();
  }
}

async function mofoSender({ storeName }: MeasureContext): Promise<Sender> {
  const store = openStore({ name: storeName, sizeBytes: 16 * 2 ** 20 });
  const scheduler = openScheduler(store);
  return {
    place: storeName,
    send: async (n) => void scheduler.enqueue('work', { n }),
    close: async () => {
      scheduler.close();
      store.close();
    },
  };
}

async function bullmqSender({ directory }: MeasureContext): Promise<Sender> {
  const place = socketPathIn(directory);
  const server = await startRedisServer(directory, place);
  const queue = await openBullQueue(place);
  return {
    place,
    send: async (n) => void (await queue.add('work', { n })),
    close: async () => {
      await queue.close();
      server.kill('SIGKILL');
    },
  };
}
