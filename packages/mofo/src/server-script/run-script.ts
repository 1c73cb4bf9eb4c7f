// `mofo run server.js` and `mofo dev server.js`: everything the launcher of a server script does, from reading its sources to its last process's end.

import { mkdirSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { limitCoreDump, openIdleConnectionHub } from '@mofo/shm-store';
import { openRegistry, type Version } from '@mofo/versions';
import { testConnections } from '../connections/index.ts';
import { MofoError } from '../errors.ts';
import { type ControlRequest, serveControl } from '../runtime/control-socket.ts';
import { takeInstanceLock } from '../runtime/instance-lock.ts';
import { wordOfWarning } from '../runtime/make-stable.ts';
import { reasonOf } from '../runtime/reason-of.ts';
import { ServiceNotifier } from '../runtime/service-notifier.ts';
import { collectSources } from './script-archive.ts';
import { ScriptLauncher } from './script-launcher.ts';
import type { ScriptOptions } from './script-options.ts';
import { noteFile, readNote, scriptName, scriptStateDirectory } from './script-state.ts';
import { ScriptVersions } from './script-versions.ts';
import { type SourceWatch, watchSources } from './watch-sources.ts';

/** A server script that is run. */
export class ScriptRun {
  readonly name: string;
  launcher: ScriptLauncher | undefined;
  private readonly options: ScriptOptions;
  private readonly state: string;
  private readonly undo: (() => unknown)[] = [];
  private readonly loaded: Set<string>;
  private readonly notifier: ServiceNotifier;
  /** Set by `prepare`, as `first` is. */
  private versions!: ScriptVersions;
  private first!: Version;
  private watch: SourceWatch | undefined;
  private isStopped = false;
  private readonly begun: Promise<void>;
  private hasBegun: () => void = () => {};

  constructor(options: ScriptOptions) {
    const { directory, script } = options;
    this.options = options;
    this.begun = new Promise((resolve) => {
      this.hasBegun = resolve;
    });
    this.name = scriptName(directory, script);
    this.state = scriptStateDirectory(directory, this.name);
    this.notifier = new ServiceNotifier(options.environment, (message) => this.warn(message));
    mkdirSync(this.state, { recursive: true, mode: 0o700 });
    const note = readNote(this.state);
    const isSame = note?.script === relative(directory, script);
    this.loaded = new Set(isSame ? note.loaded.map((file) => resolve(directory, file)) : []);
  }

  /**
   * Runs the script until it has ended or is stopped. Resolves with the exit code.
   *
   * @throws MofoError ALREADY_RUNNING, BUILD_FAILED; VersionsError of the registry. Then nothing runs.
   */
  async run(): Promise<number> {
    try {
      const launcher = await this.prepare();
      if (launcher === undefined) return 0;
      const { ended } = launcher;
      await this.begin(launcher);
      return await ended;
    } finally {
      for (const step of this.undo.splice(0).reverse()) await step();
    }
  }

  /** Stops in order; the second time at once. */
  stop(signal: 'SIGTERM' | 'SIGINT'): void {
    this.isStopped = true;
    void this.launcher?.stop(signal);
  }

  /** Undefined when it was stopped meanwhile. */
  private async prepare(): Promise<ScriptLauncher | undefined> {
    const { options, state, name } = this;
    const { directory, mode, script } = options;
    this.undo.push((await takeInstanceLock(state)).release);
    limitCoreDump();
    const problem = await testConnections();
    if (problem !== undefined) this.warn(`connections will not survive the process that serves them: ${problem}`);
    const hub = openIdleConnectionHub();
    this.undo.push(() => hub.close());
    const registry = openRegistry({ directory: `${state}/versions` });
    this.undo.push(() => registry.close());
    this.versions = new ScriptVersions(registry, name, directory, relative(directory, script));
    const archive = await collectSources(directory, script, this.loaded);
    const version = await this.versions.enter(archive);
    this.note();
    if (this.isStopped) return undefined;
    const launcher = new ScriptLauncher({
      options,
      versions: this.versions,
      hub,
      notifier: this.notifier,
      onLoaded: (files) => this.noteLoaded(files),
    });
    this.launcher = launcher;
    this.undo.push(() => launcher.listeners.closeAll());
    const control = await serveControl(state, (request) => this.answer(request));
    this.undo.push(() => control.close());
    if (mode === 'dev') {
      this.watch = await watchSources(
        archive.files,
        () => void this.takeUp(),
        (error) => this.warn(error.message),
      );
      this.undo.push(() => this.watch?.close());
    }
    this.first = version;
    return launcher;
  }

  /** Resolves when it serves, has ended, or waits for a save. */
  private async begin(launcher: ScriptLauncher): Promise<void> {
    const { name } = this;
    const { onEvent } = this.options;
    const serves = await launcher.start(this.candidates(this.first));
    this.hasBegun();
    if (!serves) return;
    const { main, listeners } = launcher;
    const where = listeners.all.map((listener) => listener.name).join(', ');
    onEvent({
      at: Date.now(),
      kind: 'start',
      module: name,
      version: main?.version?.id ?? this.first.id,
      message: `serves on ${where} (pid ${main?.pid})`,
      data: { pid: main?.pid, ready: true, listeners: listeners.all.map((listener) => listener.answer) },
    });
    this.notifier.ready(`${name}@${main?.version?.id} serves on ${where} (pid ${main?.pid})`);
  }

  async reload(): Promise<unknown> {
    // What is saved during a start is taken up after it.
    await this.begun;
    const version = await this.collect();
    if (version.state === 'unstable' && this.versions.stable !== undefined)
      throw new MofoError(
        'START_FAILED',
        `${this.name}@${version.id} is known to be unstable: ${reasonOf(version)}. What runs goes on. Change it, or give it another chance with: npx mofo promote ${this.name} ${version.id}`,
        { data: { module: this.name, version: version.id } },
      );
    return this.running().replace(version);
  }

  /** A save: nothing is done when it changed nothing, and nobody waits for what comes of it. */
  private async takeUp(): Promise<void> {
    try {
      const { serving, version } = { serving: this.launcher?.main?.version, version: await this.collect() };
      if (serving?.hash === version.hash) return;
      await this.reload();
    } catch (error) {
      const { message, data } = error as MofoError;
      // A version that failed has been told of.
      if (error instanceof MofoError && error.code === 'START_FAILED' && data.reason !== undefined) return;
      this.warn(message, error instanceof MofoError ? { code: error.code, ...data } : {});
    }
  }

  private async collect(): Promise<Version> {
    const { directory, script } = this.options;
    const archive = await collectSources(directory, script, this.loaded);
    this.watch?.add(archive.files);
    const version = await this.versions.enter(archive);
    if (version.state !== 'unstable') this.versions.supersedeWaiting(this.launcher?.main?.version ?? version, version);
    return version;
  }

  /** What a start tries, in this order. */
  private candidates(version: Version): Version[] {
    const { stable } = this.versions;
    if (stable === undefined || stable.hash === version.hash) return [version];
    const isHopeless = version.state === 'unstable' || (version.state === 'probation' && version.triesLeft === 0);
    if (!isHopeless) return [version, stable];
    this.warn(
      `${version.id} is passed over, ${stable.id} runs: ${version.state === 'unstable' ? reasonOf(version) : 'no try left'}. Change it, or: npx mofo promote ${this.name} ${version.id}`,
    );
    return [stable];
  }

  private running(): ScriptLauncher {
    if (this.launcher !== undefined && !this.launcher.isOver) return this.launcher;
    throw new MofoError('NOT_READY', 'The script is not running at this moment. Nothing was done.');
  }

  private async answer({ what, module, version: id }: ControlRequest): Promise<unknown> {
    const { versions } = this;
    const launcher = this.running();
    if (what === 'status') return this.status();
    if (what === 'reload') return this.reload();
    if (module !== this.name)
      throw new MofoError('UNKNOWN_MODULE', `This is the script "${this.name}". Nothing was done.`, {
        data: { module },
      });
    const running = launcher.main?.version;
    if (what === 'promote') {
      const version = id === undefined ? running : versions.find(id);
      if (version === undefined) throw new MofoError('NOT_READY', 'Nothing serves at this moment. Nothing was done.');
      const warning = wordOfWarning(version, reasonOf(version));
      const promoted = versions.promote(version);
      if (running?.hash === promoted.hash) launcher.promoted();
      else await launcher.replace(promoted);
      return { module, version: promoted.id, state: promoted.state, ...(warning === undefined ? {} : { warning }) };
    }
    if (what !== 'revert')
      throw new MofoError('USAGE', `A server script has no ${what}. Nothing was done.`, { data: { what } });
    const target = versions.before(running);
    if (target === undefined)
      throw new MofoError(
        'NOTHING_TO_REVERT',
        `script "${this.name}" has no other version that was stable. Nothing was changed. See: npx mofo versions ${this.name}`,
        { data: { module } },
      );
    const stable = versions.revertTo(target, running);
    await launcher.replace(stable);
    return { module, version: stable.id, state: stable.state };
  }

  private status(): unknown {
    const { versions, name } = this;
    const launcher = this.running();
    const { main } = launcher;
    return {
      script: name,
      launcher: process.pid,
      pid: main?.pid,
      standby: launcher.standbyPid,
      listeners: launcher.listeners.all.map((listener) => listener.name),
      http: {
        served: main?.pong?.served ?? 0,
        failed: main?.pong?.failed ?? 0,
        connections: main?.pong?.connections ?? 0,
      },
      connections: main?.pong?.takeovers,
      processes: launcher.loaded,
      modules: [
        {
          module: name,
          running: main?.version,
          draining: [],
          versions: versions.list().map((version) => ({
            id: version.id,
            hash: version.hash,
            state: version.state,
            reason: reasonOf(version),
            triesLeft: version.triesLeft,
          })),
        },
      ],
    };
  }

  private noteLoaded(files: readonly string[]): void {
    const before = this.loaded.size;
    for (const file of files) this.loaded.add(file);
    if (this.loaded.size === before) return;
    this.note();
    this.watch?.add(files);
  }

  private note(): void {
    const { directory, script } = this.options;
    const loaded = [...this.loaded].map((file) => relative(directory, file));
    writeFileSync(noteFile(this.state), JSON.stringify({ script: relative(directory, script), loaded }));
  }

  private warn(message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.options.onEvent({ at: Date.now(), kind: 'warning', module: this.name, message, data });
  }
}
