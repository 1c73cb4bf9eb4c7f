// The real scheduler and a plain list, driven by the same random commands: enqueue, time, start, completion, failure, death, cancel, pause, redrive. After
// each command they agree on every task, and the stored trees keep their invariants. A failing run prints its seed; run it again with
// FAST_CHECK_SEED=<seed>.

import { counter } from '@mofo/journal';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Outcome, openScheduler, type Scheduler } from '../src/index.ts';
import { checkInvariants } from './check-invariants.ts';
import { BACKOFF_MS, Model, type ModelEnqueue, type ModelTask, RETRIES } from './model.ts';
import { privateStore } from './private-store.ts';

type Command =
  | {
      readonly kind: 'enqueue';
      readonly spec: ModelEnqueue & { readonly isPlain: boolean };
      readonly isRolledBack: boolean;
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'start'; readonly worker: number }
  | { readonly kind: 'batch'; readonly worker: number; readonly count: number }
  | { readonly kind: 'end'; readonly pick: number; readonly how: 'complete' | 'throw' | 'effect-then-throw' }
  | { readonly kind: 'die'; readonly worker: number }
  | { readonly kind: 'cancel'; readonly pick: number }
  | { readonly kind: 'redrive'; readonly pick: number }
  | { readonly kind: 'pause' | 'resume'; readonly name: string | undefined };

/** `c` has no handler in worker 1; `d` is synchronous. */
const names = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom('', '', 'k');
const spec = fc.record({
  name: fc.constantFrom('a', 'a', 'a', 'b', 'c', 'd', 'd', 'd'),
  isPlain: fc.boolean(),
  fails: fc.constantFrom(false, false, true),
  priority: fc.constantFrom(0, 0, 1, -1),
  delayMs: fc.constantFrom(0, 0, 0, 5, 20),
  deadlineMs: fc.constantFrom(0, 0, 0, 15),
  dedupeKey: key,
  concurrencyKey: fc.constantFrom('', 'k', 'k'),
});
const pick = fc.nat(12);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('enqueue' as const),
      spec,
      isRolledBack: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 5, 10, 30) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('start' as const), worker: fc.constantFrom(0, 1) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      worker: fc.constantFrom(0, 1),
      count: fc.constantFrom(1, 2, 5),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      pick,
      how: fc.constantFrom('complete' as const, 'throw' as const, 'effect-then-throw' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('die' as const), worker: fc.constantFrom(0, 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'redrive' as const), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'resume' as const),
      name: fc.constantFrom('a', 'b', 'c', 'd', undefined),
    }),
  },
);

/** The same task with nothing but a priority. */
function plain(all: ModelEnqueue): ModelEnqueue {
  return { ...all, delayMs: 0, deadlineMs: 0, dedupeKey: '', concurrencyKey: '' };
}

/** A run in flight in the real scheduler: what its handler waits for. */
interface InFlight {
  readonly id: number;
  readonly worker: number;
  readonly task: ModelTask;
  readonly end: (how: 'complete' | 'throw' | 'effect-then-throw') => void;
  readonly finished: Promise<Outcome>;
}

/** Real scheduler and model side by side. Worker 1 has no handler for `c`. */
class Pair {
  readonly model = new Model();
  readonly store = privateStore(1024 * 1024);
  readonly effects = this.store.addRoots({ effects: counter() }).effects;
  readonly inFlight: InFlight[] = [];
  private readonly zombies: InFlight[] = [];
  private readonly pids = [1, 2];
  private readonly workers: Scheduler[];
  /** Ends of the runs that have begun and are not in `inFlight` yet. */
  private readonly ends: InFlight['end'][] = [];

  constructor() {
    this.workers = [this.open(0), this.open(1)];
  }

  async apply(step: Command): Promise<void> {
    const { model, workers } = this;
    const [first] = workers as [Scheduler];
    if (step.kind === 'enqueue') this.enqueue(step.spec.isPlain ? plain(step.spec) : step.spec, step.isRolledBack);
    else if (step.kind === 'pass') model.now += step.ms;
    else if (step.kind === 'start') this.start(step.worker);
    else if (step.kind === 'batch') this.runBatch(step.worker, step.count);
    else if (step.kind === 'end') await this.finish(step.pick, step.how);
    else if (step.kind === 'die') await this.die(step.worker);
    else if (step.kind === 'cancel') expect(first.cancel(step.pick)).toBe(model.cancel(step.pick));
    else if (step.kind === 'redrive') expect(first.deadLetters.redrive(step.pick)).toBe(model.redrive(step.pick));
    else if (step.kind === 'pause' || step.kind === 'resume') this.pause(step.kind === 'pause', step.name);
  }

  /** Throws where real and model differ. */
  compare(): void {
    const { model, workers } = this;
    const real = (workers[0] as Scheduler).list(undefined, { limit: 1000 });
    const view = ({ id, state, attempt, failures, crashes }: ModelTask | (typeof real)[number]): unknown[] => [
      id,
      state,
      attempt,
      failures,
      crashes,
    ];
    expect(real.map(view)).toEqual(model.tasks.map(view));
    const ready = model.tasks
      .filter(({ state }) => state === 'ready')
      .sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
    expect((workers[0] as Scheduler).list('ready', { limit: 1000 }).map(({ id }) => id)).toEqual(
      ready.map(({ id }) => id),
    );
    expect((workers[0] as Scheduler).status.completed).toBe(model.completed);
    expect(this.effects.value).toBe(model.completed);
    checkInvariants(this.store);
  }

  /** Ends everything; nothing that was given away may complete. */
  async finishAll(): Promise<void> {
    for (const zombie of this.zombies) {
      zombie.end('complete');
      expect(await zombie.finished).toBe('lost');
    }
    while (this.inFlight.length > 0) await this.finish(0, 'complete');
    this.compare();
  }

  private enqueue(spec: ModelEnqueue, isRolledBack: boolean): void {
    const [scheduler] = this.workers as [Scheduler];
    const { name, priority, delayMs, deadlineMs, dedupeKey, concurrencyKey } = spec;
    const options = {
      priority,
      delay: delayMs,
      ...(deadlineMs > 0 && { deadline: deadlineMs }),
      ...(dedupeKey !== '' && { dedupeKey }),
      ...(concurrencyKey !== '' && { concurrencyKey }),
    };
    if (!isRolledBack) {
      expect(scheduler.enqueue(name, spec, options)).toBe(this.model.enqueue(spec));
      return;
    }
    const attempt = (): void =>
      this.store.transaction(() => {
        scheduler.enqueue(name, spec, options);
        throw new Error('rolled back');
      });
    expect(attempt).toThrow('rolled back');
  }

  private start(worker: number): void {
    const started = this.model.start(this.pids[worker] as number, worker === 1 ? 'c' : '');
    const run = (this.workers[worker] as Scheduler).runNext();
    expect(run.task?.id).toBe(started?.id);
    if (started !== undefined) this.began(worker, started, run.finished);
  }

  /** Several at once: plain tasks of `d` are claimed ahead. */
  private runBatch(worker: number, count: number): void {
    const runs = (this.workers[worker] as Scheduler).runBatch(count);
    for (let n = 0; n < count; n++) {
      const started = this.model.start(this.pids[worker] as number, worker === 1 ? 'c' : '');
      expect(runs[n]?.task.id).toBe(started?.id);
      if (started === undefined) break;
      this.began(worker, started, runs[n]?.finished);
    }
  }

  private began(worker: number, task: ModelTask, finished: Promise<Outcome> | undefined): void {
    if (finished !== undefined) {
      this.inFlight.push({ id: task.id, worker, task, end: this.ends.shift() as InFlight['end'], finished });
    } else if (task.fails) this.model.fail(task);
    else this.model.complete(task);
  }

  private async finish(index: number, how: 'complete' | 'throw' | 'effect-then-throw'): Promise<void> {
    if (this.inFlight.length === 0) return;
    const [run] = this.inFlight.splice(index % this.inFlight.length, 1) as [InFlight];
    if (how === 'complete') this.model.complete(run.task);
    else this.model.fail(run.task);
    run.end(how);
    await run.finished;
  }

  /** The process of a worker is no more, as far as the others know; its runs go on as zombies. */
  private async die(worker: number): Promise<void> {
    const pid = this.pids[worker] as number;
    for (const run of this.inFlight.filter((candidate) => candidate.worker === worker)) {
      this.inFlight.splice(this.inFlight.indexOf(run), 1);
      this.zombies.push(run);
    }
    this.model.crash(pid);
    this.pids[worker] = pid + 2;
    this.workers[worker] = this.open(worker);
    (this.workers[worker] as Scheduler).recover({ isAlive: (candidate) => candidate.pid !== pid });
  }

  private pause(isPause: boolean, name: string | undefined): void {
    const [scheduler] = this.workers as [Scheduler];
    if (isPause) scheduler.pause(name);
    else scheduler.resume(name);
    if (name === undefined) this.model.isPaused = isPause;
    else if (isPause) this.model.paused.add(name);
    else this.model.paused.delete(name);
  }

  private open(worker: number): Scheduler {
    const handler = async (_: unknown, context: { complete(effect: () => void): void }): Promise<void> => {
      const how = await new Promise<'complete' | 'throw' | 'effect-then-throw'>((resolve) => {
        this.ends.push(resolve);
      });
      if (how === 'throw') throw new Error('thrown');
      context.complete(() => {
        this.effects.add(1);
        if (how === 'effect-then-throw') throw new Error('thrown after the effect');
      });
    };
    const synchronous = ({ fails }: ModelEnqueue): void => {
      this.effects.add(1);
      if (fails) throw new Error('thrown after the effect');
    };
    const options = { retries: RETRIES, backoff: 'fixed', backoffDelay: BACKOFF_MS, jitter: 0 } as const;
    return openScheduler(this.store, {
      tasks: Object.fromEntries(
        names
          .filter((name) => worker === 0 || name !== 'c')
          .map((name) => [name, { handler: name === 'd' ? synchronous : handler, ...options }]),
      ),
      clock: () => this.model.now,
      worker: { pid: this.pids[worker] as number, startTime: 1, slot: 0, instance: 0 },
      isAlive: () => true,
    }) as unknown as Scheduler;
  }
}

const seed = process.env['FAST_CHECK_SEED'];

test('real scheduler and model agree after every command', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 80, size: 'max' }), async (commands) => {
      const pair = new Pair();
      for (const step of commands) {
        await pair.apply(step);
        pair.compare();
      }
      await pair.finishAll();
    }),
    { numRuns: Number(process.env['FAST_CHECK_RUNS'] ?? 80), ...(seed !== undefined && { seed: Number(seed) }) },
  );
}, 120_000);
