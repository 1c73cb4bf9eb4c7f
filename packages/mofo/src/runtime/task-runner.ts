// The tasks of all modules, run by the scheduler on whatever version runs now. Names in the store are `module.task`.
//
// A task of a version on probation, or of one that uses such a version, gets one retry more than it declares, at once: when it throws, the version on
// probation is condemned and the tasks wait until the old version is back, so the retry runs there and tells a bad version from a poison task.

import type { Store } from '@mofo/journal';
import {
  isWorkerAlive,
  openScheduler,
  type RunningTask,
  type TaskDefinition as ScheduledDefinition,
  type Scheduler,
  type SchedulerStatus,
} from '@mofo/scheduler';
import { monotonicMs } from '@mofo/shm-store';
import type { Takeover } from '@mofo/watchdog';
import { parseDurationMs } from '../define/duration.ts';
import type { TaskDefinition } from '../define/index.ts';
import { MofoError } from '../errors.ts';
import type { Application } from './application.ts';
import { labelOf } from './module-context.ts';
import type { RunningVersion } from './running-version.ts';

/** How tasks are run. */
export interface TaskRunnerOptions {
  /** Longest synchronous run of a task that does not say otherwise. */
  readonly hangAfterMs: number;
  /** Told once after a takeover: ms from the death of the former main to the first statement of the next task. */
  readonly onResumed: (resumedMs: number, task: string) => void;
}

/** Longest time in ms that `stop` waits for asynchronous tasks under way. */
const DRAIN_LIMIT_MS = 5_000;

/** Runs that are played at least; each holds the write lock for a fraction of a millisecond. */
const REHEARSAL_COUNT = 20;

/** Runs tasks in main; in the clone it only enqueues. */
export class TaskRunner {
  private readonly application: Application;
  private readonly options: TaskRunnerOptions;
  private readonly scheduler: Scheduler;
  private readonly definitions = new WeakMap<RunningVersion, Map<string, ScheduledDefinition>>();
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private deathAtMs: number | undefined;
  private deadPid: number | undefined;

  constructor(store: Store, application: Application, options: TaskRunnerOptions) {
    this.application = application;
    this.options = options;
    this.scheduler = openScheduler(store, {
      resolve: (name) => this.resolve(name),
      around: (task, run) => this.around(task, run),
      onSettled: (task, _outcome, error) => this.settled(task, error),
      // The system may still be clearing away the main whose death is known.
      isAlive: (worker) => worker.pid !== this.deadPid && isWorkerAlive(worker),
    });
  }

  /** Puts a task into the queue; joins the running transaction. */
  enqueue(
    module: string,
    task: string,
    payload: unknown,
    options: Readonly<Record<string, unknown>> | undefined,
  ): number {
    const declared = this.application.table.require(module).definition.tasks[task] as TaskDefinition | undefined;
    if (declared === undefined)
      throw new MofoError('TASK_MISSING', `Module "${module}" has no task "${task}". Nothing was enqueued.`);
    const { delay = declared.delay, priority = declared.priority, ...rest } = options ?? {};
    return this.scheduler.enqueue(nameOf(module, task), payload as never, {
      ...rest,
      ...defined('delay', delay),
      ...defined('priority', priority),
    });
  }

  /** Begins to run tasks: the next one at once, then what the dead main left running is put back, and so on. */
  start(takeover: Takeover): void {
    this.deathAtMs = takeover.deathAtMs;
    this.deadPid = takeover.deadPid;
    this.scheduler.runNext();
    // Schedules are this process's business from now on.
    this.loop = this.scheduler.run({ signal: this.stopping.signal });
    this.sync();
  }

  /** Plays runs of the tasks that the loaded versions have, without their handlers, for a process that stands by; nothing of it stays. */
  *rehearse(): IterableIterator<void> {
    const names = this.application.table
      .all()
      .flatMap((version) => Object.keys(version.definition.tasks).map((task) => nameOf(version.name.module, task)));
    for (let count = 0; count < Math.max(names.length, names.length > 0 ? REHEARSAL_COUNT : 0); count++) {
      this.scheduler.rehearse(names[count % names.length] as string);
      yield;
    }
  }

  /** Makes the store's schedules those of the versions that run now. */
  sync(): void {
    if (this.loop === undefined) return;
    const wanted = new Set<string>();
    for (const version of this.application.table.all()) {
      for (const [task, declared] of Object.entries(version.definition.tasks) as [string, TaskDefinition][]) {
        if (this.schedule(nameOf(version.name.module, task), declared)) wanted.add(nameOf(version.name.module, task));
      }
    }
    for (const { name } of this.scheduler.listSchedules()) {
      const module = name.slice(0, name.indexOf('.'));
      if (!wanted.has(name) && this.application.table.get(module) !== undefined) this.scheduler.unschedule(name);
    }
  }

  /** Numbers for `mofo status`. */
  get status(): SchedulerStatus {
    return this.scheduler.status;
  }

  /** Starts no more tasks and waits for those under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.race([this.loop, new Promise((resolve) => setTimeout(resolve, DRAIN_LIMIT_MS).unref())]);
    this.scheduler.close();
  }

  private schedule(name: string, declared: TaskDefinition): boolean {
    const { every, cron, timeZone, priority, at } = declared;
    const common = defined('priority', priority);
    if (every !== undefined) this.scheduler.schedule(name, { every, ...common });
    else if (cron !== undefined) this.scheduler.schedule(name, { cron, ...defined('timeZone', timeZone), ...common });
    else if (at !== undefined) this.enqueueAt(name, at, common);
    return every !== undefined || cron !== undefined;
  }

  /** A time that has passed is not made up for: whether it ran before cannot be told from a module that is new. */
  private enqueueAt(name: string, at: Date | number | string, common: object): void {
    const time = new Date(at).getTime();
    if (time > Date.now())
      this.scheduler.enqueue(name, undefined as never, {
        delay: time - Date.now(),
        dedupeKey: `at ${time}`,
        ...common,
      });
  }

  /** The handler of whatever version runs now; undefined parks the task until there is one. */
  private resolve(name: string): ScheduledDefinition | undefined {
    const dot = name.indexOf('.');
    const version = this.application.table.get(name.slice(0, dot));
    const task = name.slice(dot + 1);
    const declared = version?.definition.tasks[task] as TaskDefinition | undefined;
    if (version === undefined || declared === undefined || this.application.isCondemned(version)) return undefined;
    const key = this.application.isTried(version) ? `probation ${task}` : task;
    let known = this.definitions.get(version);
    if (known === undefined) {
      known = new Map();
      this.definitions.set(version, known);
    }
    let definition = known.get(key);
    if (definition === undefined) {
      definition = this.define(version, declared, key !== task);
      known.set(key, definition);
    }
    return definition;
  }

  private define(version: RunningVersion, declared: TaskDefinition, isTried: boolean): ScheduledDefinition {
    const run = declared.run as (ctx: unknown, payload: unknown) => unknown;
    const isAsync = run.constructor.name === 'AsyncFunction';
    const retries = declared.retries ?? 0;
    return {
      async: isAsync,
      handler: (payload: unknown, task: { signal: AbortSignal; complete<R>(effect: () => R): R }) => {
        const context = Object.create(version.context as object, {
          signal: { get: () => task.signal },
          complete: { value: (effect: () => unknown) => task.complete(effect) },
        });
        return run.call(declared, context, payload);
      },
      version: version.title,
      retries: isTried ? retries + 1 : retries,
      ...(isTried ? { backoff: 'fixed', backoffDelay: 0 } : defined('backoff', declared.backoff)),
      hangAfter: parseDurationMs(declared.hangAfter) ?? this.options.hangAfterMs,
    } as ScheduledDefinition;
  }

  private around(task: RunningTask, run: () => unknown): unknown {
    if (this.deathAtMs !== undefined) {
      const resumedMs = monotonicMs() - this.deathAtMs;
      this.deathAtMs = undefined;
      // The task goes first.
      setImmediate(() => this.options.onResumed(resumedMs, task.name));
    }
    const version = this.application.table.require(task.name.slice(0, task.name.indexOf('.')));
    const label = labelOf(this.application.services, version, `task ${task.name.slice(task.name.indexOf('.') + 1)}`);
    const limit = task.isAsync || task.hangAfterMs === undefined ? {} : { hangAfterMs: task.hangAfterMs };
    version.enter();
    try {
      const result = this.application.services.guard.run(label, run, { taskId: task.id, ...limit });
      if (task.isAsync) void Promise.resolve(result).finally(() => version.exit());
      return result;
    } finally {
      if (!task.isAsync) version.exit();
    }
  }

  private settled(task: RunningTask, error: unknown): void {
    const dot = task.name.indexOf('.');
    const version = this.application.table.get(task.name.slice(0, dot));
    // A version that was replaced while its task ran has been judged already.
    if (version?.title === task.version)
      this.application.noteRun(version, `task ${task.name.slice(dot + 1)} #${task.id}`, error);
  }
}

function nameOf(module: string, task: string): string {
  return `${module}.${task}`;
}

function defined<K extends string>(key: K, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [key]: value };
}
