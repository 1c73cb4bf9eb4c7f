// One process of an application, from start to end: role, takeover, serving, and what the launcher asks for.

import { mkdirSync } from 'node:fs';
import { destroyStore, listStores, openStore, type Store } from '@mofo/journal';
import { openSnapshots, type RestoredStore, restoreStore, SnapshotError, type Snapshots } from '@mofo/snapshot';
import { openRegistry, type Registry, type Version } from '@mofo/versions';
import { createLabel, Quarantine, RoleKeeper, type Takeover } from '@mofo/watchdog';
import type { Config } from '../config/config.ts';
import { MofoError } from '../errors.ts';
import type { HttpServer } from '../http/index.ts';
import { Application, describe } from './application.ts';
import { blameOf } from './blame.ts';
import { listen } from './http-front.ts';
import type { FromChild, RuntimeEvent, ToChild } from './messages.ts';
import { moduleLog } from './module-log.ts';
import { reasonOf } from './reason-of.ts';
import { slotGuard } from './slot-guard.ts';
import { TaskRunner } from './task-runner.ts';
import { warmUp } from './warm-up.ts';

type StartMessage = Extract<ToChild, { type: 'start' }>;

/** Longest time in ms for requests under way to end when the process stops. */
const HTTP_STOP_LIMIT_MS = 5_000;

/** Main or clone of an application. */
export class ApplicationProcess {
  private readonly config: Config;
  private readonly appDirectory: string;
  private readonly send: (message: FromChild) => void;
  private readonly store: Store;
  private readonly registry: Registry;
  private readonly keeper: RoleKeeper;
  private readonly quarantine: Quarantine;
  private readonly application: Application;
  private readonly tasks: TaskRunner;
  private readonly snapshots: Snapshots;
  private readonly listenFd: number;
  private http: HttpServer | undefined;
  private snapshotTimer: NodeJS.Timeout | undefined;
  private stopping: Promise<void> | undefined;
  private lastTakeover: Takeover | undefined;

  constructor(message: StartMessage, send: (message: FromChild) => void) {
    this.config = message.config;
    this.appDirectory = message.appDirectory;
    this.listenFd = message.listenFd;
    this.send = send;
    this.registry = openRegistry({ directory: `${this.config.directory}/versions` });
    this.store = openStore({ name: this.config.store.name, sizeBytes: this.config.store.sizeBytes });
    this.quarantine = new Quarantine(this.store);
    this.snapshots = openSnapshots(this.store, {
      directory: this.config.snapshot.directory,
      keep: this.config.snapshot.keep,
    });
    this.keeper = new RoleKeeper(this.store.native, {
      onNotice: (notice) => this.emit('warning', `${notice.kind}: pid ${notice.pid} ${notice.detail}`, { ...notice }),
    });
    const guard = slotGuard(this.keeper.running);
    this.application = new Application({
      config: this.config,
      appDirectory: this.appDirectory,
      store: this.store,
      registry: this.registry,
      guard,
      enqueue: (module, task, payload, options) => this.tasks.enqueue(module, task, payload, options),
      log: (version) => moduleLog(version.title),
      emit: (event) => this.send({ type: 'event', event }),
      onStable: (version) => this.send({ type: 'stable', module: version.name.module, hash: version.name.hash }),
      onSwap: () => this.tasks.sync(),
      isQuarantined: (module, hash) => this.quarantine.has(module, hash),
      mayJudge: () => this.keeper.role === 'main',
    });
    this.tasks = new TaskRunner(this.store, this.application, {
      hangAfterMs: this.config.hangAfterMs,
      onResumed: (resumedMs, task) =>
        this.emit('task', `next task (${task}) ${resumedMs.toFixed(2)} ms after the death`, { resumedMs, task }),
    });
  }

  /** Attaches the store; after a reboot (no segments) the newest good snapshot becomes it. */
  static async open(message: StartMessage, send: (message: FromChild) => void): Promise<ApplicationProcess> {
    const restored = await restoreIfAbsent(message.config);
    if (restored !== undefined) {
      const event: RuntimeEvent = {
        at: Date.now(),
        kind: 'restore',
        message: `store restored from snapshot ${restored.id}, timeline ${restored.timeline}`,
        data: { id: restored.id, timeline: restored.timeline, skipped: restored.skipped },
      };
      send({ type: 'event', event });
    }
    return new ApplicationProcess(message, send);
  }

  /** Contends for the role; serves if it got it, otherwise loads and stands by. */
  async start(): Promise<void> {
    const takeover = this.keeper.contend();
    if (takeover !== undefined) {
      await this.becomeMain(takeover);
      this.send({ type: 'ready', role: 'main' });
      return;
    }
    await this.application.loadAll({ spendTries: false });
    const end = this.keeper.watch();
    this.send({ type: 'ready', role: 'clone' });
    void end.then((seen) => this.becomeMain(seen)).catch((error: unknown) => this.fail(error));
    const { config, appDirectory, registry, store } = this;
    // Only to be quicker: a clone that could not rehearse takes over all the same.
    const look = (): void => void this.tasks.status;
    void warmUp({ config, appDirectory, registry, store, look }).catch((error: unknown) =>
      this.emit('warning', `the clone could not rehearse a takeover: ${describe(error)}`),
    );
  }

  /** Does what the launcher asks for. */
  async receive(message: Exclude<ToChild, { type: 'start' | 'ping' | 'stop' }>): Promise<void> {
    switch (message.type) {
      case 'update':
        return this.update(message.module, message.hash, message.savedAt);
      case 'follow':
        return this.follow(message.module, message.hash);
      case 'request':
        return this.answer(message);
    }
  }

  /** Stops serving, ends what is under way, gives the role back. The store stays. */
  stop(): Promise<void> {
    this.stopping ??= this.stopNow();
    return this.stopping;
  }

  /** An error that nobody caught ends this process: writes into its slot which version is to be blamed, as for a run that is under way. */
  nameSuspect(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
    const suspect = this.application.suspectOf(error);
    if (suspect === undefined || this.keeper.role !== 'main') return;
    const where = origin === 'unhandledRejection' ? 'a promise that nobody awaits' : 'a callback';
    this.keeper.running.begin(createLabel(`${suspect.title} ${where} (${describe(error).replaceAll('\n', ' ')})`));
  }

  private async stopNow(): Promise<void> {
    clearInterval(this.snapshotTimer);
    await this.http?.stop(HTTP_STOP_LIMIT_MS);
    await this.tasks.stop();
    await this.application.stop(HTTP_STOP_LIMIT_MS);
    this.keeper.close();
    this.snapshots.close();
    this.store.close();
    this.registry.close();
  }

  /**
   * Everything between having the role and serving. In this order: blame and quarantine in the store (R21), then tasks and requests; the registry
   * on disk follows in the background.
   */
  private async becomeMain(takeover: Takeover): Promise<void> {
    this.lastTakeover = takeover;
    const blamed = this.judge(takeover);
    this.keeper.settle();
    const wasLoaded = this.application.table.all().length > 0;
    if (wasLoaded) {
      if (blamed !== undefined && this.application.table.get(blamed.module)?.name.hash === blamed.hash) {
        await this.application.loadBest(blamed.module, true);
      }
    } else {
      await this.application.loadAll({ spendTries: true });
    }
    this.application.assumeRole();
    this.tasks.start(takeover);
    this.http = await listen(this.application, {
      fd: this.listenFd,
      maxBodyBytes: this.config.http.maxBodyBytes,
      hangAfterMs: this.config.hangAfterMs,
    });
    this.startSnapshots();
    if (takeover.reason === 'first' && !wasLoaded) return;
    const blame = blameOf(takeover.label);
    this.send({
      type: 'became-main',
      report: {
        reason: takeover.reason,
        deadPid: takeover.deadPid ?? 0,
        label: takeover.label ?? '',
        ...(blame === undefined ? {} : { module: blame.module, version: blame.id }),
        latencyMs: takeover.latencyMs ?? 0,
        servingMs: takeover.deathAtMs === undefined ? 0 : performanceToMonotonic() - takeover.deathAtMs,
      },
    });
  }

  /** Finds the version that the dead main was running; if it was on probation, it is quarantined. */
  private judge(takeover: Takeover): Version | undefined {
    let guilty: Version | undefined;
    for (const death of [takeover, takeover.unsettled]) {
      const blame = blameOf(death?.label);
      if (death === undefined || blame === undefined) continue;
      const version = this.registry.get(blame.module, blame.id);
      if (
        version === undefined ||
        version.state === 'stable' ||
        version.state === 'superseded' ||
        version.state === 'unstable'
      )
        continue;
      const reason = `${death.reason} in ${blame.what}${death.taskId === undefined ? '' : ` #${death.taskId}`}`;
      this.quarantine.add(version.module, version.hash, reason);
      guilty = version;
      void this.registry.quarantineInBackground(version, reason).then(
        () => this.emitUnstable(version, reason),
        (error: unknown) =>
          this.emit(
            'warning',
            `the registry could not be told that ${version.module}@${version.id} is unstable: ${describe(error)}`,
          ),
      );
    }
    return guilty;
  }

  private async update(module: string, hash: string, savedAt: number | undefined): Promise<void> {
    const version = this.registry.get(module, hash);
    if (version === undefined || this.keeper.role !== 'main') return;
    if (this.application.table.get(module)?.name.hash === hash || this.quarantine.has(module, hash)) return;
    try {
      await this.application.update(version, version.state !== 'stable');
      if (savedAt !== undefined)
        this.emit(
          'update',
          `serving ${Date.now() - savedAt} ms after it was saved`,
          { module, hash },
          module,
          version.id,
        );
    } catch (error) {
      this.emit('warning', `not loaded: ${describe(error)}`, { hash }, module, version.id);
    }
  }

  /** The clone takes up what main has found to be stable. */
  private async follow(module: string, hash: string): Promise<void> {
    const version = this.registry.get(module, hash);
    if (version === undefined || this.keeper.role === 'main') return;
    await this.application.update(version, false);
  }

  private async answer(message: Extract<ToChild, { type: 'request' }>): Promise<void> {
    try {
      this.send({ type: 'answer', id: message.id, value: await this.fulfil(message) });
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      this.send({
        type: 'answer',
        id: message.id,
        error: { code: typeof code === 'string' ? code : 'INTERNAL', message: describe(error) },
      });
    }
  }

  private async fulfil(message: Extract<ToChild, { type: 'request' }>): Promise<unknown> {
    switch (message.what) {
      case 'status':
        return this.status();
      case 'snapshot':
        return this.takeSnapshot();
      case 'promote':
        return this.promote(requireText(message.module, 'module'), message.version);
      case 'revert':
        return this.revert(requireText(message.module, 'module'));
    }
  }

  private status(): unknown {
    return {
      pid: process.pid,
      role: this.keeper.role,
      store: this.store.status,
      http: this.http?.counters(),
      tasks: this.tasks.status,
      takeover: this.lastTakeover,
      modules: this.registry.modules().map((module) => ({
        module,
        running: this.application.table.get(module)?.name,
        versions: this.registry.list(module).map((version) => ({
          id: version.id,
          hash: version.hash,
          state: version.state,
          reason: reasonOf(version),
          triesLeft: version.triesLeft,
        })),
      })),
      quarantine: this.quarantine.list(),
    };
  }

  /** Makes a version stable by an operator's word, and runs it. */
  private async promote(module: string, id: string | undefined): Promise<unknown> {
    const version = id === undefined ? this.requireTried(module) : this.requireVersion(module, id);
    this.quarantine.remove(module, version.hash);
    let current = version.state === 'unstable' ? this.registry.retry(version, 'operator') : version;
    if (this.application.table.get(module)?.name.hash !== current.hash)
      await this.application.update(current, current.state !== 'stable');
    current = this.registry.markStable(current, { reason: 'promoted by an operator', by: 'operator' });
    this.application.endProbation(module);
    this.send({ type: 'stable', module, hash: current.hash });
    return { module, version: current.id, state: current.state };
  }

  private async revert(module: string): Promise<unknown> {
    const running = this.application.table.get(module);
    const target = this.registry.revertTarget(module, running === undefined ? {} : { except: running.name });
    if (target === undefined)
      throw new MofoError(
        'NOTHING_TO_REVERT',
        `Module "${module}" has no other version that was stable. Nothing was changed.`,
      );
    if (running !== undefined && this.application.isOnProbation(running)) {
      this.quarantine.add(module, running.name.hash, 'reverted by an operator');
      this.application.quarantine(running.name, 'reverted by an operator');
    }
    const stable = this.registry.markStable(target, { reason: 'reverted to by an operator', by: 'operator' });
    await this.application.update(stable, false);
    this.send({ type: 'stable', module, hash: stable.hash });
    return { module, version: stable.id, state: stable.state };
  }

  /** The version of a module that runs on probation. */
  private requireTried(module: string): Version {
    const running = this.application.table.get(module);
    if (running !== undefined && this.application.isOnProbation(running))
      return this.requireVersion(module, running.name.id);
    throw new MofoError(
      'UNKNOWN_VERSION',
      `No version of module "${module}" runs on probation. Nothing was changed. Name one: npx mofo versions ${module}`,
    );
  }

  private requireVersion(module: string, id: string): Version {
    const version = this.registry.get(module, id);
    if (version !== undefined) return version;
    throw new MofoError(
      'UNKNOWN_VERSION',
      `Module "${module}" has no version ${id}. Nothing was changed. See: npx mofo versions ${module}`,
    );
  }

  private startSnapshots(): void {
    const { everyMs } = this.config.snapshot;
    if (everyMs === null || this.config.durability === 'memory') return;
    this.snapshotTimer = setInterval(() => {
      this.takeSnapshot().catch((error: unknown) => this.emit('warning', `no snapshot was taken: ${describe(error)}`));
    }, everyMs);
    this.snapshotTimer.unref();
  }

  private async takeSnapshot(): Promise<unknown> {
    mkdirSync(this.snapshots.directory, { recursive: true });
    const { id, file, header, pauseUs, writeMs } = await this.snapshots.take();
    const taken = { id, file, bytes: header.fileBytes, pauseUs, writeMs };
    this.emit(
      'snapshot',
      `snapshot ${id}: ${(taken.bytes / 2 ** 20).toFixed(1)} MiB, the writer waited ${pauseUs.toFixed(0)} µs`,
      taken,
    );
    return taken;
  }

  private emit(
    kind: RuntimeEvent['kind'],
    message: string,
    data?: Readonly<Record<string, unknown>>,
    module?: string,
    version?: string,
  ): void {
    this.send({
      type: 'event',
      event: {
        at: Date.now(),
        kind,
        message,
        ...(data === undefined ? {} : { data }),
        ...(module === undefined ? {} : { module }),
        ...(version === undefined ? {} : { version }),
      },
    });
  }

  private emitUnstable(version: Version, reason: string): void {
    this.emit('unstable', reason, { hash: version.hash }, version.module, version.id);
  }

  private fail(error: unknown): void {
    console.error(error);
    process.exit(1);
  }
}

async function restoreIfAbsent(config: Config): Promise<RestoredStore | undefined> {
  const { name } = config.store;
  const known = listStores().find((store) => store.name === name);
  if (known?.state === 'ready') return undefined;
  if (known?.state === 'retired') destroyStore(name);
  try {
    return await restoreStore({ directory: config.snapshot.directory, name });
  } catch (error) {
    // The first start ever: there is nothing to restore.
    if (error instanceof SnapshotError && (error.code === 'NO_SNAPSHOT' || error.code === 'DIRECTORY_MISSING'))
      return undefined;
    throw error;
  }
}

function requireText(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new MofoError('USAGE', `The request needs a ${name}. Nothing was done.`);
}

function performanceToMonotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
