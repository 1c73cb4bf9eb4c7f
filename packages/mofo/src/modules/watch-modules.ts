// Watches the sources of modules and builds what changed. Events of the file system only say "look again"; what counts is the
// content. A file that is still being written is read until two reads agree, and a build during which an input changed is done
// over. A broken source is reported once and watched on; the save that mends it builds again.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { watch } from 'chokidar';
import { findModules, type ModuleFile, moduleNameProblem, moduleOfFile, patternDirectories } from '../config/index.ts';
import { MofoError } from '../errors.ts';
import { type BuiltModule, buildModule } from './build-module.ts';

/** Between two reads that must agree, in milliseconds: longer than the gap between two writes of one save. */
const stableReadGapMs = 10;

/** An empty or missing file is what an editor leaves for a moment while it saves; it is believed after this many reads. */
const emptyReadCountMax = 20;

/** Builds in a row during which an input changed again; after these the last one is taken, for somebody writes without end. */
const rebuildCountMax = 10;

/** A module that was built because its sources changed. */
export interface ModuleBuilt {
  readonly file: ModuleFile;
  readonly built: BuiltModule;
  /** The first build at the start, a change, or a save that changed nothing. */
  readonly occasion: 'start' | 'change' | 'same';
  /** When the change was first seen, milliseconds since 1970. */
  readonly savedAt: number;
}

/** A module whose sources do not build. */
export interface ModuleBroken {
  readonly file: ModuleFile;
  /** BUILD_FAILED or EXPORTS_INVALID, with the code frame. */
  readonly error: MofoError;
  readonly savedAt: number;
}

/** How long after an event the content is looked at again: chokidar drops a second change of a file within 50 ms of the first. */
const recheckAfterMs = 100;

/** What to watch and whom to tell. Callbacks of one module come in order, never two at once. */
export interface WatchModulesOptions {
  /** The app's directory. */
  readonly directory: string;
  /** Patterns of the modules, as the config has them. */
  readonly patterns: readonly string[];
  /** Content changed and builds; also at the start, once for each module. */
  readonly onBuilt: (event: ModuleBuilt) => void | Promise<void>;
  /** A file was written and the build is what it was. */
  readonly onSavedAgain?: (event: ModuleBuilt) => void | Promise<void>;
  /** Content changed and does not build. */
  readonly onBroken: (event: ModuleBroken) => void | Promise<void>;
  /** A module's file is gone. */
  readonly onRemoved?: (file: ModuleFile) => void | Promise<void>;
  /** The watching itself failed, for instance for want of inotify watches. */
  readonly onError: (error: MofoError) => void;
}

/** A running watcher. */
export interface ModuleWatcher {
  /** Absolute paths of all inputs of all modules, sorted. */
  inputs(): string[];
  /** Resolves when nothing is being built and no event is waiting. */
  settled(): Promise<void>;
  /** Stops watching and waits for the build under way. Idempotent. */
  close(): Promise<void>;
}

interface Watched {
  readonly file: ModuleFile;
  readonly path: string;
  inputs: ReadonlySet<string>;
  /** What was reported last: the bundle's hash, or the error's message. */
  reported: string | undefined;
  isBroken: boolean;
  /** A file of it was written since the last report. */
  isSaved: boolean;
  /** When the change that waits to be built was seen; undefined if none waits. */
  dirtyAt: number | undefined;
  work: Promise<void> | undefined;
  /** Looks once more, in case an event was lost. */
  recheck: NodeJS.Timeout | undefined;
}

/**
 * Builds every module once, then watches them. Resolves when all have been built or reported and every later change will be seen.
 *
 * @throws MofoError CONFIG_NO_MODULES and others of `findModules`; nothing is left watching.
 */
export async function watchModules(options: WatchModulesOptions): Promise<ModuleWatcher> {
  const watcher = new Watcher(options, await findModules(options.directory, options.patterns));
  await watcher.start();
  return watcher;
}

class Watcher implements ModuleWatcher {
  private readonly options: WatchModulesOptions;
  private readonly directory: string;
  private readonly modules = new Map<string, Watched>();
  private readonly watched = new Set<string>();
  /** Sources whose names no module can have. */
  private readonly refused = new Set<string>();
  private readonly files = watch([], { ignoreInitial: true, ignored: /[/\\](node_modules|\.git)([/\\]|$)/ });
  private isClosed = false;

  constructor(options: WatchModulesOptions, found: readonly ModuleFile[]) {
    this.options = options;
    this.directory = resolve(options.directory);
    for (const file of found) this.add(file);
  }

  async start(): Promise<void> {
    const ready = new Promise<void>((settle) => this.files.once('ready', settle));
    this.files.on('all', (event, path) => this.see(event, resolve(path)));
    this.files.on('error', (error) => this.options.onError(watchFailed(error)));
    this.watch(patternDirectories(this.directory, this.options.patterns));
    await ready;
    // Whatever changed before this line is read by these builds, whatever changes after it is seen.
    for (const module of this.modules.values()) this.rebuild(module, Date.now());
    await this.settled();
  }

  inputs(): string[] {
    return [...new Set([...this.modules.values()].flatMap((module) => [...module.inputs]))].sort();
  }

  async settled(): Promise<void> {
    for (;;) {
      const works = [...this.modules.values()].flatMap((module) => module.work ?? []);
      if (works.length === 0) return;
      await Promise.all(works);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const module of this.modules.values()) clearTimeout(module.recheck);
    await this.files.close();
    await this.settled();
  }

  private add(file: ModuleFile): Watched {
    const path = resolve(this.directory, file.source);
    const module: Watched = {
      file,
      path,
      inputs: new Set([path]),
      reported: undefined,
      isBroken: false,
      isSaved: false,
      dirtyAt: undefined,
      work: undefined,
      recheck: undefined,
    };
    this.modules.set(path, module);
    return module;
  }

  private see(event: string, path: string): void {
    if (this.isClosed || event.endsWith('Dir')) return;
    const file = moduleOfFile(this.directory, this.options.patterns, path);
    if (file !== undefined && !this.modules.has(path) && event !== 'unlink' && this.mayBeModule(file)) this.add(file);
    for (const module of this.modules.values()) {
      // A broken module may have missed just the file that came: its inputs are not all known.
      if (module.path !== path && !module.inputs.has(path) && !module.isBroken) continue;
      module.isSaved = true;
      this.rebuild(module, Date.now());
    }
  }

  /** A file that came while we watch is refused alone, and once; at the start it is the config that is wrong. */
  private mayBeModule(file: ModuleFile): boolean {
    const error = moduleNameProblem(file);
    if (error === undefined) return true;
    if (!this.refused.has(file.source)) void this.options.onBroken({ file, error, savedAt: Date.now() });
    this.refused.add(file.source);
    return false;
  }

  private rebuild(module: Watched, savedAt: number): void {
    module.dirtyAt ??= savedAt;
    module.work ??= this.work(module)
      .catch((error: unknown) => this.options.onError(watchFailed(error)))
      .finally(() => {
        module.work = undefined;
      });
  }

  private async work(module: Watched): Promise<void> {
    // The first step is taken later, so that `work` is known to be under way before it ends.
    await Promise.resolve();
    for (let count = 0; module.dirtyAt !== undefined && !this.isClosed; count += 1) {
      const savedAt = module.dirtyAt;
      module.dirtyAt = undefined;
      const before = await stableContents(module.inputs);
      if (before.get(module.path) === undefined) return await this.forget(module);
      const result = await this.build(module);
      if (count < rebuildCountMax && (await hasChanged(before))) {
        module.dirtyAt ??= savedAt;
        continue;
      }
      const hasNewInputs = 'built' in result && this.learn(module, result.built);
      this.recheckLater(module, before);
      await this.report(module, result, savedAt);
      // What was not watched while it was read may have changed since: look once more, now that it is.
      if (hasNewInputs) module.dirtyAt ??= savedAt;
    }
  }

  private recheckLater(module: Watched, built: ReadonlyMap<string, string | undefined>): void {
    clearTimeout(module.recheck);
    module.recheck = setTimeout(async () => {
      const isCurrent = !this.isClosed && this.modules.get(module.path) === module;
      if (isCurrent && (await hasChanged(built))) this.rebuild(module, Date.now());
    }, recheckAfterMs);
  }

  /** Takes up the inputs of a build; true if there are more than before. */
  private learn(module: Watched, built: BuiltModule): boolean {
    const hasNew = built.inputs.some((input) => !module.inputs.has(input));
    module.inputs = new Set([module.path, ...built.inputs]);
    this.watch(built.inputs.map((input) => dirname(input)));
    return hasNew;
  }

  private async build(module: Watched): Promise<{ built: BuiltModule } | { error: MofoError }> {
    try {
      return { built: await buildModule({ directory: this.directory, source: module.file.source }) };
    } catch (error) {
      if (error instanceof MofoError) return { error };
      throw error;
    }
  }

  private async report(
    module: Watched,
    result: { built: BuiltModule } | { error: MofoError },
    savedAt: number,
  ): Promise<void> {
    const { isSaved } = module;
    module.isSaved = false;
    if ('error' in result) {
      module.isBroken = true;
      if (module.reported === result.error.message) return;
      module.reported = result.error.message;
      await this.options.onBroken({ file: module.file, error: result.error, savedAt });
      return;
    }
    const hash = createHash('sha256').update(result.built.bundle).digest('hex');
    const isFirst = module.reported === undefined && !isSaved;
    const occasion = isFirst ? 'start' : module.reported === hash ? 'same' : 'change';
    module.isBroken = false;
    module.reported = hash;
    const event: ModuleBuilt = { file: module.file, built: result.built, occasion, savedAt };
    if (occasion !== 'same') await this.options.onBuilt(event);
    else if (isSaved) await this.options.onSavedAgain?.(event);
  }

  private async forget(module: Watched): Promise<void> {
    this.modules.delete(module.path);
    await this.options.onRemoved?.(module.file);
  }

  private watch(directories: readonly string[]): void {
    const added = [...new Set(directories)].filter((directory) => !this.watched.has(directory));
    for (const directory of added) this.watched.add(directory);
    if (added.length > 0) this.files.add(added);
  }
}

/** Hashes of files by path, each read until it holds still; undefined for what is gone. */
async function stableContents(paths: Iterable<string>): Promise<Map<string, string | undefined>> {
  const entries = [...paths].map(async (path) => [path, await stableContent(path)] as const);
  return new Map(await Promise.all(entries));
}

async function hasChanged(before: ReadonlyMap<string, string | undefined>): Promise<boolean> {
  for (const [path, content] of before) if ((await contentHashOf(path)) !== content) return true;
  return false;
}

/** Reads a file until two reads agree. Empty and gone are believed only after many: editors leave both behind for a moment. */
async function stableContent(path: string): Promise<string | undefined> {
  let last = await contentHashOf(path);
  for (let emptyCount = 0; ; ) {
    await wait(stableReadGapMs);
    const next = await contentHashOf(path);
    const isEmpty = next === undefined || next === '';
    emptyCount = isEmpty ? emptyCount + 1 : 0;
    if (next === last && (!isEmpty || emptyCount >= emptyReadCountMax)) return next;
    last = next;
  }
}

/** A hash of a file's content, empty for an empty file, undefined for one that cannot be read. */
async function contentHashOf(path: string): Promise<string | undefined> {
  try {
    const content = await readFile(path);
    return content.byteLength === 0 ? '' : createHash('sha256').update(content).digest('hex');
  } catch {
    return undefined; // Gone or unreadable: the build that follows says what it is.
  }
}

function watchFailed(cause: unknown): MofoError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const advice = reason.includes('ENOSPC') ? ' Raise fs.inotify.max_user_watches.' : '';
  return new MofoError(
    'WATCH_FAILED',
    `watching the sources failed: ${reason}. What runs goes on, changes may not be seen.${advice}`,
    { cause },
  );
}
