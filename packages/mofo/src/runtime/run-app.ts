// `mofo run` and `mofo dev`: everything the launcher process does, from reading the config to the last child's end.

import { closeSync } from 'node:fs';
import { boundPort, type ConnectionHub, limitCoreDump, openConnectionHub } from '@mofo/shm-store';
import { openRegistry, type Registry } from '@mofo/versions';
import { type Config, type LoadedConfig, loadConfig } from '../config/index.ts';
import { testConnections } from '../connections/index.ts';
import { examineThis } from '../doctor/index.ts';
import { MofoError } from '../errors.ts';
import { type ModuleBroken, type ModuleBuilt, type ModuleWatcher, watchModules } from '../modules/watch-modules.ts';
import { serveControl } from './control-socket.ts';
import { describe } from './describe-error.ts';
import { EventLog } from './event-log.ts';
import { takeInstanceLock } from './instance-lock.ts';
import { Launcher } from './launcher.ts';
import { listenWhenFree } from './listen-when-free.ts';
import type { RuntimeEvent } from './messages.ts';
import { pruneWhenMany } from './prune-versions.ts';
import { ServiceNotifier } from './service-notifier.ts';
import { takeUp } from './take-up.ts';
import { watchConfig } from './watch-config.ts';

/** Connections that wait in the kernel while nobody accepts. */
const LISTEN_BACKLOG = 1024;

/** What is to be run, and who hears of it. */
export interface RunOptions {
  readonly directory: string;
  /** `dev` watches the sources; `run` builds them once. */
  readonly mode: 'dev' | 'run';
  /** Port instead of the config's. */
  readonly port?: number;
  readonly onEvent: (event: RuntimeEvent) => void;
  /** What modules print. */
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
  /** Reads the config; default: the config file of `directory`. */
  readonly load?: () => Promise<LoadedConfig>;
  /** Ends the start, at whatever it is, in order. After it, use `stop`. */
  readonly signal?: AbortSignal;
}

/** A running application. */
export interface RunningApp {
  readonly config: Config;
  readonly port: number;
  readonly launcher: Launcher;
  /** Resolves with the exit code when everything has ended. */
  readonly ended: Promise<number>;
  /** Stops in order; the store stays. */
  stop(): Promise<number>;
}

/**
 * Starts an application. Resolves when main serves.
 *
 * @throws MofoError of the config, ALREADY_RUNNING, START_FAILED, NOT_READY when `signal` ended it; ShmStoreError PORT_IN_USE and others of listening; VersionsError of the registry. Then nothing runs.
 */
export async function runApp(given: RunOptions): Promise<RunningApp> {
  const { signal, load = () => loadConfig({ directory: given.directory }) } = given;
  const { config, appDirectory, file } = await load();
  let log: EventLog | undefined;
  const onEvent = (event: RuntimeEvent): void => {
    log?.write(event);
    given.onEvent(event);
  };
  const options: RunOptions = { ...given, onEvent };
  const undo: (() => unknown)[] = [];
  const notifier = new ServiceNotifier(process.env, (message) =>
    options.onEvent({ at: Date.now(), kind: 'warning', message }),
  );
  const undoAll = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    refuseIfAborted(signal);
    undo.push((await takeInstanceLock(appDirectory)).release);
    log = openLog(config, given);
    undo.push(() => log?.close());
    const { host, port } = config.http;
    const fd = await listenWhenFree(
      { host, port: options.port ?? port, backlog: LISTEN_BACKLOG },
      config.store.name,
      signal,
    );
    undo.push(() => closeSync(fd));
    limitCoreDump();
    if (options.mode === 'run') tellFindings(config, options.onEvent);
    const hub = await openHub(options, config, fd);
    if (hub !== undefined) undo.push(() => hub.close());
    const registry = openRegistry({ directory: `${config.directory}/versions` });
    undo.push(() => registry.close());
    const launcher = new Launcher({
      config,
      appDirectory,
      mode: options.mode,
      listenFd: fd,
      hub,
      registry,
      onEvent: options.onEvent,
      onOutput: options.onOutput,
    });
    const watcher = await startBuilding(options, config, appDirectory, registry, launcher);
    undo.push(() => watcher.close());
    if (options.mode === 'run') await watcher.close();
    else undo.push(watchConfig(file, options.onEvent));
    refuseIfAborted(signal);
    signal?.addEventListener('abort', () => void launcher.stop(), { once: true });
    await launcher.start();
    const control = await serveControl(config.directory, (request) => launcher.request(request));
    undo.push(() => control.close());
    const ended = launcher.ended.then(async (code) => {
      await undoAll();
      return code;
    });
    const mainPid = launcher.main?.pid;
    notifier.ready(
      `${config.name} serves on ${host}:${boundPort(fd)}${mainPid === undefined ? '' : ` (pid ${mainPid})`}`,
    );
    const stop = async (): Promise<number> => {
      notifier.stopping();
      await watcher.close();
      await launcher.stop();
      return ended;
    };
    return { config, port: boundPort(fd), launcher, ended, stop };
  } catch (error) {
    await undoAll();
    throw error;
  }
}

/** What on this machine may cost data or service in production; `mofo doctor` has all of it. */
function tellFindings({ store }: Config, onEvent: RunOptions['onEvent']): void {
  for (const { level, code, message, remedy } of examineThis(store))
    if (level === 'warning')
      onEvent({ at: Date.now(), kind: 'warning', message: `${message}\n${remedy}`, data: { code } });
}

/** Accepts in place of the processes that serve, so that connections outlive them; if that does not hold here, says so and goes on without. */
async function openHub({ onEvent }: RunOptions, config: Config, listenFd: number): Promise<ConnectionHub | undefined> {
  if (!config.http.keepConnections) return undefined;
  const problem = await testConnections();
  if (problem === undefined) return openConnectionHub(listenFd);
  const message = `connections will not survive the process that serves them: ${problem}`;
  onEvent({ at: Date.now(), kind: 'warning', message, data: { code: 'CONNECTIONS_NOT_KEPT', problem } });
  return undefined;
}

/** Its events go into a log on disk; without one the app runs all the same. */
function openLog({ directory }: Config, { onEvent, mode }: RunOptions): EventLog {
  const log = new EventLog(directory, (error) =>
    onEvent({
      at: Date.now(),
      kind: 'warning',
      message: `events are not written to disk any more: ${describe(error)}`,
    }),
  );
  log.write({ at: Date.now(), kind: 'start', message: `mofo ${mode} starts (launcher pid ${process.pid})` });
  return log;
}

function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new MofoError('NOT_READY', 'The application was stopped before it served. Nothing runs.');
}

/** Builds every module once, then (in dev) whatever changes; what is new goes to the registry and to main. */
function startBuilding(
  options: RunOptions,
  config: Config,
  appDirectory: string,
  registry: Registry,
  launcher: Launcher,
): Promise<ModuleWatcher> {
  const tell = (event: Omit<RuntimeEvent, 'at'>): void => options.onEvent({ at: Date.now(), ...event });
  const onBuilt = async (event: ModuleBuilt): Promise<void> => {
    const version = await takeUp(registry, event, (hash) => launcher.runs(hash), tell);
    const savedAt = event.occasion === 'start' ? undefined : event.savedAt;
    if (version === undefined) return;
    launcher.update(version.module, version.hash, savedAt);
    // Only now: nobody waits for it.
    pruneWhenMany(registry, version.module, launcher.loadedHashes());
  };
  return watchModules({
    directory: appDirectory,
    patterns: config.modules,
    onBuilt,
    onSavedAgain: onBuilt,
    onBroken: ({ file, error }: ModuleBroken) => {
      const [what, ...below] = error.message.split('\n');
      // Before main is there: what it will run. A file that cannot be a module has never had a version.
      const stable = error.code === 'NAME_MISMATCH' ? undefined : registry.latestStable(file.module)?.id;
      const running = launcher.runningOf(file.module) ?? stable;
      tell({
        kind: 'warning',
        module: file.module,
        message: [`not loaded: ${what}${running === undefined ? '' : ` ${running} goes on.`}`, ...below].join('\n'),
        data: { code: error.code, ...error.data },
      });
    },
    onRemoved: (file) =>
      tell({
        kind: 'warning',
        module: file.module,
        message: `${file.source} is gone; its version goes on until the next start`,
      }),
    onError: (error: MofoError) => tell({ kind: 'warning', message: error.message, data: { code: error.code } }),
  });
}
