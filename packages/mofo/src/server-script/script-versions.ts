// The versions of one server script in the registry: which one runs, and what becomes of one that works or does not. The states are those of modules.

import { type Registry, type Version, VersionsError } from '@mofo/versions';
import { requireModule, requireVersion } from '../runtime/known-versions.ts';
import { admit, makeStable } from '../runtime/make-stable.ts';
import { giveTryBack } from '../runtime/settle-tries.ts';
import type { Sources } from './messages.ts';
import { type ScriptArchive, sourcesOf } from './script-archive.ts';

/** How many superseded versions are kept. */
const VERSIONS_KEPT = 20;

/** A script's part of a registry. */
export class ScriptVersions {
  readonly name: string;
  private readonly registry: Registry;
  private readonly directory: string;
  private readonly source: string;

  constructor(registry: Registry, name: string, directory: string, source: string) {
    this.registry = registry;
    this.name = name;
    this.directory = directory;
    this.source = source;
  }

  /** Enters what the sources are now. A version that is known to be unstable comes back as it is. */
  async enter(archive: ScriptArchive): Promise<Version> {
    try {
      const version = await this.registry.add(this.name, {
        bundle: archive.bytes,
        source: this.source,
        bundler: archive.bundler,
      });
      return version.state === 'staged'
        ? this.registry.markChecked(version, { reason: 'its sources were read' })
        : version;
    } catch (error) {
      if (!(error instanceof VersionsError) || error.code !== 'VERSION_UNSTABLE') throw error;
      const known = error.hash === undefined ? undefined : this.registry.get(this.name, error.hash);
      if (known === undefined) throw error;
      return known;
    }
  }

  get stable(): Version | undefined {
    return this.registry.latestStable(this.name);
  }

  list(): Version[] {
    return this.registry.list(this.name);
  }

  find(id: string): Version {
    return requireVersion(this.registry, requireModule(this.registry, this.name), id);
  }

  /** The state that it has now. */
  now(version: Version): Version {
    return this.registry.get(this.name, version.hash) ?? version;
  }

  sources(version: Version): Sources {
    return sourcesOf(this.registry.readBundle(version), this.directory);
  }

  /** Spends a try, on the disk, before a process loads it; nothing for what is stable. */
  beginLoad(version: Version, holder: string): Version {
    let current = this.now(version);
    if (current.state === 'stable') return current;
    const occasion = { reason: 'loaded', by: 'mofo' };
    if (current.state !== 'checked' && current.state !== 'probation') current = admit(this.registry, current, occasion);
    if (current.triesLeft === 0)
      current = this.registry.retry(current, 'mofo', { reason: 'there is nothing else to run' });
    current = this.registry.spendTry(current, { by: holder });
    return current.state === 'probation' ? current : this.registry.markProbation(current, occasion);
  }

  /** A load ended in a way of which the version is cleared. */
  giveBack(version: Version, holder: string): void {
    const current = this.now(version);
    if (current.state === 'probation') giveTryBack(this.registry, current, holder);
  }

  passed(version: Version, reason: string): void {
    if (this.now(version).state === 'probation') this.registry.markStable(version, { reason });
    this.supersedeWaiting(version, version);
    this.registry.prune(this.name, { keep: VERSIONS_KEPT, inUse: [version.hash] });
  }

  failed(version: Version, reason: string): void {
    this.registry.quarantine(version, reason);
  }

  /** A newer one took its place before it had earned anything. */
  supersedeWaiting(running: Version, newer: Version): void {
    for (const version of this.list())
      if (
        version.hash !== running.hash &&
        version.hash !== newer.hash &&
        ['staged', 'checked', 'probation'].includes(version.state)
      )
        this.registry.markSuperseded(version, { reason: `a newer one, ${newer.id}, took its place` });
  }

  /** By an operator's word. */
  promote(version: Version): Version {
    return makeStable(this.registry, version, { reason: 'promoted by an operator', by: 'operator' });
  }

  /** What a revert from this version goes to. */
  before(version: Version | undefined): Version | undefined {
    return this.registry.revertTarget(this.name, version === undefined ? {} : { except: version });
  }

  /** By an operator's word. */
  revertTo(target: Version, from: Version | undefined): Version {
    if (from !== undefined && this.now(from).state === 'probation')
      this.registry.quarantine(from, 'reverted by an operator', { by: 'operator' });
    return this.registry.markStable(target, { reason: 'reverted to by an operator', by: 'operator' });
  }
}
