// The launcher: holds the listening socket and runs no user code. It keeps two children alive, of which one is main and the other its clone (which of
// them is decided by the role lock, not here), passes new versions on, and says what happens.
//
//   none ──spawn──▶ main ──ready──▶ spawn clone ──ready──▶ both (updates are passed on only here)
//   both ──main dies──▶ the clone becomes main by itself ──▶ spawn clone
//   both ──clone dies──▶ spawn clone
//   both die ──▶ spawn main: it finds the store in shared memory and continues
//
// Children that die in quick succession use up a budget; when it is empty the launcher stops with a clear message and the store intact.

import type { ConnectionHub } from '@mofo/shm-store';
import type { Registry } from '@mofo/versions';
import { RestartBudget } from '@mofo/watchdog';
import type { Config } from '../config/config.ts';
import { MofoError } from '../errors.ts';
import { BlameRefinement } from './blame-refinement.ts';
import { CHANNEL_FD, Child, type ChildEnd, causeOfEnd, LISTEN_FD, TABLE_FD } from './child.ts';
import { pingChildren } from './child-pings.ts';
import { CloneStarts } from './clone-starts.ts';
import type { ControlRequest } from './control-socket.ts';
import { stackIn } from './crash-stack.ts';
import { Deaths } from './deaths.ts';
import { MainRequests } from './main-requests.ts';
import type { FromChild, RuntimeEvent, TakeoverReport } from './messages.ts';
import { OomKills } from './oom-kills.ts';
import { passedOver } from './passed-over.ts';
import { processesStatus } from './processes-status.ts';
import { FINAL_SNAPSHOT_LIMIT_MS, takesFinalSnapshot } from './snapshot-keeper.ts';
import { StableCrashes } from './stable-crashes.ts';
import { saidOfConnections } from './takeover-text.ts';
import { UpdateQueue } from './update-queue.ts';
import { withoutClone } from './without-clone.ts';

/** What a launcher is made of. */
export interface LauncherOptions {
  readonly config: Config;
  readonly appDirectory: string;
  readonly mode: 'dev' | 'run';
  readonly listenFd: number;
  /** Accepts in place of the children; absent: they accept by themselves, and their connections end with them. */
  readonly hub?: ConnectionHub | undefined;
  readonly registry: Registry;
  readonly onEvent: (event: RuntimeEvent) => void;
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** Longest time in ms for children to stop in order before they are killed. */
export const CHILD_STOP_LIMIT_MS = 10_000;

/** The same for a clone, which has nothing to end; main is asked to stop only after it. */
const CLONE_STOP_LIMIT_MS = 2_000;

/** Keeps an application running. */
export class Launcher {
  /** Resolves with the exit code when everything has ended. */
  readonly ended: Promise<number>;
  private readonly options: LauncherOptions;
  private readonly children = new Set<Child>();
  private readonly oomKills = new OomKills();
  private readonly budget = new RestartBudget();
  private readonly cloneStarts: CloneStarts;
  private readonly updates = new UpdateQueue();
  private readonly requests = new MainRequests();
  private readonly blame: BlameRefinement;
  private readonly deaths: Deaths;
  private readonly stableCrashes: StableCrashes;
  private readonly whenServing: (() => void)[] = [];
  private stopping = false;
  private hasServed = false;
  /** Main is to be the only process for a while. */
  private isAlone = false;
  private exitCode = 0;
  private failure: MofoError | undefined;
  private pinging: NodeJS.Timeout | undefined;
  private resolveEnded: (code: number) => void = () => {};

  constructor(options: LauncherOptions) {
    this.options = options;
    this.blame = new BlameRefinement(options.registry, options.onEvent);
    this.deaths = new Deaths(options.registry, {
      onSettled: () => this.resumeUpdates(),
      isStopping: () => this.stopping,
    });
    const { config, registry, onEvent } = options;
    this.cloneStarts = new CloneStarts(() => this.ensureTwo(), onEvent);
    this.stableCrashes = new StableCrashes({
      ...{ registry, onEvent },
      rules: config.crashes,
      onCondemned: ({ module, hash }, reason) => {
        for (const child of this.children) child.send({ type: 'condemned', module, hash, reason });
      },
      now: Date.now,
    });
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  /**
   * Starts main, then the clone. Resolves when main serves.
   *
   * @throws MofoError START_FAILED when no process came so far, `data.code` says what was refused; NOT_READY when it was stopped before.
   */
  async start(): Promise<void> {
    this.pinging = pingChildren(this.children);
    this.spawn();
    const serves = await Promise.race([this.serving().then(() => true), this.ended.then(() => false)]);
    if (!serves)
      throw this.failure ?? new MofoError('NOT_READY', 'The application was stopped before it served. Nothing runs.');
  }

  /** Resolves when there is a main. */
  serving(): Promise<void> {
    if (this.main !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.whenServing.push(resolve));
  }

  /** The child that serves. */
  get main(): Child | undefined {
    return this.withRole('main');
  }

  /** The child that waits, loaded and attached. */
  get clone(): Child | undefined {
    return this.withRole('clone');
  }

  /** Whether main runs a version. */
  runs(hash: string): boolean {
    return this.main?.running.some((version) => version.hash === hash) === true;
  }

  /** Short id of the version of a module that runs in main. */
  runningOf(module: string): string | undefined {
    return this.main?.running.find((version) => version.module === module)?.id;
  }

  /** Hashes of all versions that a process has loaded. */
  loadedHashes(): string[] {
    return [...this.children].flatMap(({ running }) => running.map(({ hash }) => hash));
  }

  /** Gives main a new version to try, as soon as main and clone are both ready; a newer one of the same module replaces it. */
  update(module: string, hash: string, savedAt?: number): void {
    this.updates.add(module, hash, savedAt);
    this.passUpdates();
  }

  /** Asks main to do something. */
  async request(request: ControlRequest): Promise<unknown> {
    const { main } = this;
    if (main === undefined)
      throw new MofoError('NOT_READY', 'No main process is ready at this moment. Nothing was done. Try again.');
    if (request.what === 'migrate') return this.migrate(main, request);
    const answer = await this.requests.ask(main, request);
    return request.what === 'status' ? { ...(answer as object), processes: processesStatus(this.children) } : answer;
  }

  /** The clone knows the data only as it is: it ends before, and one that knows the new form starts after it. */
  private migrate(main: Child, request: ControlRequest): Promise<unknown> {
    if (this.isAlone)
      throw new MofoError('NOT_READY', 'A migration is under way. Nothing was done. Try again when it is over.');
    const parts = {
      children: () => [...this.children].filter(({ isAlive }) => isAlive),
      hold: (isHeld: boolean) => {
        this.isAlone = isHeld;
        if (!isHeld) this.ensureTwo();
      },
    };
    return withoutClone(main, parts, () => this.requests.ask(main, request));
  }

  /** Stops everything in order: the clone first, so that main's end is no takeover. Resolves when the children have ended. */
  async stop(): Promise<number> {
    if (!this.stopping) {
      this.stopping = true;
      const killers = [
        // Without a main, one that starts may be about to be it: to kill it in a module's code would put the blame on that module.
        setTimeout(
          () => this.killAll((child) => child.role !== 'main' && this.main !== undefined),
          CLONE_STOP_LIMIT_MS,
        ),
        setTimeout(() => {
          this.exitCode = 1;
          this.killAll(() => true);
        }, this.stopLimitMs()),
      ];
      void this.ended.then(() => killers.forEach(clearTimeout));
      for (const child of this.children) if (child.role !== 'main') child.send({ type: 'stop' });
      this.stopMainWhenAlone();
      this.endIfDone();
    }
    return this.ended;
  }

  private stopLimitMs(): number {
    const { config, mode } = this.options;
    return CHILD_STOP_LIMIT_MS + (takesFinalSnapshot(config, mode) ? FINAL_SNAPSHOT_LIMIT_MS : 0);
  }

  private stopMainWhenAlone(): void {
    const children = [...this.children];
    if (children.every((child) => child.role === 'main')) for (const child of children) child.send({ type: 'stop' });
  }

  private killAll(which: (child: Child) => boolean): void {
    for (const child of this.children) if (which(child)) child.kill('SIGKILL');
  }

  private withRole(role: Child['role']): Child | undefined {
    for (const child of this.children) if (child.role === role && child.isAlive) return child;
    return undefined;
  }

  private spawn(): void {
    const { config, appDirectory, mode, listenFd, onOutput, hub } = this.options;
    const child = new Child({
      appDirectory,
      listenFd,
      hub,
      heapLimitBytes: config.heapLimitBytes,
      onMessage: (from, message) => this.receive(from, message),
      onExit: (from, exitCode, signal) => {
        from.isOutOfMemory = signal === 'SIGKILL' && this.oomKills.hasRisen();
        const { isHung, isOutOfMemory } = from;
        this.deaths.ended(from, { exitCode, signal, isHung, isOutOfMemory });
      },
      onEnd: (from, end) => this.childEnded(from, end),
      onOutput,
    });
    this.children.add(child);
    child.send({
      type: 'start',
      config,
      appDirectory,
      listenFd: LISTEN_FD,
      mode,
      holder: child.holder,
      running: this.main?.running ?? [],
      ...(hub === undefined ? {} : { connections: { channelFd: CHANNEL_FD, tableFd: TABLE_FD } }),
    });
  }

  private receive(child: Child, message: FromChild): void {
    switch (message.type) {
      case 'ready':
        child.role = message.role;
        this.options.onEvent({
          at: Date.now(),
          kind: message.role === 'main' ? 'start' : 'clone',
          message: `${message.role} ready (pid ${child.pid})`,
          data: { ready: true, role: message.role, pid: child.pid },
        });
        if (message.role === 'main') this.mainIsReady();
        else this.passUpdates();
        return;
      case 'pong':
        child.unansweredPings = 0;
        return;
      case 'became-main':
        child.role = 'main';
        this.tookOver(child, message.report);
        return;
      case 'event':
        if (message.event.kind !== 'unstable') this.options.onEvent(message.event);
        // The registry knows it: now the reason can be made more exact.
        else this.blame.judged(message.event, (pid) => this.childOf(pid) !== undefined);
        return;
      case 'running':
        child.running = message.versions;
        return;
      case 'stable':
        // Also to one that is starting or taking over at this moment: it has loaded the one before.
        for (const other of this.children)
          if (other !== child) other.send({ type: 'follow', module: message.module, hash: message.hash });
        return;
      case 'refused':
        this.giveUp(`${message.code}: ${message.message}`, message.code);
        return;
      case 'answer':
        this.requests.answered(message);
    }
  }

  private mainIsReady(): void {
    this.hasServed = true;
    for (const resolve of this.whenServing.splice(0)) resolve();
    this.ensureTwo();
    // Otherwise when it is: tries that are given back may be those that are needed.
    if (!this.deaths.isWaiting) this.resumeUpdates();
  }

  /** Tries what was on probation again, says what is passed over, and passes updates on. */
  private resumeUpdates(): void {
    const { registry, onEvent, mode } = this.options;
    const { main } = this;
    if (main === undefined || this.stopping) return;
    const running = new Set(main.running.map(({ hash }) => hash));
    for (const version of this.updates.resumeProbations(registry, running)) {
      if (main.passedOver.has(version.hash)) continue;
      main.passedOver.add(version.hash);
      onEvent(passedOver(version, registry, mode));
    }
    this.passUpdates();
  }

  private tookOver(child: Child, report: TakeoverReport): void {
    this.blame.tookOver(report);
    this.deaths.tookOver(child, report, this.childOf(report.deadPid));
    const what = report.label === '' ? '' : ` in ${report.label}`;
    this.options.onEvent({
      at: Date.now(),
      kind: 'takeover',
      ...(report.module === undefined ? {} : { module: report.module }),
      ...(report.version === undefined ? {} : { version: report.version }),
      message: `${report.reason}${what}: pid ${child.pid} took over from ${report.deadPid} in ${report.latencyMs.toFixed(2)} ms${saidOfConnections(report.connections)}`,
      data: { ...report, pid: child.pid, ready: true, role: 'main' },
    });
    this.stableCrashes.tookOver(report);
    this.mainIsReady();
  }

  private childEnded(child: Child, end: ChildEnd): void {
    this.children.delete(child);
    const cause = child.isHung ? 'hang' : causeOfEnd(end);
    if (this.stopping) {
      // A main that a signal ended had died before it was asked to stop: a clean stop all the same, for the store outlives it.
      if (child.role === 'main' && (end.exitCode ?? 0) !== 0) this.exitCode = 1;
      this.stopMainWhenAlone();
      this.endIfDone();
      return;
    }
    this.options.onEvent({
      at: Date.now(),
      kind: 'crash',
      message: `${child.role === 'starting' ? 'a starting process' : child.role} (pid ${end.pid}) ended: ${cause}`,
      data: { pid: end.pid, role: child.role, cause, exitCode: end.exitCode, signal: end.signal },
    });
    if (child.role !== 'clone') {
      const { pid, signal, stderrTail } = end;
      const { isHung, isOutOfMemory } = child;
      const stack = stackIn(stderrTail);
      this.blame.ended(pid, cause, stack);
      this.stableCrashes.ended({ pid, signal, isHung, isOutOfMemory, cause, stack });
    }
    this.blame.tryNow();
    const { main } = this;
    if (main !== undefined && child.role !== 'main') {
      this.cloneStarts.ended(main.pid, cause);
      return;
    }
    if (!this.budget.spend(performance.now()).allowed) {
      this.giveUp(
        `The processes of the application ended too often (last: ${cause}). The store is intact; mend the cause and start again.`,
      );
      return;
    }
    this.ensureTwo();
  }

  private ensureTwo(): void {
    this.cloneStarts.cancel();
    if (this.stopping) return;
    const living = [...this.children].filter((child) => child.isAlive);
    if (living.length === 0) this.spawn();
    else if (living.length === 1 && living[0]?.role === 'main' && !this.isAlone) this.spawn();
  }

  private childOf(pid: number): Child | undefined {
    return [...this.children].find((child) => child.pid === pid);
  }

  private passUpdates(): void {
    this.updates.pass(this.main, this.clone);
  }

  private giveUp(message: string, code?: string): void {
    this.exitCode = 1;
    this.failure ??= new MofoError('START_FAILED', `The application could not start. Nothing runs. ${message}`, {
      data: code === undefined ? {} : { code },
    });
    // Whoever waits for the start is told by its failure.
    if (this.hasServed) this.options.onEvent({ at: Date.now(), kind: 'stop', message });
    void this.stop();
  }

  private endIfDone(): void {
    if (this.children.size > 0) return;
    clearInterval(this.pinging);
    this.cloneStarts.cancel();
    this.blame.tellHeld();
    this.requests.rejectAll();
    this.resolveEnded(this.exitCode);
  }
}
