// What the throughput of tasks is measured on, once for each subject.

import type { MeasureContext } from '../framework/bench.ts';

/** A durable queue with a worker in this process. The handler does nothing but count, so the queue itself is measured. */
export interface TaskQueue {
  /** Enqueues `count` tasks in batches and resolves when all have been completed. */
  runBatches(count: number, batch: number): Promise<void>;
  /** Enqueues, runs and completes one task after the other. */
  runSingles(count: number): Promise<void>;
  /** Throws unless exactly `total` tasks have been run and completed, each once, and none is left. */
  check(total: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a subject's queue, empty. */
export type OpenTaskQueue = (context: MeasureContext) => Promise<TaskQueue>;
