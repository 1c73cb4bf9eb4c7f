// The application in one process: loads versions, swaps them, and answers requests. The same object serves in main and
// waits in the clone; what differs is only whether it has the role.

import type { Store } from '@mofo/journal';
import { type Registry, type Version, VersionsError } from '@mofo/versions';
import type { Config } from '../config/config.ts';
import type { RequestCommit } from '../connections/index.ts';
import { MofoError } from '../errors.ts';
import { describe, describeFully } from './describe-error.ts';
import { Draining } from './draining.ts';
import { HealthWatch } from './health.ts';
import { Hooks, hookLimitMs } from './hooks.ts';
import { isAboutData, Layouts, type MigrationWord } from './layouts.ts';
import { Lifecycle, STOP_LIMIT_MS } from './lifecycle.ts';
import type { RuntimeEvent, VersionName } from './messages.ts';
import { type ContextServices, type Enqueue, labelOf, openContext } from './module-context.ts';
import { ModuleTable } from './module-table.ts';
import { inOrderOfUse } from './order-of-use.ts';
import { requestContext } from './request-context.ts';
import type { RunGuard } from './run-guard.ts';
import type { RunningVersion } from './running-version.ts';
import { giveTryBack } from './settle-tries.ts';
import { Trials } from './trials.ts';
import { candidates, loadVersion, standbyCandidates } from './version-loader.ts';

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
  /** A version that was tried is out: says what runs instead. */
  readonly onNotIn: (version: VersionName) => void;
  /** The set of running versions has changed. */
  readonly onSwap: () => void;
  /** Whose tries those are that are spent here. */
  readonly holder: string;
  /** What main runs, as far as this process is its clone. */
  readonly runsInMain: readonly VersionName[];
  /** Versions quarantined in the store (R21): never loaded, whatever the registry says yet. */
  readonly isQuarantined: (module: string, hash: string) => boolean;
  /** True in main: only it judges versions on probation, and migrates. */
  readonly mayJudge: () => boolean;
  /** Takes a snapshot that is kept, before a migration. */
  readonly takeKept: (name: string) => Promise<string>;
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
  /** The versions on probation. */
  readonly trials: Trials;
  /** Replaced versions that are still called. */
  readonly draining: Draining = new Draining();
  readonly layouts: Layouts;
  /** Of the versions that are not on probation. */
  readonly health: HealthWatch;
  private readonly life: Lifecycle;
  private readonly parts: ApplicationParts;
  /** Modules with a version that a clone could not load. */
  private readonly notLoaded = new Set<string>();

  constructor(parts: ApplicationParts) {
    this.parts = parts;
    const hooks = new Hooks(parts.guard, parts.config.hangAfterMs);
    this.life = new Lifecycle(hooks, parts.config.hangAfterMs, (version, message) => this.warn(version, message));
    this.trials = new Trials({
      hooks,
      rules: parts.config.probation,
      healthLimitMs: hookLimitMs(parts.config.hangAfterMs),
      table: this.table,
      mayJudge: parts.mayJudge,
      onPassed: (version, successCount) => this.passed(version, successCount),
      onFailed: (version, reason) => this.failed(version, reason),
    });
    const { store, registry, guard, emit, takeKept } = parts;
    this.layouts = new Layouts({
      ...{ store, registry, guard, emit, takeKept },
      table: this.table,
      mayMigrate: parts.mayJudge,
    });
    this.health = new HealthWatch({
      hooks,
      limitMs: hookLimitMs(parts.config.hangAfterMs),
      versions: () => (parts.mayJudge() ? this.table.all().filter((version) => !this.trials.has(version)) : []),
      onChange: (version, problem) => this.warn(version.name, problem ?? 'is well again'),
    });
    this.services = {
      store: parts.store,
      table: this.table,
      guard: parts.guard,
      enqueue: parts.enqueue,
      log: parts.log,
      now: () => Date.now(),
      onCall: (version, error) => this.trials.noteCall(version, error),
    };
  }

  /**
   * Loads for each known module the best version that loads: the most recent stable one, otherwise what has not failed. A version that is not stable costs a try
   * (when `spendTries`; the clone loads what main runs). One that throws becomes unstable and the next is taken.
   */
  async loadAll(options: { readonly spendTries: boolean }): Promise<void> {
    const { registry } = this.parts;
    const loaded: Loaded[] = [];
    for (const module of registry.modules()) {
      for (const version of this.usable(module, options.spendTries)) {
        const one = await this.tryToLoad(version, options.spendTries);
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

  /** Loads what this process could not load while it stood by. */
  async loadMissing(): Promise<void> {
    const modules = [...this.notLoaded].filter((module) => this.table.get(module) === undefined);
    this.notLoaded.clear();
    for (const module of modules) await this.loadBest(module, true);
  }

  /** Loads the best version of a module in place of what runs; leaves the module without one when there is none. */
  async loadBest(module: string, spendTries: boolean): Promise<RunningVersion | undefined> {
    for (const version of this.usable(module, spendTries)) {
      const loaded = await this.tryToLoad(version, spendTries);
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
   * @param word whose word it is that records may be migrated although older versions are stranded by it.
   * @throws what loading threw; then the version is unstable, unless the data is what forbids it, and the old one goes on.
   */
  async update(version: Version, spendTry: boolean, word: MigrationWord = 'nobody'): Promise<RunningVersion> {
    try {
      return await this.install(await this.load(version, spendTry), spendTry, word);
    } catch (error) {
      this.refuse(version, error);
      throw error;
    }
  }

  /** Goes back to the most recent stable version of a module, or to none. */
  async revert(module: string): Promise<RunningVersion | undefined> {
    return this.loadBest(module, true);
  }

  /** Whether a version loads and knows the data in its present form. Runs its top-level code. */
  isLoadable(version: Version): boolean {
    try {
      return this.layouts.isKnownTo(loadVersion(this.parts.registry, version, this.parts.appDirectory, this.services));
    } catch (error) {
      this.warn(version, `cannot be gone back to: ${describe(error)}`);
      return false;
    }
  }

  /** Names a route of the version that runs now, for as long as there are versions. */
  routeName(module: string, routeKey: string): string {
    return `${module}@${this.table.get(module)?.name.hash ?? ''} ${routeKey}`;
  }

  /** Answers a request with a handler of whatever version runs now. */
  async invoke(
    module: string,
    routeKey: string,
    parameters: readonly unknown[],
    hangAfterMs: number,
    commit?: RequestCommit,
  ): Promise<unknown> {
    const version = this.table.require(module);
    const route = version.definition.http[routeKey];
    if (route === undefined)
      throw new MofoError('ROUTE_NOT_FOUND', `${version.title} has no route "${routeKey}" any more.`);
    const handler = (typeof route === 'function' ? route : route.node) as (...all: readonly unknown[]) => unknown;
    const context = commit === undefined ? version.context : requestContext(version, this.services, commit);
    version.enter();
    try {
      const label = labelOf(this.services, version, `route ${routeKey}`);
      const answer = await this.services.guard.run(label, () => handler.call(route, context, ...parameters), {
        hangAfterMs,
      });
      this.trials.noteRun(version, `route ${routeKey}`, undefined);
      return answer;
    } catch (error) {
      this.trials.noteRun(version, `route ${routeKey}`, error);
      throw error;
    } finally {
      version.exit();
    }
  }

  /** Stops every module and waits for what is under way, at most `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.trials.close();
    this.health.close();
    await Promise.all(this.table.all().map((version) => this.life.stop(version, limitMs)));
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

  /** Versions of a module that may be loaded, best first; who spends no tries stands by. */
  private usable(module: string, spendTries: boolean): Version[] {
    const { registry, runsInMain, isQuarantined } = this.parts;
    const all = spendTries ? candidates(registry, module) : standbyCandidates(registry, module, runsInMain);
    return all.filter(({ hash }) => !isQuarantined(module, hash));
  }

  private async load(version: Version, spendTry: boolean): Promise<Loaded> {
    const startedAt = performance.now();
    // A try is spent, durably, before anything of it runs; one that was stable before begins its probation anew.
    const current =
      version.state !== 'stable' && spendTry
        ? await this.parts.registry.beginTry(version, { by: this.parts.holder })
        : version;
    const running = loadVersion(this.parts.registry, current, this.parts.appDirectory, this.services);
    return { version: current, running, startedAt };
  }

  /** Starts a loaded version and puts it in place of the one that runs. */
  private async install(
    { version, running, startedAt }: Loaded,
    isMain: boolean,
    word: MigrationWord = 'nobody',
  ): Promise<RunningVersion> {
    await this.layouts.prepare(running, version, word);
    openContext(running, this.services);
    await this.life.start(running);
    const swapAt = performance.now();
    const previous = this.table.replace(running);
    if (version.state !== 'stable') this.trials.begin(running, previous);
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

  private async tryToLoad(version: Version, spendTry: boolean): Promise<Loaded | undefined> {
    try {
      return await this.load(version, spendTry);
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
      if (isAboutData(error) && isMain) this.warn(loaded.version, `passed over: ${describe(error)}`);
      return undefined;
    }
  }

  /**
   * It has shown that it does not load, unless there was no try left to see it, or the data is not for it. A clone judges nobody: what main runs is right until
   * main finds otherwise.
   */
  private refuse(version: Version, error: unknown): void {
    if (error instanceof VersionsError && error.code === 'NO_TRIES_LEFT') return;
    if (isAboutData(error)) {
      giveTryBack(this.parts.registry, version, this.parts.holder);
      return;
    }
    if (this.parts.mayJudge()) {
      this.quarantine(version, `failed to load: ${describeFully(error)}`);
      return;
    }
    this.notLoaded.add(version.module);
    this.warn(version, `the clone could not load it, and tries it again when it takes over: ${describeFully(error)}`);
  }

  private replaced(previous: RunningVersion, by: Version, isMain: boolean): void {
    // Replaced before it had earned anything: never a revert target, unless it had been stable before.
    if (isMain && this.trials.has(previous) && previous.name.hash !== by.hash) {
      this.parts.registry.markSuperseded(previous.name, { reason: `replaced by ${by.id} while on probation` });
    }
    this.drop(previous);
  }

  private passed(version: RunningVersion, successCount: number): void {
    const { registry, emit, onStable } = this.parts;
    const { module, id, hash } = version.name;
    const reason = `${successCount} runs without a failure`;
    // A newer save superseded it and did not load, so it went on running.
    const state = registry.get(module, hash)?.state;
    if (state === 'superseded' || state === 'draining') registry.markProbation(version.name, { reason });
    registry.markStable(version.name, { reason });
    const message = `stable after ${successCount} runs`;
    emit({ at: Date.now(), kind: 'stable', module, version: id, message, data: { hash } });
    onStable(version);
  }

  private async failed(version: RunningVersion, reason: string): Promise<void> {
    this.quarantine(version.name, reason);
    if (this.table.get(version.name.module) !== version) return;
    await this.revert(version.name.module);
    this.parts.onNotIn(version.name);
  }

  private drop(version: RunningVersion): void {
    this.trials.end(version);
    void this.draining.begin(version, (one) => this.life.stop(one, STOP_LIMIT_MS));
  }

  private warn({ module, id, hash }: VersionName, message: string): void {
    this.parts.emit({ at: Date.now(), kind: 'warning', module, version: id, message, data: { hash } });
  }
}
