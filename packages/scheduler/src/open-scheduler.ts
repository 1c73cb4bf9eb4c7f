// Puts a scheduler together over a store.

import type { Store } from '@mofo/journal';
import { requireOptions } from './arguments.ts';
import type { Claimer } from './claim.ts';
import { Counters, makeCounters } from './counters.ts';
import {
  type Clock,
  type Definition,
  definitionFrom,
  type Handler,
  type TaskDefinition,
  type TaskDefinitions,
} from './definition.ts';
import { type Around, Executor, type OnSettled } from './executor.ts';
import { Scheduler } from './scheduler.ts';
import { SchedulerError } from './scheduler-error.ts';
import { Schedules } from './schedules.ts';
import { FORMAT_VERSION, openTrees } from './storage.ts';
import { TaskTable } from './task-table.ts';
import { defaultVerdict, type Interruption, type Verdict } from './verdict.ts';
import { isWorkerAlive, thisWorker, type Worker } from './worker.ts';

/** What a scheduler needs of a store: any `Store` of @mofo/journal, over shared segments or private memory. */
export type SchedulerStore = Pick<
  Store,
  'transaction' | 'read' | 'addRoots' | 'watch' | 'status' | 'memory' | 'isInTransaction'
>;

/** Options of {@link openScheduler}. */
export interface OpenSchedulerOptions<T extends TaskDefinitions> {
  /** Handlers by task name. A process without handlers may still enqueue. */
  readonly tasks?: T;
  /** Asked for each task before it is claimed, and before `tasks`: late binding, such as the version that runs now. */
  readonly resolve?: (name: string) => Handler | TaskDefinition | undefined;
  /** Wraps the synchronous call of each handler. */
  readonly around?: Around;
  /** Told when a run has ended: its outcome, and what the handler threw. Must not throw. */
  readonly onSettled?: OnSettled;
  /** Whether an interrupted task is tried again. Default {@link defaultVerdict}: once. */
  readonly verdict?: (interruption: Interruption) => Verdict;
  /** Whether a worker still runs. Default {@link isWorkerAlive}. */
  readonly isAlive?: (worker: Worker) => boolean;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly clock?: Clock;
  /** 0 (inclusive) to 1 (exclusive), for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Who claims here. Default: this process, thread and scheduler. */
  readonly worker?: Worker;
}

const NAMES: ReadonlySet<string> = new Set([
  'tasks',
  'resolve',
  'around',
  'onSettled',
  'verdict',
  'isAlive',
  'clock',
  'random',
  'worker',
]);

/**
 * Opens the durable tasks of a store, making their trees (roots named `scheduler.*`) if there are none. Synchronous. Any number of processes may have
 * them open; tasks that are done leave nothing behind but a count.
 *
 * @throws SchedulerError UNKNOWN_OPTION, INVALID_OPTION, INVALID_NAME, FORMAT_UNKNOWN (made by another version; nothing was changed).
 * @example
 * const scheduler = openScheduler(store, { tasks: { mail: (payload: { to: string }) => { … } } });
 * store.transaction(() => scheduler.enqueue('mail', { to: 'a@b.c' }, { delay: '5m', dedupeKey: 'a@b.c' }));
 * await scheduler.run({ signal });
 */
export function openScheduler<const T extends TaskDefinitions>(
  store: SchedulerStore,
  options: OpenSchedulerOptions<T> = {},
): Scheduler<T> {
  requireOptions('openScheduler', options, NAMES);
  const {
    around,
    clock = Date.now,
    isAlive = isWorkerAlive,
    onSettled,
    random = Math.random,
    resolve,
    verdict = defaultVerdict,
  } = options;
  const tasks = new Map<string, Definition>();
  for (const [name, given] of Object.entries(options.tasks ?? {})) tasks.set(name, definitionFrom(name, given));
  const worker = options.worker ?? thisWorker(store.status.slot);
  const claimer: Claimer = {
    worker,
    definitionOf(name) {
      const given = resolve?.(name);
      return given === undefined ? tasks.get(name) : definitionFrom(name, given);
    },
  };
  const table = openTable(store);
  const schedules = new Schedules(table);
  const executor = new Executor({ store, table, clock, random, around, onSettled, worker });
  const rehearser = new Executor({ store, table, clock, random, around, onSettled: undefined, worker });
  return new Scheduler<T>({ store, table, schedules, executor, rehearser, claimer, clock, isAlive, verdict });
}

function openTable(store: SchedulerStore): TaskTable {
  const trees = openTrees(store);
  if (!trees.meta.has(0)) {
    store.transaction(() => {
      if (trees.meta.has(0)) return;
      trees.meta.set(0, { format: FORMAT_VERSION });
      trees.counters.set(0, makeCounters(store.memory));
    });
  }
  const meta = trees.meta.get(0);
  if (meta !== undefined && meta.format === FORMAT_VERSION) {
    const counters = store.read(() => new Counters(store.memory, trees.counters.get(0) ?? 0));
    return new TaskTable(trees, meta, counters, store.memory);
  }
  throw new SchedulerError(
    'FORMAT_UNKNOWN',
    `the tasks in this store have format ${meta?.format}; this version of @mofo/scheduler knows ${FORMAT_VERSION}. ` +
      'Nothing was changed. Use the version that made them, or destroy the store.',
  );
}
