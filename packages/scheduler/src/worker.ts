// Who runs a task: a process (named by its pid and start time, so that a later process with the same pid is another one), its slot in
// the store for blame, and which scheduler in it.

import { threadId } from 'node:worker_threads';
import { isProcessAlive, processStartTime } from '@mofo/journal';

/** One scheduler in one process, as a claim names it. */
export interface Worker {
  readonly pid: number;
  /** Start of the process in clock ticks since boot. */
  readonly startTime: number;
  /** Slot of the store in which the process notes what it runs. */
  readonly slot: number;
  /** Tells schedulers of one process apart. */
  readonly instance: number;
}

let instances = 0;

/** The worker that a scheduler opened now in this thread is. */
export function thisWorker(slot: number): Worker {
  instances += 1;
  const startTime = processStartTime(process.pid);
  if (startTime === undefined) throw new Error('/proc does not tell about this process: mount it without hidepid.');
  return { pid: process.pid, startTime, slot, instance: threadId * 2 ** 16 + (instances % 2 ** 16) };
}

/** True while the worker's process runs; a zombie and a later process with its pid count as dead. Synchronous, about 15 µs. */
export function isWorkerAlive(worker: Worker): boolean {
  return isProcessAlive(worker.pid, worker.startTime);
}
