// Which bundled task each worker runs: one record a worker, for a thread runs one synchronous task at a time. The word `taskId` is both claim and fence: it is set in
// the transaction that hands the task out, and compared and cleared in the one that has the task's effects. Whoever finds the worker dead deletes the record; a worker that
// was only thought dead then finds it gone.
//
//            claim                complete (effects, and perhaps the next claim, in the same transaction)
//   taskId 0 ─────▶ taskId = id ─────▶ taskId = 0 or the next id
//                        │ the worker died
//                        └─────▶ record deleted; the task becomes a record of its own, running, and is interrupted as any other

import { isRecordLive } from '@mofo/shm-store';
import { VERSION_LENGTH_MAX } from './constants.ts';
import type { Trees, WorkerRecord } from './storage.ts';
import type { Worker } from './worker.ts';

/** A bundled task that a worker runs, as it is stored. */
export interface WorkerClaim {
  readonly worker: Worker;
  readonly record: WorkerRecord;
}

/** The records of all workers. */
export class WorkerClaims {
  private readonly trees: Pick<Trees, 'workers'>;
  private mine: WorkerRecord | undefined;
  private mineOf: Worker | undefined;
  /** The label that stands in `mine`, if that is known: reading it costs a string. */
  private label: string | undefined;

  constructor(trees: Pick<Trees, 'workers'>) {
    this.trees = trees;
  }

  /** The record of this worker, made if there is none. In a transaction. */
  recordOf(worker: Worker): WorkerRecord {
    const { mine } = this;
    if (mine !== undefined && this.mineOf === worker && isRecordLive(mine)) return mine;
    const record = this.trees.workers.ensure(keyOf(worker), () => ({}));
    this.mine = record;
    this.label = undefined;
    this.mineOf = worker;
    return record;
  }

  /** The record of a worker, if it has one. */
  find(worker: Worker): WorkerRecord | undefined {
    return this.trees.workers.get(keyOf(worker));
  }

  /** Notes the version that runs the worker's tasks. In a transaction. */
  setLabel(record: WorkerRecord, version: string): void {
    if (record === this.mine && this.label === version) return;
    const label = version.slice(0, VERSION_LENGTH_MAX);
    if (record.version !== label) record.version = label;
    if (record === this.mine) this.label = version;
  }

  /** To be called when a transaction that set a label was, or may be, rolled back. */
  forgetLabel(): void {
    this.label = undefined;
  }

  /** True if the record still says that its worker runs the task. In a transaction. */
  holds(record: WorkerRecord, id: number): boolean {
    return isRecordLive(record) && record.taskId === id;
  }

  /** Forgets a dead worker. In a transaction. */
  forget(worker: Worker): void {
    this.trees.workers.delete(keyOf(worker));
  }

  /** Workers that have a record. */
  get count(): number {
    return this.trees.workers.size;
  }

  /** All of them. In a read section. */
  workers(): Worker[] {
    return [...this.all()].map(({ worker }) => worker);
  }

  /** All workers, those that run nothing too. */
  *all(): IterableIterator<WorkerClaim> {
    for (const [[pid, startTime, slot, instance], record] of this.trees.workers.range()) {
      yield { worker: { pid, startTime, slot, instance }, record };
    }
  }

  /** Who runs the task, if somebody does. */
  holderOf(id: number): WorkerClaim | undefined {
    for (const claim of this.all()) if (claim.record.taskId === id) return claim;
    return undefined;
  }
}

function keyOf({ pid, startTime, slot, instance }: Worker): [number, number, number, number] {
  return [pid, startTime, slot, instance];
}
