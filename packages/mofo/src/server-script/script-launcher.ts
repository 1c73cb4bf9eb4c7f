// Keeps a server script running: one process serves, one stands by, and a new version is tried in a third.
//
//   replacement   spawn ─load─▶ listens ─▶ the old one hands over ─▶ the new one serves ─▶ the old one ends what is under way, and then itself
//                       ╰─ends, or does not listen in time─▶ unstable; the old one goes on, and has noticed nothing
//   death         of a stable version, or from outside: the standby runs the same;  of one on probation: unstable, the standby runs the last stable one
//
// Connections are accepted by the launcher's hub whoever lives, so nobody is refused in between. One replacement at a time: what is asked for during one is done
// after it, and only the newest of it.

import type { ConnectionHub } from '@mofo/shm-store';
import type { Version } from '@mofo/versions';
import { RestartBudget } from '@mofo/watchdog';
import { MofoError } from '../errors.ts';
import type { RuntimeEvent } from '../runtime/messages.ts';
import { OomKills } from '../runtime/oom-kills.ts';
import type { ProcessStatus } from '../runtime/processes-status.ts';
import type { ServiceNotifier } from '../runtime/service-notifier.ts';
import { OUTSIDE_SIGNALS } from '../runtime/settle-tries.ts';
import { Listeners } from './listeners.ts';
import { ScriptDrains } from './script-drains.ts';
import type { ScriptOptions } from './script-options.ts';
import { causeOf, type ScriptEnd, ScriptProcess, type ScriptProcessEvents } from './script-process.ts';
import { ScriptTrial } from './script-trial.ts';
import type { ScriptVersions } from './script-versions.ts';

/** How long a new version that listens may take until it listens everywhere where the old one did, in ms. */
const OTHER_LISTENERS_MS = 1_000;

/** A death so soon after it began to serve, in ms, is a quick one; so many of these in a row are a crash loop, however slow each start is. */
const QUICK_DEATH_MS = 2_000;
const QUICK_DEATHS_MAX = 5;

/** What a launcher is made of. */
export interface ScriptLauncherParts {
  readonly options: ScriptOptions;
  readonly versions: ScriptVersions;
  readonly hub: ConnectionHub;
  readonly notifier: ServiceNotifier;
  /** The script loaded these local files, which were not known. */
  readonly onLoaded: (files: readonly string[]) => void;
}

/** What came of a replacement. */
export interface Replaced {
  readonly version: string;
  readonly state: string;
  readonly pid: number;
}

interface Wanted {
  readonly version: Version;
  readonly done: ((replaced: Replaced) => void)[];
  readonly failed: ((error: unknown) => void)[];
}

/** Runs a script until it ends or is stopped. */
export class ScriptLauncher {
  /** Resolves with the exit code when everything has ended. */
  readonly ended: Promise<number>;
  readonly listeners: Listeners;
  private readonly parts: ScriptLauncherParts;
  private readonly budget = new RestartBudget();
  private readonly oomKills = new OomKills();
  private readonly processes = new Set<ScriptProcess>();
  private readonly drains: ScriptDrains;
  private serving: ScriptProcess | undefined;
  private standby: ScriptProcess | undefined;
  /** Being tried. Its end is its trial's business. */
  private readonly tried = new Set<ScriptProcess>();
  private lastServed: Version | undefined;
  /** What served before it: what is gone back to as long as nothing has earned stable. */
  private previous: Version | undefined;
  private trial: ScriptTrial | undefined;
  private wanted: Wanted | undefined;
  private isReplacing = false;
  private isStopping = false;
  private exitCode = 0;
  private servesSince = 0;
  private quickDeaths = 0;
  private resolveEnded: (code: number) => void = () => {};

  constructor(parts: ScriptLauncherParts) {
    this.parts = parts;
    this.listeners = new Listeners(parts.hub);
    this.drains = new ScriptDrains(parts.options);
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  get main(): ScriptProcess | undefined {
    return this.serving;
  }

  get standbyPid(): number | undefined {
    return this.standby?.pid;
  }

  /** Who has loaded which version, main first. */
  get loaded(): ProcessStatus[] {
    const { serving, standby } = this;
    const all = new Set([...(serving === undefined ? [] : [serving]), ...this.processes]);
    return [...all].flatMap((process) => {
      const { pid, version } = process;
      if (version === undefined) return [];
      const isDraining = this.drains.has(process);
      const role = process === serving ? 'main' : process === standby ? 'clone' : isDraining ? 'draining' : 'starting';
      return [{ pid, role, versions: [{ module: version.module, hash: version.hash, id: version.id }] }];
    });
  }

  get isOver(): boolean {
    return this.isStopping;
  }

  /**
   * Runs the first version that becomes ready.
   *
   * @param versions in the order in which they are tried.
   * @returns whether one serves; otherwise the exit code is in `ended`, unless sources are watched.
   */
  async start(versions: readonly Version[]): Promise<boolean> {
    for (const [index, version] of versions.entries()) {
      const process = this.spawn();
      const isLast = index === versions.length - 1;
      if (await this.tryOut(process, version, [])) {
        await this.become(process);
        return true;
      }
      if (this.isStopping) return false;
      const { end } = process;
      if (end?.code === 0) {
        this.finish(0, 'the script has ended');
        return false;
      }
      const reason = this.whyNot(process);
      await this.discard(process);
      // Without another version it may be the surroundings that are to blame: it is tried again at the next start.
      if (!isLast) this.judge(version, reason);
      else if (this.parts.options.mode === 'run') this.finish(end?.code ?? 1, `${version.id} ${reason}`);
      else this.tell('warning', `${reason}; waiting for a save`, version);
    }
    return false;
  }

  /** Replaces what runs by this version, now or after what is under way. Resolves when it serves. */
  replace(version: Version): Promise<Replaced> {
    return new Promise((resolve, reject) => {
      const before = this.wanted;
      this.wanted = {
        version,
        done: [...(before?.done ?? []), resolve],
        failed: [...(before?.failed ?? []), reject],
      };
      if (!this.isReplacing) void this.replaceAll();
    });
  }

  /** Sends the script a signal. */
  signal(signal: NodeJS.Signals): void {
    this.serving?.kill(signal);
  }

  /** Stops in order; the second time at once. */
  stop(signal: 'SIGTERM' | 'SIGINT'): Promise<number> {
    if (this.isStopping) {
      for (const process of this.processes) process.kill('SIGKILL');
      return this.ended;
    }
    this.isStopping = true;
    this.parts.notifier.stopping();
    this.listeners.closeAll();
    for (const process of this.processes) {
      process.isWatched = false;
      const isRunning = process === this.serving || this.drains.has(process);
      if (isRunning) process.send({ type: 'stop', signal });
      else process.kill('SIGKILL');
    }
    const limit = setTimeout(() => {
      this.exitCode = 1;
      for (const process of this.processes) process.kill('SIGKILL');
    }, this.parts.options.stopWithinMs);
    void this.ended.then(() => clearTimeout(limit));
    this.endIfDone();
    return this.ended;
  }

  private async replaceAll(): Promise<void> {
    this.isReplacing = true;
    while (this.wanted !== undefined) {
      const { version, done, failed } = this.wanted;
      this.wanted = undefined;
      try {
        const replaced = await this.replaceOnce(version);
        for (const resolve of done) resolve(replaced);
      } catch (error) {
        for (const reject of failed) reject(error);
      }
    }
    this.isReplacing = false;
  }

  private async replaceOnce(version: Version): Promise<Replaced> {
    const { notifier, versions } = this.parts;
    const startedAt = performance.now();
    notifier.reloading(`trying ${versions.name}@${version.id}`);
    const process = this.spawn();
    const required = [...(this.serving?.listeners ?? [])];
    if (!(await this.tryOut(process, version, required))) {
      const reason = this.whyNot(process);
      await this.discard(process);
      if (this.isStopping) throw new MofoError('NOT_READY', 'The script was stopped before the version served.');
      this.judge(version, reason);
      notifier.ready(this.statusText());
      const goesOn = this.serving?.version;
      throw new MofoError(
        'START_FAILED',
        `${versions.name}@${version.id} ${reason}. ${goesOn === undefined ? 'Nothing runs' : `${goesOn.id} goes on`}. Correct it and save or reload, or see: npx mofo versions ${versions.name}`,
        { data: { module: versions.name, version: version.id, reason } },
      );
    }
    await this.become(process);
    const { state } = versions.now(version);
    this.tell('update', `serves after ${Math.round(performance.now() - startedAt)} ms (pid ${process.pid})`, version, {
      pid: process.pid,
      state,
    });
    notifier.ready(this.statusText());
    return { version: version.id, state, pid: process.pid };
  }

  /** Loads a version in a process. Resolves with whether it is ready to serve. */
  private async tryOut(process: ScriptProcess, version: Version, required: readonly number[]): Promise<boolean> {
    const { options, versions } = this.parts;
    this.tried.add(process);
    try {
      const sources = versions.sources(version);
      const current = versions.beginLoad(version, process.holder);
      return await process.load(current, sources, options.readyWithinMs, required, OTHER_LISTENERS_MS);
    } catch (error) {
      // Of the registry: no fault of the version, and the process has nothing to run.
      process.kill('SIGKILL');
      throw error;
    } finally {
      this.tried.delete(process);
    }
  }

  private whyNot({ end }: ScriptProcess): string {
    if (end === undefined) return `was not ready within ${this.parts.options.readyWithinMs} ms: it does not listen`;
    return `ended before it was ready (${causeOf(end)})`;
  }

  private async discard(process: ScriptProcess): Promise<void> {
    process.kill('SIGKILL');
    await process.ended;
  }

  /** Makes a process that is ready the one that serves. */
  private async become(process: ScriptProcess): Promise<void> {
    const { options, versions } = this.parts;
    const old = this.serving;
    this.serving = process;
    this.servesSince = performance.now();
    const version = versions.now(process.version as Version);
    if (this.lastServed !== undefined && this.lastServed.hash !== version.hash) this.previous = this.lastServed;
    this.lastServed = version;
    this.trial = version.state === 'probation' ? new ScriptTrial(process, options.probation) : undefined;
    if (old?.isAlive === true) {
      old.isWatched = false;
      // It hangs: what it has is lost with it, and counted.
      if (!(await this.drains.begin(old))) await this.discard(old);
    }
    process.send({ type: 'serve', except: this.drains.taken });
    for (const { number, name } of this.listeners.all) {
      if (process.listeners.has(number)) continue;
      this.tell('warning', `nobody listens on ${name} any more`);
      this.listeners.close(number);
      process.send({ type: 'closed', listener: number });
    }
    // It died while it was made the one that serves.
    if (process.end !== undefined) this.servingEnded(process, process.end);
    else this.ensureStandby();
  }

  private spawn(): ScriptProcess {
    const events: ScriptProcessEvents = {
      onEnd: (process, end) => this.processEnded(process, end),
      onHandedOver: (process, numbers) => this.handedOver(process, numbers),
      onLoaded: (files) => this.parts.onLoaded(files),
      onUnlisten: (process, listener) => {
        if (process === this.serving && !this.isStopping) this.listeners.close(listener);
      },
      onPong: (process) => this.watchTrial(process),
    };
    const process = new ScriptProcess(this.parts.options, this.parts.hub, this.listeners, events);
    this.processes.add(process);
    return process;
  }

  private handedOver(process: ScriptProcess, numbers: readonly number[]): void {
    this.drains.handedOver(process, numbers);
    this.serving?.send({ type: 'adopt', numbers });
  }

  private processEnded(process: ScriptProcess, end: ScriptEnd): void {
    this.processes.delete(process);
    const left = this.drains.ended(process);
    if (left.length > 0) this.serving?.send({ type: 'adopt', numbers: left });
    if (process === this.standby) {
      this.standby = undefined;
      if (!this.isStopping) this.ensureStandby();
    }
    if (process === this.serving) this.servingEnded(process, end);
    if (this.isStopping) this.endIfDone();
  }

  private servingEnded(process: ScriptProcess, end: ScriptEnd): void {
    if (this.serving !== process) return;
    const { versions } = this.parts;
    const version = process.version as Version;
    const isTrial = this.trial?.process === process;
    this.serving = undefined;
    this.trial = undefined;
    if (this.isStopping) {
      versions.giveBack(version, process.holder);
      if (end.signal === null) this.exitCode = end.code ?? 0;
      return;
    }
    if (end.code === 0) {
      versions.giveBack(version, process.holder);
      this.finish(0, 'the script has ended');
      return;
    }
    const cause = causeOf(end);
    this.tell('crash', `pid ${process.pid} ended: ${cause}`, version, { pid: process.pid, cause, ...end });
    const isFromOutside =
      !end.isHung &&
      end.signal !== null &&
      OUTSIDE_SIGNALS.has(end.signal) &&
      !(end.signal === 'SIGKILL' && this.oomKills.hasRisen());
    const isQuick = !isFromOutside && performance.now() - this.servesSince < QUICK_DEATH_MS;
    this.quickDeaths = isQuick ? this.quickDeaths + 1 : 0;
    if (isFromOutside) versions.giveBack(version, process.holder);
    else if (isTrial && this.otherThan(version) !== undefined) this.judge(version, `${cause} while on probation`);
    void this.recover(version);
  }

  /** Somebody must serve. */
  private async recover(dead: Version): Promise<void> {
    const { options, versions } = this.parts;
    const startedAt = performance.now();
    for (;;) {
      if (this.isStopping || this.serving !== undefined) return;
      if (this.quickDeaths >= QUICK_DEATHS_MAX || !this.budget.spend(performance.now()).allowed) {
        this.finish(1, 'its processes ended too often. Nothing runs. Mend the cause and start again');
        return;
      }
      const isGood = ['stable', 'probation'].includes(versions.now(dead).state);
      const version = isGood ? versions.now(dead) : (this.otherThan(dead) ?? dead);
      let process = this.standby;
      this.standby = undefined;
      if (process?.version !== undefined && process.version.hash !== version.hash) {
        await this.discard(process);
        process = undefined;
      }
      // One that has loaded it already is only waited for.
      const isLoaded = process?.version !== undefined;
      process ??= this.spawn();
      const isReady = isLoaded
        ? process.isWatched || (await process.next('listening', options.readyWithinMs)) !== undefined
        : await this.tryOut(process, version, []).catch((error: Error) => {
            this.tell('warning', error.message, version);
            return undefined;
          });
      if (isReady === undefined) continue;
      if (isReady && this.serving === undefined && !this.isStopping) {
        this.tell(
          'takeover',
          `pid ${process.pid} serves after ${Math.round(performance.now() - startedAt)} ms`,
          version,
          {
            pid: process.pid,
          },
        );
        await this.become(process);
        this.parts.notifier.status(this.statusText());
        return;
      }
      const { end } = process;
      if (!isReady && !this.isStopping && end?.code === 0) {
        this.finish(0, 'the script has ended');
        return;
      }
      const reason = this.whyNot(process);
      await this.discard(process);
      if (!isReady && !this.isStopping) {
        this.tell('crash', reason, version, { cause: end === undefined ? 'not ready' : causeOf(end) });
        if (versions.now(version).state === 'probation' && this.otherThan(version) !== undefined)
          this.judge(version, reason);
      }
    }
  }

  /** The stable version, if it is another one; without any, what served before and did not fail. */
  private otherThan(version: Version): Version | undefined {
    const { versions } = this.parts;
    const { stable } = versions;
    if (stable !== undefined) return stable.hash === version.hash ? undefined : stable;
    const before = this.previous === undefined ? undefined : versions.now(this.previous);
    return before === undefined || before.hash === version.hash || before.state === 'unstable' ? undefined : before;
  }

  private ensureStandby(): void {
    const { options, versions } = this.parts;
    if (options.standby === 'none' || this.isStopping || this.serving === undefined) return;
    if (options.standby === 'loaded' && this.standby?.version !== undefined) {
      // It has the version before: it cannot be unloaded.
      if (this.standby.version.hash === versions.stable?.hash) return;
      const superseded = this.standby;
      this.standby = undefined;
      superseded.kill('SIGKILL');
    }
    if (this.standby === undefined) {
      if (!this.budget.spend(performance.now()).allowed) return;
      this.standby = this.spawn();
      this.tell('clone', `standby ready (pid ${this.standby.pid})`, undefined, { pid: this.standby.pid });
    }
    const { stable } = versions;
    if (options.standby !== 'loaded' || stable === undefined) return;
    void this.standby.load(stable, versions.sources(stable), options.readyWithinMs, [], 0);
  }

  private watchTrial(process: ScriptProcess): void {
    if (this.trial?.process !== process) return;
    const requests = this.trial.passedBy();
    if (requests === undefined) return;
    const version = process.version as Version;
    const reason = `passed probation: ${requests} requests`;
    this.trial = undefined;
    this.parts.versions.passed(version, reason);
    this.tell('stable', reason, version, { state: 'stable' });
    this.ensureStandby();
  }

  /** An operator has decided about what runs. */
  promoted(): void {
    this.trial = undefined;
    this.ensureStandby();
  }

  private judge(version: Version, reason: string): void {
    this.parts.versions.failed(version, reason);
    this.tell('unstable', reason, version, { state: 'unstable' });
  }

  private statusText(): string {
    const { serving } = this;
    if (serving === undefined) return 'nothing serves';
    return `${this.parts.versions.name}@${serving.version?.id} serves (pid ${serving.pid})`;
  }

  private finish(code: number, message: string): void {
    if (this.isStopping) return;
    this.exitCode = code;
    this.tell('stop', message, this.lastServed);
    void this.stop('SIGTERM');
  }

  private endIfDone(): void {
    if (this.processes.size === 0) this.resolveEnded(this.exitCode);
  }

  private tell(
    kind: RuntimeEvent['kind'],
    message: string,
    version?: Version,
    data: Readonly<Record<string, unknown>> = {},
  ): void {
    const { name } = this.parts.versions;
    this.parts.options.onEvent({
      at: Date.now(),
      kind,
      module: name,
      ...(version === undefined ? {} : { version: version.id }),
      message,
      data: version === undefined ? data : { hash: version.hash, ...data },
    });
  }
}
