// One process of an application, from start to end: role, takeover, serving, and what the launcher asks for.

import { closeSync } from 'node:fs';
import type { Store } from '@mofo/journal';
import { type ConnectionCounters, monotonicMs } from '@mofo/shm-store';
import { openRegistry, type Registry } from '@mofo/versions';
import { createLabel, Quarantine, RoleKeeper, type Takeover } from '@mofo/watchdog';
import type { Config } from '../config/config.ts';
import { ConnectionKeeper } from '../connections/index.ts';
import { factsOf } from '../error-facts.ts';
import type { HttpServer } from '../http/index.ts';
import { Application } from './application.ts';
import { blameOf } from './blame.ts';
import { describe, describeFully } from './describe-error.ts';
import { type Emit, emitOver } from './event-emitter.ts';
import { listen } from './http-front.ts';
import { judgeTakeover } from './judge-takeover.ts';
import type { FromChild, TakeoverReport, ToChild, VersionName } from './messages.ts';
import { moduleLog } from './module-log.ts';
import { openAppStore } from './open-app-store.ts';
import { RequestAnswers } from './request-answers.ts';
import { restoreIfAbsent } from './restore-if-absent.ts';
import { giveTryBack } from './settle-tries.ts';
import { slotGuard } from './slot-guard.ts';
import { SnapshotKeeper, takesFinalSnapshot } from './snapshot-keeper.ts';
import { type TakenOver, takeOver } from './take-over.ts';
import { countedSince } from './takeover-text.ts';
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
  private readonly emit: Emit;
  private readonly store: Store;
  private readonly registry: Registry;
  private readonly keeper: RoleKeeper;
  private readonly quarantine: Quarantine;
  private readonly application: Application;
  private readonly tasks: TaskRunner;
  private readonly snapshots: SnapshotKeeper;
  private readonly answers: RequestAnswers;
  private readonly listenFd: number;
  private readonly connections: ConnectionKeeper | undefined;
  private readonly holder: string;
  private readonly mode: 'dev' | 'run';
  private http: HttpServer | undefined;
  private stopping: Promise<void> | undefined;
  private lastTakeover: Takeover | undefined;

  constructor(message: StartMessage, send: (message: FromChild) => void) {
    this.config = message.config;
    this.appDirectory = message.appDirectory;
    this.listenFd = message.listenFd;
    this.holder = message.holder;
    this.mode = message.mode;
    this.send = send;
    this.emit = emitOver(send);
    this.registry = openRegistry({ directory: `${this.config.directory}/versions` });
    this.store = openAppStore(this.config);
    this.quarantine = new Quarantine(this.store);
    this.connections = this.openConnections(message.connections);
    this.snapshots = new SnapshotKeeper(this.store, this.config, this.emit);
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
      onNotIn: (version) => this.sayNotIn(version),
      onSwap: () => {
        this.tasks.sync();
        this.tellRunning();
      },
      holder: this.holder,
      runsInMain: message.running,
      isQuarantined: (module, hash) => this.quarantine.has(module, hash),
      mayJudge: () => this.keeper.role === 'main',
      takeKept: (name) => this.snapshots.takeKept(name),
    });
    this.tasks = new TaskRunner(this.store, this.application, {
      hangAfterMs: this.config.hangAfterMs,
      onResumed: (resumedMs, task) =>
        this.emit('task', `next task (${task}) ${resumedMs.toFixed(2)} ms after the death`, { resumedMs, task }),
    });
    const { store, registry, quarantine, keeper, application, tasks, snapshots } = this;
    this.answers = new RequestAnswers({
      ...{ send, store, registry, quarantine, keeper, application, tasks, snapshots },
      http: () => this.http,
      connections: () => this.connections?.report(),
      takeover: () => this.lastTakeover,
    });
  }

  /** Attaches the store; after a reboot (no segments) the newest good snapshot becomes it. */
  static async open(message: StartMessage, send: (message: FromChild) => void): Promise<ApplicationProcess> {
    const restored = await restoreIfAbsent(message.config);
    if (restored !== undefined) {
      const { id, timeline, skipped } = restored;
      const said = `store restored from snapshot ${id}, timeline ${timeline}`;
      emitOver(send)('restore', said, { id, timeline, skipped });
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
    this.rehearse();
  }

  /** Does what the launcher asks for. */
  async receive(message: Exclude<ToChild, { type: 'start' | 'ping' | 'stop' }>): Promise<void> {
    switch (message.type) {
      case 'update':
        return this.update(message.module, message.hash, message.savedAt);
      case 'follow':
        return this.follow(message.module, message.hash);
      case 'condemned':
        return this.condemned(message);
      case 'request':
        return this.answers.answer(message);
    }
  }

  /** Stops serving, ends what is under way, gives the role back. The store stays. */
  stop(): Promise<void> {
    this.stopping ??= this.stopNow();
    return this.stopping;
  }

  /** An error that nobody caught ends this process: writes into its slot which version is to be blamed, as for a run that is under way. */
  nameSuspect(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
    const suspect = this.application.trials.suspectOf(error);
    if (suspect === undefined || this.keeper.role !== 'main') return;
    const where = origin === 'unhandledRejection' ? 'a promise that nobody awaits' : 'a callback';
    this.keeper.running.begin(createLabel(`${suspect.title} ${where} (${describe(error).replaceAll('\n', ' ')})`));
  }

  private openConnections(given: StartMessage['connections']): ConnectionKeeper | undefined {
    if (given === undefined) return undefined;
    const { store } = this;
    const keeper = new ConnectionKeeper({ ...given, store, storeBytes: store.sizeBytes });
    // It has its own.
    closeSync(given.channelFd);
    closeSync(given.tableFd);
    return keeper;
  }

  private async stopNow(): Promise<void> {
    this.snapshots.stop();
    this.connections?.stop();
    await this.http?.stop(HTTP_STOP_LIMIT_MS);
    await this.tasks.stop();
    await this.application.stop(HTTP_STOP_LIMIT_MS);
    this.connections?.close();
    this.returnTries();
    if (this.keeper.role === 'main' && takesFinalSnapshot(this.config, this.mode)) await this.snapshots.takeFinal();
    this.keeper.close();
    this.snapshots.close();
    this.store.close();
    this.registry.close();
  }

  /** The loads of these versions have ended well: a start that is stopped in order costs nothing. */
  private returnTries(): void {
    if (this.keeper.role !== 'main') return;
    for (const name of this.application.trials.wellNames()) giveTryBack(this.registry, name, this.holder);
  }

  /** The launcher knows what runs where, to say it when something else does not. */
  private tellRunning(): void {
    this.send({ type: 'running', versions: this.application.table.all().map(({ name }) => name) });
  }

  /** Only to be quicker: a clone that could not rehearse takes over all the same. */
  private rehearse(): void {
    const { config, appDirectory, registry, store, tasks } = this;
    const mayGoOn = (): boolean => this.keeper.role === 'clone';
    void warmUp({ config, appDirectory, registry, store, tasks, mayGoOn }).catch((error: unknown) =>
      this.emit('warning', `the clone could not rehearse a takeover: ${describe(error)}`),
    );
  }

  private async becomeMain(takeover: Takeover): Promise<void> {
    const { application, tasks, keeper } = this;
    this.lastTakeover = takeover;
    const before = this.connections?.report();
    const taken = await takeOver(takeover, {
      ...{ application, tasks, keeper },
      judge: (death) => this.judge(death),
      listen: () => this.listen(),
    });
    this.http = taken.http;
    this.snapshots.start();
    this.tellRunning();
    if (taken.blamed !== undefined) this.sayNotIn(taken.blamed);
    // An ordinary start after an ordinary end.
    if ((takeover.reason === 'first' || takeover.reason === 'released') && !taken.wasLoaded) return;
    const now = this.connections?.report();
    const connections = before === undefined || now === undefined ? undefined : countedSince(before, now);
    this.send({ type: 'became-main', report: reportOf(takeover, taken, connections) });
  }

  private judge(takeover: Takeover): ReturnType<typeof judgeTakeover> {
    const { registry, quarantine } = this;
    return judgeTakeover(takeover, {
      ...{ registry, quarantine },
      onUnstable: ({ module, hash, id }, reason) =>
        this.emit('unstable', reason, { hash, deadPid: takeover.deadPid }, module, id),
      onUntold: ({ module, id }, error) =>
        this.emit('warning', `the registry could not be told that ${module}@${id} is unstable: ${describe(error)}`),
    });
  }

  private listen(): Promise<HttpServer> {
    const { hangAfterMs, http } = this.config;
    return listen(this.application, {
      fd: this.listenFd,
      connections: this.connections,
      host: http.host,
      maxBodyBytes: http.maxBodyBytes,
      hangAfterMs,
    });
  }

  private async update(module: string, hash: string, savedAt: number | undefined): Promise<void> {
    const version = this.registry.get(module, hash);
    if (version === undefined || this.keeper.role !== 'main') return;
    if (this.application.table.get(module)?.name.hash === hash || this.quarantine.has(module, hash)) return;
    // Condemned while it waited for a clone; that has been told.
    if (version.state === 'unstable') return;
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
      // The reason has been told with the verdict; without one it has not.
      if (this.registry.get(module, hash)?.state !== 'unstable')
        this.emit(
          'warning',
          `not loaded: ${describeFully(error)}`,
          { hash, code: factsOf(error).code },
          module,
          version.id,
        );
      this.sayNotIn(version);
    }
  }

  /** People who have just saved something want to know what they are looking at. */
  private sayNotIn({ module, hash, id }: VersionName): void {
    const running = this.application.table.get(module)?.name;
    if (running?.hash === hash) return;
    const message =
      running === undefined
        ? `no version of ${module} works, so none runs: its routes are not found until one is saved that does`
        : `${running.id} runs; ${id} is not in`;
    this.emit('warning', message, { hash, running: running?.hash }, module);
  }

  /** The clone takes up what main has found to be stable. */
  private async follow(module: string, hash: string): Promise<void> {
    const version = this.registry.get(module, hash);
    if (version === undefined || this.application.table.get(module)?.name.hash === hash) return;
    // This process may have become main since it was sent: then as for any update.
    if (this.keeper.role === 'main') return await this.update(module, hash, undefined);
    await this.application.update(version, false);
  }

  /** The registry knows it; now nothing may go back to it, and the one before it runs. */
  private async condemned({ module, hash, reason }: Extract<ToChild, { type: 'condemned' }>): Promise<void> {
    const isMain = this.keeper.role === 'main';
    if (isMain) this.quarantine.add(module, hash, reason);
    const running = this.application.table.get(module)?.name;
    if (running?.hash !== hash) return;
    await this.application.loadBest(module, isMain);
    if (isMain) this.sayNotIn(running);
  }

  private fail(error: unknown): void {
    console.error(error);
    process.exit(1);
  }
}

function reportOf(
  takeover: Takeover,
  { inherited, blamed }: TakenOver,
  connections: ConnectionCounters | undefined,
): TakeoverReport {
  const blame = blameOf(takeover.label);
  return {
    reason: takeover.reason,
    deadPid: takeover.deadPid ?? 0,
    label: takeover.label ?? '',
    isExact: takeover.candidates === 0,
    ...(blame === undefined ? {} : { module: blame.module, version: blame.id }),
    ...(blamed === undefined ? {} : { guilty: blamed.hash }),
    inherited,
    latencyMs: takeover.latencyMs ?? 0,
    servingMs: takeover.deathAtMs === undefined ? 0 : monotonicMs() - takeover.deathAtMs,
    ...(connections === undefined ? {} : { connections }),
  };
}
