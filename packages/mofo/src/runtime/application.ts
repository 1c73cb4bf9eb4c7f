// The application in one process: loads versions, swaps them, judges those on probation, and answers requests. The same object serves in main and
// waits in the clone; what differs is only whether it has the role.

import type { Store } from '@mofo/journal';
import type { Registry, Version } from '@mofo/versions';
import type { Config } from '../config/config.ts';
import { MofoError } from '../errors.ts';
import { isRefusal } from '../http/error-response.ts';
import { describe } from './describe-error.ts';
import type { RuntimeEvent } from './messages.ts';
import { type ContextServices, type Enqueue, labelOf } from './module-context.ts';
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

/** A version that is loaded and not yet in place. */
interface Loaded {
  readonly version: Version;
  readonly running: RunningVersion;
  readonly startedAt: number;
}

/** Runs the modules of one application in this process. */
export class Application {
  readonly table: ModuleTable = new ModuleTable();
  readonly services: ContextServices;
  private readonly parts: ApplicationParts;
  private readonly probations = new Map<RunningVersion, Probation>();
  private readonly condemned = new WeakSet<RunningVersion>();
  private readonly asked = new WeakSet<RunningVersion>();
  /** Where errors began that went from a version on probation to its callers. */
  private readonly origins = new WeakMap<object, RunningVersion>();
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
      onCall: (version, error) => this.noteCall(version, error),
    };
  }

  /**
   * Loads for each known module the best version that loads: the most recent stable one, otherwise what has not failed. A version that is not stable costs a try
   * (when `spendTries`; the clone loads what main is already trying). One that throws becomes unstable and the next is taken.
   */
  async loadAll(options: { readonly spendTries: boolean }): Promise<void> {
    const { registry } = this.parts;
    const loaded: Loaded[] = [];
    for (const module of registry.modules()) {
      for (const version of this.usable(module)) {
        const one = this.tryToLoad(version, options.spendTries);
        if (one === undefined) continue;
        loaded.push(one);
        break;
      }
    }
    // `start` may call the modules that it uses, so those come first.
    for (const one of inOrderOfUse(loaded)) {
      if ((await this.tryToInstall(one, options.spendTries)) === undefined)
        await this.loadBest(one.version.module, options.spendTries);
    }
  }

  /** Loads the best version of a module in place of what runs; leaves the module without one when there is none. */
  async loadBest(module: string, spendTries: boolean): Promise<RunningVersion | undefined> {
    for (const version of this.usable(module)) {
      const loaded = this.tryToLoad(version, spendTries);
      const running = loaded === undefined ? undefined : await this.tryToInstall(loaded, spendTries);
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
    try {
      return await this.install(this.load(version, spendTry), spendTry);
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
  async invoke(
    module: string,
    routeKey: string,
    parameters: readonly unknown[],
    hangAfterMs: number,
  ): Promise<unknown> {
    const version = this.table.require(module);
    const route = version.definition.http[routeKey];
    if (route === undefined)
      throw new MofoError('ROUTE_NOT_FOUND', `${version.title} has no route "${routeKey}" any more.`);
    const handler = (typeof route === 'function' ? route : route.node) as (...all: readonly unknown[]) => unknown;
    version.enter();
    try {
      const label = labelOf(this.services, version, `route ${routeKey}`);
      const answer = await this.services.guard.run(label, () => handler.call(route, version.context, ...parameters), {
        hangAfterMs,
      });
      this.noteRun(version, `route ${routeKey}`, undefined);
      return answer;
    } catch (error) {
      this.noteRun(version, `route ${routeKey}`, error);
      throw error;
    } finally {
      version.exit();
    }
  }

  /** Notes how a run of a version ended, for its probation, or for that of the version that it called and where the error began. */
  noteRun(ran: RunningVersion, what: string, error: unknown): void {
    const isFailure = error !== undefined && !isRefusal(error);
    const version = (isFailure ? this.origins.get(error as object) : undefined) ?? ran;
    const probation = this.probations.get(version);
    if (probation === undefined) return;
    if (!isFailure) probation.succeeded();
    else if (what.startsWith('task ')) probation.taskFailed(`${describe(error)} in ${what}`);
    else probation.handlerFailed(`${describe(error)} in ${what}`);
    const verdict = probation.verdict(performance.now());
    if (verdict === 'failed') this.condemned.add(version);
    if (verdict !== 'pending') queueMicrotask(() => void this.judge(version));
  }

  /** True of a version that has failed and is about to be reverted, or that uses one: nothing more is begun on it. */
  isCondemned(version: RunningVersion): boolean {
    return this.withUsed(version).some((one) => this.condemned.has(one));
  }

  /** True while a version is on probation, or one that it uses: a failure of its tasks may be the fault of what is new. */
  isTried(version: RunningVersion): boolean {
    return this.probations.size > 0 && this.withUsed(version).some((one) => this.probations.has(one));
  }

  /**
   * Which version an error that nobody caught is blamed on: the first module that its stack names, if that version is on probation; when it names none, the only one
   * on probation. Undefined: a stable version's, or several are possible.
   */
  suspectOf(error: unknown): RunningVersion | undefined {
    const stack = error instanceof Error ? String(error.stack) : '';
    const named = this.table
      .all()
      .map((version) => ({ version, at: stack.indexOf(`${version.sourceFile}:`) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at)[0]?.version;
    if (named !== undefined) return this.probations.has(named) ? named : undefined;
    return this.probations.size === 1 ? [...this.probations.keys()][0] : undefined;
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
    this.parts.emit({
      at: Date.now(),
      kind: 'unstable',
      module: version.module,
      version: version.id,
      message: reason,
      data: { hash: version.hash },
    });
  }

  /** A call from another module has ended. Of one that threw the caller tells what became of it. */
  private noteCall(version: RunningVersion, error: unknown): void {
    if (error === undefined) this.noteRun(version, 'export', undefined);
    else if (this.probations.has(version) && typeof error === 'object' && error !== null && !this.origins.has(error))
      this.origins.set(error, version);
  }

  /** The version and all that it uses, directly or through others. */
  private withUsed(version: RunningVersion): RunningVersion[] {
    const found = new Set([version]);
    for (const one of found) {
      for (const [key, use] of Object.entries(one.definition.uses)) {
        const used = this.table.get(use.module ?? key);
        if (used !== undefined) found.add(used);
      }
    }
    return [...found];
  }

  /** Versions of a module that may be loaded, best first. */
  private usable(module: string): Version[] {
    return candidates(this.parts.registry, module).filter((version) => !this.parts.isQuarantined(module, version.hash));
  }

  private load(version: Version, spendTry: boolean): Loaded {
    const startedAt = performance.now();
    const current = version.state !== 'stable' && spendTry ? this.beginTry(version) : version;
    const running = loadVersion(this.parts.registry, current, this.parts.appDirectory, this.services);
    return { version: current, running, startedAt };
  }

  /** Starts a loaded version and puts it in place of the one that runs. */
  private async install({ version, running, startedAt }: Loaded, isMain: boolean): Promise<RunningVersion> {
    await this.start(running);
    const swapAt = performance.now();
    const previous = this.table.replace(running);
    if (version.state !== 'stable') this.beginProbation(running);
    this.parts.onSwap();
    const swapMs = performance.now() - swapAt;
    if (previous !== undefined) this.replaced(previous, version, isMain);
    this.parts.emit({
      at: Date.now(),
      kind: 'update',
      module: version.module,
      version: version.id,
      message: `loaded in ${(swapAt - startedAt).toFixed(1)} ms, swapped in ${swapMs.toFixed(2)} ms${isMain ? '' : ' (clone)'}`,
      data: { hash: version.hash, loadMs: swapAt - startedAt, swapMs, state: version.state, isMain },
    });
    return running;
  }

  private tryToLoad(version: Version, spendTry: boolean): Loaded | undefined {
    try {
      return this.load(version, spendTry);
    } catch (error) {
      this.refuse(version, error);
      return undefined;
    }
  }

  private async tryToInstall(loaded: Loaded, isMain: boolean): Promise<RunningVersion | undefined> {
    try {
      return await this.install(loaded, isMain);
    } catch (error) {
      this.refuse(loaded.version, error);
      return undefined;
    }
  }

  private refuse(version: Version, error: unknown): void {
    this.quarantine(version, `failed to load: ${describe(error)}`);
  }

  private replaced(previous: RunningVersion, by: Version, isMain: boolean): void {
    // Replaced before it had earned anything: never a revert target, unless it had been stable before.
    if (isMain && this.probations.has(previous) && previous.name.hash !== by.hash) {
      this.parts.registry.markSuperseded(previous.name, { reason: `replaced by ${by.id} while on probation` });
    }
    this.drop(previous);
  }

  /** Spends a try, durably, before the version is loaded; one that was stable before begins its probation anew. */
  private beginTry(version: Version): Version {
    const { registry } = this.parts;
    const begun =
      version.state === 'checked' || version.state === 'probation' ? version : registry.markProbation(version);
    const spent = registry.spendTry(begun);
    return spent.state === 'probation' ? spent : registry.markProbation(spent);
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
    if (!this.parts.mayJudge()) return;
    for (const version of this.probations.keys()) void this.checkHealth(version).then(() => this.judge(version));
  }

  /** Asks a version on probation whether it is well; no, and a throw, fail it. One that does not answer is not asked again. */
  private async checkHealth(version: RunningVersion): Promise<void> {
    const { health } = version.definition;
    const probation = this.probations.get(version);
    if (health === undefined || probation === undefined || this.asked.has(version)) return;
    this.asked.add(version);
    try {
      const label = labelOf(this.services, version, 'health');
      const isWell = await this.services.guard.run(label, () =>
        health.call(version.definition, version.context as never),
      );
      if (!isWell) probation.taskFailed('its health check says no');
    } catch (error) {
      probation.taskFailed(`${describe(error)} in its health check`);
    }
    this.asked.delete(version);
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
      if (stop !== undefined)
        await Promise.race([stop.call(version.definition, version.context as never, limit), over]);
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

/** Modules before those that use them; where they use each other, as they came. */
function inOrderOfUse(loaded: readonly Loaded[]): Loaded[] {
  const ordered = new Set<Loaded>();
  const visiting = new Set<Loaded>();
  const visit = (one: Loaded): void => {
    if (ordered.has(one) || visiting.has(one)) return;
    visiting.add(one);
    for (const [key, use] of Object.entries(one.running.definition.uses)) {
      const used = loaded.find(({ version }) => version.module === (use.module ?? key));
      if (used !== undefined) visit(used);
    }
    ordered.add(one);
  };
  for (const one of loaded) visit(one);
  return [...ordered];
}

/** Longest time in ms that a replaced version's `stop` hook may take. */
export const STOP_LIMIT_MS = 5_000;
