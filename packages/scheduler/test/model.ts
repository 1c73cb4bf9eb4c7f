// The scheduler as a plain list of tasks: no indexes, every question answered by a scan. The real one must agree with it after every step.

/** A task of the model. */
export interface ModelTask {
  readonly id: number;
  readonly name: string;
  readonly priority: number;
  readonly deadlineAt: number;
  readonly dedupeKey: string;
  readonly concurrencyKey: string;
  /** Its handler throws, if it is synchronous. */
  readonly fails: boolean;
  state: 'ready' | 'delayed' | 'parked' | 'blocked' | 'running' | 'dead';
  sequence: number;
  dueAt: number;
  attempt: number;
  failures: number;
  crashes: number;
  isCancelled: boolean;
  /** Who runs it. */
  worker: number;
  /** Holds its dedupe key. */
  holdsDedupe: boolean;
}

/** What the model is told about a new task. */
export interface ModelEnqueue {
  readonly name: string;
  readonly priority: number;
  readonly delayMs: number;
  readonly deadlineMs: number;
  readonly dedupeKey: string;
  readonly concurrencyKey: string;
  readonly fails: boolean;
}

export const RETRIES = 1;
export const BACKOFF_MS = 10;

export class Model {
  tasks: ModelTask[] = [];
  now = 1000;
  isPaused = false;
  readonly paused = new Set<string>();
  completed = 0;
  private lastId = 0;

  enqueue(spec: ModelEnqueue): number {
    const { name, dedupeKey } = spec;
    const waiting = this.tasks.find(
      (task) => dedupeKey !== '' && task.name === name && task.dedupeKey === dedupeKey && task.holdsDedupe,
    );
    if (waiting !== undefined) return waiting.id;
    const isDelayed = spec.delayMs > 0;
    this.lastId += 1;
    this.tasks.push({
      id: this.lastId,
      name,
      priority: spec.priority,
      deadlineAt: spec.deadlineMs === 0 ? 0 : this.now + spec.deadlineMs,
      dedupeKey,
      concurrencyKey: spec.concurrencyKey,
      fails: spec.fails,
      state: isDelayed ? 'delayed' : 'ready',
      sequence: isDelayed ? 0 : this.lastId,
      dueAt: isDelayed ? this.now + spec.delayMs : 0,
      attempt: 0,
      failures: 0,
      crashes: 0,
      isCancelled: false,
      worker: 0,
      holdsDedupe: dedupeKey !== '',
    });
    return this.lastId;
  }

  /** Starts the next task for a worker that has handlers for all names but `unknown`. */
  start(worker: number, unknown: string): ModelTask | undefined {
    if (this.isPaused) return undefined;
    const due = this.tasks.filter((task) => task.state === 'delayed' && task.dueAt <= this.now);
    for (const task of due.sort((a, b) => a.dueAt - b.dueAt || a.id - b.id)) this.makeReady(task);
    for (;;) {
      const cannot = (task: ModelTask): boolean => this.paused.has(task.name) || task.name === unknown;
      const [task] = this.tasks
        .filter((candidate) => candidate.state === 'ready' || (candidate.state === 'parked' && !cannot(candidate)))
        .sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
      if (task === undefined) return undefined;
      if (cannot(task)) {
        task.state = 'parked';
        this.releaseBlocked(task);
      } else if (task.deadlineAt !== 0 && this.now > task.deadlineAt) this.bury(task);
      else if (task.concurrencyKey !== '' && this.running(task) >= 1) task.state = 'blocked';
      else {
        task.state = 'running';
        task.attempt += 1;
        task.worker = worker;
        task.holdsDedupe = false;
        return task;
      }
    }
  }

  complete(task: ModelTask): void {
    this.completed += 1;
    this.leave(task, () => this.delete(task));
  }

  fail(task: ModelTask): void {
    task.failures += 1;
    if (task.isCancelled) this.leave(task, () => this.delete(task));
    else if (task.failures > RETRIES) this.bury(task);
    else if (task.deadlineAt !== 0 && this.now + BACKOFF_MS > task.deadlineAt) this.bury(task);
    else {
      this.leave(task, () => {
        task.state = 'delayed';
        task.dueAt = this.now + BACKOFF_MS;
      });
      this.reclaim(task);
    }
  }

  crash(worker: number): void {
    for (const task of this.tasks.filter(({ state, worker: owner }) => state === 'running' && owner === worker)) {
      task.crashes += 1;
      if (task.isCancelled) this.leave(task, () => this.delete(task));
      else if (task.crashes >= 2) this.bury(task);
      else {
        this.leave(task, () => this.makeReady(task));
        this.reclaim(task);
      }
    }
  }

  cancel(id: number): string {
    const task = this.tasks.find((candidate) => candidate.id === id);
    if (task === undefined || task.state === 'dead') return 'unknown';
    if (task.state === 'running') {
      task.isCancelled = true;
      return 'stopping';
    }
    this.leave(task, () => this.delete(task));
    return 'cancelled';
  }

  redrive(id: number): boolean {
    const task = this.tasks.find((candidate) => candidate.id === id && candidate.state === 'dead');
    if (task === undefined) return false;
    Object.assign(task, { failures: 0, crashes: 0, attempt: 0, deadlineAt: 0 });
    this.makeReady(task);
    this.reclaim(task);
    return true;
  }

  private bury(task: ModelTask): void {
    this.leave(task, () => {
      task.state = 'dead';
      task.holdsDedupe = false;
    });
  }

  private leave(task: ModelTask, change: () => void): void {
    const frees = task.state === 'running' || task.state === 'ready';
    change();
    if (frees) this.releaseBlocked(task);
  }

  private delete(task: ModelTask): void {
    this.tasks = this.tasks.filter((other) => other !== task);
  }

  private makeReady(task: ModelTask): void {
    task.state = 'ready';
    task.sequence = this.nextSequence();
  }

  private reclaim(task: ModelTask): void {
    if (task.dedupeKey === '') return;
    const other = this.tasks.some(
      ({ name, dedupeKey, holdsDedupe }) => name === task.name && dedupeKey === task.dedupeKey && holdsDedupe,
    );
    if (!other) task.holdsDedupe = true;
  }

  private running(task: ModelTask): number {
    return this.tasks.filter(
      ({ state, name, concurrencyKey }) =>
        state === 'running' && name === task.name && concurrencyKey === task.concurrencyKey,
    ).length;
  }

  private releaseBlocked(task: ModelTask): void {
    const [next] = this.tasks
      .filter(
        ({ state, name, concurrencyKey }) =>
          state === 'blocked' && name === task.name && concurrencyKey === task.concurrencyKey,
      )
      .sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
    if (next !== undefined) next.state = 'ready';
  }

  private nextSequence(): number {
    this.lastId += 1;
    return this.lastId;
  }
}
