// BullMQ over a Redis server of this run. Its types are not installed: here is what is used of it.

import { join } from 'node:path';
import { importPackage } from '../peers/extra-packages.ts';

/** A job as handlers get it. */
export interface Job {
  readonly data: { readonly n: number; readonly sentAtMs?: number };
}

interface Connectable {
  close(force?: boolean): Promise<void>;
  waitUntilReady(): Promise<unknown>;
  on(event: string, listener: (...parameters: never[]) => void): unknown;
}

/** Queue of BullMQ. */
export interface BullQueue extends Connectable {
  add(name: string, data: Job['data']): Promise<unknown>;
  addBulk(jobs: readonly { readonly name: string; readonly data: Job['data'] }[]): Promise<unknown>;
  getJobCounts(): Promise<Readonly<Record<string, number>>>;
}

interface BullMq {
  readonly Queue: new (name: string, options: object) => BullQueue;
  readonly Worker: new (name: string, handler: (job: Job) => Promise<void>, options: object) => Connectable;
}

/** Where the run's server listens. */
export function socketPathIn(directory: string): string {
  return join(directory, 'redis.sock');
}

/** Opens the queue; jobs that are done are removed, as tasks of mofo are. */
export async function openBullQueue(socketPath: string): Promise<BullQueue> {
  const { Queue } = await importPackage<BullMq>('bullmq');
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
  const queue = new Queue('work', { connection: { path: socketPath }, defaultJobOptions });
  await queue.waitUntilReady();
  return queue;
}

/** Starts a worker in this process. */
export async function startBullWorker(
  socketPath: string,
  concurrency: number,
  handler: (job: Job) => Promise<void>,
): Promise<Connectable> {
  const { Worker } = await importPackage<BullMq>('bullmq');
  const worker = new Worker('work', handler, {
    connection: { path: socketPath, maxRetriesPerRequest: null },
    concurrency,
  });
  await worker.waitUntilReady();
  return worker;
}
