// The application in one process: loads versions, swaps them, judges those on probation, and answers requests. The same object serves in main and
// waits in the clone; what differs is only whether it has the role.

import type { Store } from '@mofo/journal';
import type { Registry, Version } from '@mofo/versions';
import type { Config } from '../config/config.ts';
import { ModuleFailure } from '../define/index.ts';
import { MofoError } from '../errors.ts';
import type { RuntimeEvent } from './messages.ts';
import { callExport, type ContextServices, type Enqueue, labelOf } from './module-context.ts';
import { ModuleTable } from './module-table.ts';
import { Probation } from './probation.ts';
import type { RunGuard } from './run-guard.ts';
import type { RunningVersion } from './running-version.ts';
import { candidates, loadVersion } from './version-loader.ts';

/** What an application is made of. */
export interface ApplicationParts {
  readonly config: Config;
  readonly appDirectory: string;
  readonly store: Store;
  readonly registry: Registry;
  readonly guard: RunGuard;
  readonly enqueue: Enqueue;
  readonly log: ContextServices['log'];
  readonly emit: (event: RuntimeEvent) => void;
  /** A version has become stable. */
  readonly onStable: (version: RunningVersion) => void;
  /** The set of running versions has changed. */
  readonly onSwap: () => void;
  /** Versions quarantined in the store (R21): never loaded, whatever the registry says yet. */
  readonly isQuarantined: (module: string, hash: string) => boolean;
  /** True in main: only it judges versions on probation. */
  readonly mayJudge: () => boolean;
}

/** Runs the modules of one application in this process. */
export class Application {
  readonly table: ModuleTable = new ModuleTable();
  readonly services: ContextServices;
  private readonly parts: ApplicationParts;
  private readonly probations = new Map<RunningVersion, Probation>();
  private judging: NodeJS.Timeout | undefined;

  constructor(parts: ApplicationParts) {
    this.parts = parts;
    this.services = {
      store: parts.store,
      table: this.table,
      guard: parts.guard,
      enqueue: parts.enqueue,
      log: parts.log,
      now: () => Date.now(),
      onCall: (version, error) => this.noteRun(version, 'export', error),
    };
  }

  /**
   * Loads for each known module the best version that loads: the most recent stable one, otherwise what has not failed. A version that is not stable costs a try
   * (when `spendTries`; the clone loads what main is already trying). One that throws becomes unstable and the next is taken.
   */
  async loadAll(options: { readonly spendTries: boolean }): Promise<void> {
    for (const module of this.parts.registry.modules()) await this.loadBest(module, options.spendTries);
  }

  /** Loads the best version of a module in place of what runs; leaves the module without one when there is none. */
  async loadBest(module: string, spendTries: boolean): Promise<RunningVersion | undefined> {
    for (const version of candidates(this.parts.registry, module)) {
      if (this.parts.isQuarantined(module, version.hash)) continue;
      const running = await this.tryLoad(version, spendTries);
      if (running !== undefined) return running;
    }
    const previous = this.table.remove(module);
    if (previous !== undefined) this.drop(previous);
    this.parts.onSwap();
    return undefined;
  }

  /**
   * Puts a version in place of the one that runs. The swap itself is one assignment; calls under way end on the old version.
   *
   * @throws what loading threw; then the version is unstable and the old one goes on.
   */
  async update(version: Version, spendTry: boolean): Promise<RunningVersion> {
    const { registry, emit } = this.parts;
    let current = version;
    const startedAt = performance.now();
    try {
      if (version.state !== 'stable') {
        current = spendTry ? registry.spendTry(version) : version;
        if (current.state !== 'probation' && spendTry) current = registry.markProbation(current);
      }
      const running = loadVersion(registry, current, this.parts.appDirectory, this.services);
      await this.start(running);
      const swapAt = performance.now();
      const previous = this.table.replace(running);
      if (current.state !== 'stable') this.beginProbation(running);
      this.parts.onSwap();
      const swapMs = performance.now() - swapAt;
      if (previous !== undefined) {
        // Replaced before it had earned anything: never a revert target, unless it had been stable before.
        if (spendTry && this.probations.has(previous)) registry.markSuperseded(previous.name, { reason: `replaced by ${version.id} on probation` });
        this.drop(previous);
      }
      emit({
        at: Date.now(),
        kind: 'update',
        module: version.module,
        version: version.id,
        message: `loaded in ${(swapAt - startedAt).toFixed(1)} ms, swapped in ${swapMs.toFixed(2)} ms`,
        data: { hash: version.hash, loadMs: swapAt - startedAt, swapMs, state: current.state },
      });
      return running;
    } catch (error) {
      this.quarantine(version, `failed to load: ${describe(error)}`);
      throw error;
    }
  }

  /** Goes back to the most recent stable version of a module, or to none. */
  async revert(module: string): Promise<RunningVersion | undefined> {
    return this.loadBest(module, true);
  }

  /** Answers a request with a handler of whatever version runs now. */
  async invoke(module: string, routeKey: string, parameters: readonly unknown[], hangAfterMs: number): Promise<unknown> {
    const version = this.table.require(module);
    const route = version.definition.http[routeKey];
    if (route === undefined) throw new MofoError('ROUTE_NOT_FOUND', `${version.title} has no route "${routeKey}" any more.`);
    const handler = (typeof route === 'function' ? route : route.node) as (...all: readonly unknown[]) => unknown;
    version.enter();
    try {
      const label = labelOf(this.services, version, `route ${routeKey}`);
      const answer = await this.services.guard.run(label, () => handler.call(route, version.context, ...parameters), { hangAfterMs });
      this.noteRun(version, `route ${routeKey}`, undefined);
      return answer;
    } catch (error) {
      this.noteRun(version, `route ${routeKey}`, error);
      throw error;
    } finally {
      version.exit();
    }
  }

  /** Calls an export of a module. */
  call(module: string, name: string, parameters: readonly unknown[]): unknown {
    return callExport(this.services, module, name, parameters);
  }

  /** Notes how a run of a version ended, for its probation. */
  noteRun(version: RunningVersion, what: string, error: unknown): void {
    const probation = this.probations.get(version);
    if (probation === undefined) return;
    if (error === undefined || error instanceof ModuleFailure) probation.succeeded();
    else if (what.startsWith('task ')) probation.taskFailed(`${describe(error)} in ${what}`);
    else if (what.startsWith('route ')) probation.handlerFailed(`${describe(error)} in ${what}`);
    const verdict = probation.verdict(performance.now());
    if (verdict !== 'pending') queueMicrotask(() => void this.judge(version));
  }

  /** This process has become main: the versions on probation that it has loaded begin theirs now. */
  assumeRole(): void {
    for (const version of this.probations.keys()) this.beginProbation(version);
  }

  /** The module's version has been made stable from outside. */
  endProbation(module: string): void {
    const version = this.table.get(module);
    if (version !== undefined) this.probations.delete(version);
  }

  /** True while a version is on probation in this process. */
  isOnProbation(version: RunningVersion): boolean {
    return this.probations.has(version);
  }

  /** Stops every module and waits for what is under way, at most `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    clearInterval(this.judging);
    const limit = AbortSignal.timeout(limitMs);
    await Promise.all(this.table.all().map((version) => this.stopVersion(version, limit)));
  }

  /** Makes a version unstable: in the registry now; the caller has put it into the store if the process may die at once. */
  quarantine(version: { readonly module: string; readonly hash: string; readonly id: string }, reason: string): void {
    this.parts.registry.quarantine(version, reason);
    this.parts.emit({ at: Date.now(), kind: 'unstable', module: version.module, version: version.id, message: reason, data: { hash: version.hash } });
  }

  private async tryLoad(version: Version, spendTries: boolean): Promise<RunningVersion | undefined> {
    try {
      return await this.update(version, spendTries && version.state !== 'stable');
    } catch (error) {
      this.parts.emit({ at: Date.now(), kind: 'warning', module: version.module, version: version.id, message: `not loaded: ${describe(error)}` });
      return undefined;
    }
  }

  private async start(running: RunningVersion): Promise<void> {
    const { start } = running.definition;
    if (start === undefined) return;
    const label = labelOf(this.services, running, 'start');
    await this.services.guard.run(label, () => start.call(running.definition, running.context as never));
  }

  private beginProbation(running: RunningVersion): void {
    this.probations.set(running, new Probation(this.parts.config.probation, performance.now()));
    // Time alone can pass a version whose runs are already enough.
    this.judging ??= setInterval(() => this.judgeAll(), 250).unref();
  }

  private judgeAll(): void {
    for (const version of this.probations.keys()) void this.judge(version);
  }

  private async judge(version: RunningVersion): Promise<void> {
    const probation = this.probations.get(version);
    if (probation === undefined || !this.parts.mayJudge()) return;
    const verdict = probation.verdict(performance.now());
    if (verdict === 'pending') return;
    this.probations.delete(version);
    if (verdict === 'passed') {
      this.parts.registry.markStable(version.name, { reason: `${probation.successCount} runs without a failure` });
      this.parts.emit({
        at: Date.now(),
        kind: 'stable',
        module: version.name.module,
        version: version.name.id,
        message: `stable after ${probation.successCount} runs`,
        data: { hash: version.name.hash },
      });
      this.parts.onStable(version);
      return;
    }
    this.quarantine(version.name, probation.failureReason ?? 'failed on probation');
    if (this.table.get(version.name.module) === version) await this.revert(version.name.module);
  }

  private drop(version: RunningVersion): void {
    this.probations.delete(version);
    void version.drained().then(() => this.stopVersion(version, AbortSignal.timeout(STOP_LIMIT_MS)));
  }

  private async stopVersion(version: RunningVersion, limit: AbortSignal): Promise<void> {
    const { stop } = version.definition;
    const over = new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve(), { once: true }));
    try {
      if (stop !== undefined) await Promise.race([stop.call(version.definition, version.context as never, limit), over]);
    } catch (error) {
      this.parts.emit({
        at: Date.now(),
        kind: 'warning',
        module: version.name.module,
        version: version.name.id,
        message: `its stop hook threw: ${describe(error)}`,
      });
    }
    version.dropped.abort();
  }
}

/** Longest time in ms that a replaced version's `stop` hook may take. */
export const STOP_LIMIT_MS = 5_000;

/** One line about an error: what people see in the timeline. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && error.cause.message !== error.message ? ` (${error.cause.name}: ${error.cause.message})` : '';
  const [first] = error.message.split('\n');
  return `${error.name}: ${first}${cause}`;
}
