// Opens a registry directory. Each call reads the module's record anew, so that a handle never tells yesterday's truth.

import { dirname, resolve } from 'node:path';
import { boundedReason, requireInteger, requireKnownOptions, requireLabel, requireVersionKey } from './arguments.ts';
import { BundleFiles } from './bundle-files.ts';
import { bundleSizeBytesMax, lockTimeoutDefaultMs, lockTimeoutMaxMs, triesDefault, triesMax } from './constants.ts';
import { contentHash } from './content-hash.ts';
import type { FileSystem } from './file-system.ts';
import { makeDirectorySync, nodeFileSystem } from './file-system.ts';
import { directoryOfModule, moduleOfDirectory, requireModuleName } from './module-name.ts';
import type { Occasion } from './module-record.ts';
import {
  addVersion,
  applyEvent,
  reportCrash,
  requireVersion,
  returnTry,
  spendTry,
  stableVersions,
} from './module-record.ts';
import { ModuleStore } from './module-store.ts';
import { chooseForPruning } from './pruning.ts';
import { publicVersion } from './public-version.ts';
import type { ModuleRecord, VersionRecord } from './record-file.ts';
import type {
  AddOptions,
  CrashOptions,
  MarkOptions,
  PruneOptions,
  Registry,
  RevertOptions,
  TryOptions,
} from './registry.ts';
import type { VersionEvent } from './state-machine.ts';
import type { ModuleHistoryEntry, Version, VersionKey } from './version.ts';
import { asVersionsError, VersionsError } from './versions-error.ts';

/** Where the registry is and how it behaves. */
export interface RegistryOptions {
  /** The registry's directory, for instance `.mofo/versions`; on a local disk. */
  readonly directory: string;
  /** Makes the directory, and its parents, if it is missing. Default: true. */
  readonly create?: boolean;
  /** Loads that a version may try before it must be called unstable: 1 to 100. Default: 3. */
  readonly tries?: number;
  /** How long a change waits for other processes' changes, in milliseconds: 1 to 600,000. Default: 10,000. */
  readonly lockTimeoutMs?: number;
  /** The clock, milliseconds since 1970. Times are for people; order never depends on them. Default: Date.now. */
  readonly now?: () => number;
  /** The calls to the operating system, for tests. Default: node:fs. */
  readonly fileSystem?: FileSystem;
}

interface Module {
  readonly store: ModuleStore;
  readonly bundles: BundleFiles;
}

/**
 * Opens the registry in a directory. Synchronous; reads the directory's names only, so damage to one module's record shows when
 * that module is used, and leaves the others alone.
 *
 * @throws VersionsError DIRECTORY_MISSING, READ_ONLY, NO_SPACE, IO_ERROR, UNKNOWN_OPTION
 * @example
 * const registry = openRegistry({ directory: '.mofo/versions' });
 * const version = await registry.add('fees', { bundle: 'module.exports = …', source: 'fees.ts' });
 */
export function openRegistry(options: RegistryOptions): Registry {
  requireKnownOptions(options, ['directory', 'create', 'tries', 'lockTimeoutMs', 'now', 'fileSystem'], 'openRegistry');
  const { directory, create = true, fileSystem = nodeFileSystem, now = Date.now } = options;
  const { tries = triesDefault, lockTimeoutMs = lockTimeoutDefaultMs } = options;
  if (typeof directory !== 'string' || directory === '') throw new TypeError('directory must be a path');
  requireInteger(tries, 'tries', 1, triesMax);
  requireInteger(lockTimeoutMs, 'lockTimeoutMs', 1, lockTimeoutMaxMs);
  const path = resolve(directory);
  try {
    if (create) makeDirectories(fileSystem, path);
    fileSystem.readDirectory(path);
  } catch (error) {
    throw asVersionsError(error, 'open the registry', path);
  }
  return new DiskRegistry(path, { fileSystem, now, tries, lockTimeoutMs });
}

interface Settings {
  readonly fileSystem: FileSystem;
  readonly now: () => number;
  readonly tries: number;
  readonly lockTimeoutMs: number;
}

class DiskRegistry implements Registry {
  readonly directory: string;
  readonly #settings: Settings;
  readonly #modules = new Map<string, Module>();
  #isClosed = false;

  constructor(directory: string, settings: Settings) {
    this.directory = directory;
    this.#settings = settings;
  }

  get status(): 'open' | 'closed' {
    return this.#isClosed ? 'closed' : 'open';
  }

  async add(module: string, options: AddOptions): Promise<Version> {
    requireKnownOptions(options, ['bundle', 'source', 'bundler', 'note', 'by', 'signal'], 'registry.add');
    const { store, bundles } = this.#module(module);
    const { source, bundler = '', note, signal } = options;
    requireLabel(source, 'source');
    requireLabel(bundler, 'bundler');
    if (note !== undefined) requireLabel(note, 'note');
    const occasion = this.#occasion(`built from ${source}`, options.by);
    const bytes = bundleBytes(options.bundle);
    const hash = contentHash(bytes, bundler);
    signal?.throwIfAborted();
    store.makeDirectory(store.directory, this.directory);
    const added = { hash, bundler, sizeBytes: bytes.byteLength, source, note };
    for (;;) {
      await bundles.place(hash, bytes);
      signal?.throwIfAborted();
      const version = await store.changeInBackground(
        (record) => {
          const changed = addVersion(record, added, occasion);
          return { changed, value: requireVersion(record, hash) };
        },
        { stillHolds: () => bundles.has(hash) },
      );
      if (version === undefined) continue; // a purge took the file away before the entry named it: place it again
      if (version.wasUnstable) throw knownUnstable(module, version);
      return publicVersion(module, version);
    }
  }

  markChecked(version: VersionKey, options: MarkOptions = {}): Version {
    return this.#mark(version, 'check', 'its exports are valid', options);
  }

  spendTry(version: VersionKey, options: TryOptions = {}): Version {
    return this.#changeTries('registry.spendTry', version, options, (record, found, by) => {
      spendTry(record, found, by);
      return true;
    });
  }

  async beginTry(version: VersionKey, options: TryOptions = {}): Promise<Version> {
    requireKnownOptions(options, ['by'], 'registry.beginTry');
    requireVersionKey(version);
    const occasion = this.#occasion('loaded on probation', options.by);
    const begun = await this.#module(version.module).store.changeInBackground((record) => {
      const found = requireVersion(record, version.hash);
      // Before the state changes: what was tried with success before has new tries, what is checked has its own.
      if (found.state !== 'probation') applyEvent(record, found, 'begin', occasion);
      spendTry(record, found, occasion.by);
      return { changed: true, value: publicVersion(version.module, found) };
    });
    return begun!; // undefined only where `stillHolds` is given
  }

  returnTry(version: VersionKey, options: TryOptions = {}): Version {
    return this.#changeTries('registry.returnTry', version, options, returnTry);
  }

  markProbation(version: VersionKey, options: MarkOptions = {}): Version {
    return this.#mark(version, 'begin', 'loaded on probation', options);
  }

  markStable(version: VersionKey, options: MarkOptions = {}): Version {
    return this.#mark(version, 'promote', 'passed its probation', options);
  }

  markSuperseded(version: VersionKey, options: MarkOptions = {}): Version {
    return this.#mark(version, 'supersede', 'another version took its place', options);
  }

  markDraining(version: VersionKey, options: MarkOptions = {}): Version {
    return this.#mark(version, 'drain', 'chosen for removal', options);
  }

  quarantine(version: VersionKey, reason: string, options: CrashOptions = {}): Version {
    requireKnownOptions(options, ['by', 'stack'], 'registry.quarantine');
    return this.#move(version, 'quarantine', this.#crash(reason, options));
  }

  reportCrash(version: VersionKey, reason: string, options: CrashOptions = {}): Version {
    requireKnownOptions(options, ['by', 'stack'], 'registry.reportCrash');
    requireVersionKey(version);
    const occasion = this.#crash(reason, options);
    return this.#module(version.module).store.change((record) => {
      const found = requireVersion(record, version.hash);
      const changed = reportCrash(found, occasion);
      return { changed, value: publicVersion(version.module, found) };
    });
  }

  async quarantineInBackground(
    version: VersionKey,
    reason: string,
    options: { readonly by?: string } = {},
  ): Promise<Version> {
    requireKnownOptions(options, ['by'], 'registry.quarantineInBackground');
    requireVersionKey(version);
    const occasion = this.#occasion(reason, options.by);
    const { store } = this.#module(version.module);
    const moved = await store.changeInBackground((record) => moveVersion(record, version, 'quarantine', occasion));
    return moved!; // undefined only where `stillHolds` is given
  }

  retry(version: VersionKey, by: string, options: { readonly reason?: string } = {}): Version {
    requireKnownOptions(options, ['reason'], 'registry.retry');
    requireLabel(by, 'by');
    requireVersionKey(version);
    const { store, bundles } = this.#module(version.module);
    const stored = requireVersion(store.read(), version.hash);
    if (stored.state !== 'purged') bundles.read(stored);
    return this.#move(version, 'retry', this.#occasion(options.reason ?? 'given another chance', by));
  }

  purge(version: VersionKey, options: MarkOptions = {}): Version {
    const purged = this.#mark(version, 'purge', 'no longer needed', options);
    this.#module(version.module).bundles.removeOrphans();
    return purged;
  }

  prune(module: string, options: PruneOptions): Version[] {
    requireKnownOptions(options, ['keep', 'inUse', 'by'], 'registry.prune');
    requireInteger(options.keep, 'keep', 0, Number.MAX_SAFE_INTEGER);
    const { store, bundles } = this.#module(module);
    const occasion = this.#occasion(`pruned, the ${options.keep} newest are kept`, options.by);
    const inUse = new Set(options.inUse ?? []);
    const pruned = store.change((record) => {
      const { drain, purge } = chooseForPruning(record, options.keep);
      let changed = false;
      for (const version of drain) changed = applyEvent(record, version, 'drain', occasion) || changed;
      const free = purge.filter((version) => !inUse.has(version.hash));
      for (const version of free) changed = applyEvent(record, version, 'purge', occasion) || changed;
      return { changed, value: free.map((version) => publicVersion(module, version)) };
    });
    bundles.removeOrphans();
    return pruned;
  }

  latestStable(module: string): Version | undefined {
    return this.revertTarget(module);
  }

  revertTarget(module: string, options: RevertOptions = {}): Version | undefined {
    requireKnownOptions(options, ['except', 'satisfying'], 'registry.revertTarget');
    const { except, satisfying = () => true } = options;
    if (except !== undefined) requireVersionKey(except);
    return stableVersions(this.#module(module).store.read())
      .filter((version) => version.hash !== except?.hash)
      .map((version) => publicVersion(module, version))
      .find(satisfying);
  }

  list(module: string): Version[] {
    const { versions } = this.#module(module).store.read();
    return versions.map((version) => publicVersion(module, version)).reverse();
  }

  get(module: string, id: string): Version | undefined {
    if (typeof id !== 'string' || !/^[0-9a-f]{4,64}$/.test(id)) {
      throw new TypeError(`an id is 4 to 64 hexadecimal digits, not ${JSON.stringify(id)}`);
    }
    const { versions } = this.#module(module).store.read();
    const found = versions.filter((version) => version.hash.startsWith(id));
    const version = versions.find((candidate) => candidate.id === id) ?? found[0];
    if (version === undefined) return undefined;
    if (version.id !== id && found.length > 1) {
      const ids = found.map((candidate) => candidate.id).join(', ');
      throw new VersionsError('AMBIGUOUS_VERSION', `${module}@${id} may be any of ${ids}. Give more digits.`, {
        module,
      });
    }
    return publicVersion(module, version);
  }

  history(module: string): ModuleHistoryEntry[] {
    const { versions } = this.#module(module).store.read();
    return versions
      .flatMap(({ history, id, hash }) => history.map((entry) => ({ id, hash, ...entry, from: entry.from })))
      .sort((one, other) => one.generation - other.generation);
  }

  modules(): string[] {
    this.#requireOpen();
    try {
      const names = this.#settings.fileSystem.readDirectory(this.directory).map(moduleOfDirectory);
      const modules = names.filter((name) => name !== undefined);
      return modules.filter((name) => this.#module(name).store.read().versions.length > 0).sort();
    } catch (error) {
      throw asVersionsError(error, 'list the modules', this.directory);
    }
  }

  readBundle(version: VersionKey): Uint8Array {
    requireVersionKey(version);
    const { store, bundles } = this.#module(version.module);
    return bundles.read(requireVersion(store.read(), version.hash));
  }

  close(): void {
    this.#isClosed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #changeTries(
    where: string,
    version: VersionKey,
    options: TryOptions,
    change: (record: ModuleRecord, found: VersionRecord, by: string) => boolean,
  ): Version {
    requireKnownOptions(options, ['by'], where);
    const { by = `pid ${process.pid}` } = options;
    requireLabel(by, 'by');
    requireVersionKey(version);
    return this.#module(version.module).store.change((record) => {
      const found = requireVersion(record, version.hash);
      return { changed: change(record, found, by), value: publicVersion(version.module, found) };
    });
  }

  #mark(version: VersionKey, event: VersionEvent, defaultReason: string, options: MarkOptions): Version {
    requireKnownOptions(options, ['reason', 'by'], 'this call');
    return this.#move(version, event, this.#occasion(options.reason ?? defaultReason, options.by));
  }

  #move(version: VersionKey, event: VersionEvent, occasion: Occasion): Version {
    requireVersionKey(version);
    return this.#module(version.module).store.change((record) => moveVersion(record, version, event, occasion));
  }

  #occasion(reason: string, by: string | undefined): Occasion {
    if (by !== undefined) requireLabel(by, 'by');
    const { now, tries } = this.#settings;
    return { reason: boundedReason(reason), by: by ?? `pid ${process.pid}`, at: now(), tries };
  }

  #crash(reason: string, { by, stack }: CrashOptions): Occasion {
    const occasion = this.#occasion(reason, by);
    return stack === undefined ? occasion : { ...occasion, stack: boundedReason(stack) };
  }

  #module(name: string): Module {
    this.#requireOpen();
    requireModuleName(name);
    let module = this.#modules.get(name);
    if (module === undefined) {
      const { fileSystem, lockTimeoutMs } = this.#settings;
      const store = new ModuleStore(fileSystem, `${this.directory}/${directoryOfModule(name)}`, name, lockTimeoutMs);
      module = { store, bundles: new BundleFiles(fileSystem, store) };
      this.#modules.set(name, module);
    }
    return module;
  }

  #requireOpen(): void {
    if (!this.#isClosed) return;
    throw new VersionsError('CLOSED', `the registry ${this.directory} was closed. Nothing was changed. Open it again.`);
  }
}

function moveVersion(
  record: ModuleRecord,
  { module, hash }: VersionKey,
  event: VersionEvent,
  occasion: Occasion,
): { changed: boolean; value: Version } {
  const version = requireVersion(record, hash);
  const changed = applyEvent(record, version, event, occasion);
  return { changed, value: publicVersion(module, version) };
}

function knownUnstable(module: string, version: VersionRecord): VersionsError {
  const reason = version.crashes.at(-1)?.reason ?? 'unknown';
  const message =
    `${module}@${version.id} is known to be unstable: ${reason}. It was not taken up again; the running version goes on. ` +
    'Change the source, or give it another chance with registry.retry().';
  return new VersionsError('VERSION_UNSTABLE', message, { module, hash: version.hash, from: version.state, reason });
}

function bundleBytes(bundle: unknown): Uint8Array {
  if (typeof bundle !== 'string' && !(bundle instanceof Uint8Array)) {
    throw new TypeError('bundle must be a string or a Uint8Array');
  }
  const bytes = Buffer.from(bundle as Uint8Array); // a copy: the caller may reuse his before it is written
  if (bytes.byteLength <= bundleSizeBytesMax) return bytes;
  const message = `the bundle has ${bytes.byteLength} bytes, at most ${bundleSizeBytesMax} are stored. Nothing was changed.`;
  throw new VersionsError('BUNDLE_TOO_LARGE', message);
}

/** Makes the registry's directory with its parents. */
function makeDirectories(fileSystem: FileSystem, path: string): void {
  const parent = dirname(path);
  if (!fileSystem.exists(path) && parent !== path) makeDirectories(fileSystem, parent);
  if (!fileSystem.exists(path)) makeDirectorySync(fileSystem, path, parent);
}
