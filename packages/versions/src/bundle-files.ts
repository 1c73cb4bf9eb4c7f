// The bundles of one module: `<module>/bundles/<hash>`, named by their content and therefore never changed.
//
// A bundle comes before the entry that names it and goes after it: `add` places and syncs the file, then writes the entry, and
// `purge` writes the entry, then removes the file. A kill in between leaves a file without an entry: an orphan, which the next add
// of the same bytes uses and the next purge removes. Orphans are removed under the claim, and `add` looks under the claim
// whether its file is still there, so that a purge can never take away what an add has just placed.

import { bundleSizeBytesMax } from './constants.ts';
import { contentHash } from './content-hash.ts';
import type { FileSystem } from './file-system.ts';
import { removeIfThere } from './file-system.ts';
import type { ModuleStore } from './module-store.ts';
import type { ModuleRecord, VersionRecord } from './record-file.ts';
import { asVersionsError, systemCode, VersionsError } from './versions-error.ts';

/** Places, reads and removes the bundles of one module. */
export class BundleFiles {
  readonly #fileSystem: FileSystem;
  readonly #store: ModuleStore;
  readonly #directory: string;

  constructor(fileSystem: FileSystem, store: ModuleStore) {
    this.#fileSystem = fileSystem;
    this.#store = store;
    this.#directory = `${store.directory}/bundles`;
  }

  /** True if there is a file for the hash; says nothing about its content. */
  has(hash: string): boolean {
    return this.#fileSystem.exists(this.#pathOf(hash));
  }

  /** Makes `bytes` durable as the bundle of that hash. Replaces a file that is there, whose content may be damaged. */
  async place(hash: string, bytes: Uint8Array): Promise<void> {
    try {
      this.#store.makeDirectory(this.#directory, this.#store.directory);
      const temporary = this.#store.temporaryPath(this.#directory);
      try {
        await this.#fileSystem.writeNewFile(temporary, bytes);
        this.#fileSystem.rename(temporary, this.#pathOf(hash));
      } catch (error) {
        removeIfThere(this.#fileSystem, temporary);
        throw error;
      }
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw asVersionsError(error, 'store a bundle', this.#directory);
    }
  }

  /** The bundle of a version, verified against its hash. */
  read(version: VersionRecord): Uint8Array {
    const path = this.#pathOf(version.hash);
    const details = { module: this.#store.module, hash: version.hash, path };
    const remedy = 'Build the same source again and add it: that puts the file right.';
    let bytes: Uint8Array;
    try {
      bytes = this.#fileSystem.readFile(path, bundleSizeBytesMax);
    } catch (error) {
      if (systemCode(error) === 'EFBIG')
        throw new VersionsError('BUNDLE_CORRUPT', `${path} is far too large. ${remedy}`, details);
      if (systemCode(error) !== 'ENOENT') throw asVersionsError(error, 'read a bundle', path);
      const why = version.state === 'purged' ? 'it was purged' : 'its file is gone';
      throw new VersionsError(
        'BUNDLE_MISSING',
        `no bundle for ${details.module}@${version.id}: ${why}. ${remedy}`,
        details,
      );
    }
    if (contentHash(bytes, version.bundler) === version.hash) return bytes;
    const message = `${path} is not what its name says: its content does not hash to it. It must not be run. ${remedy}`;
    throw new VersionsError('BUNDLE_CORRUPT', message, details);
  }

  /** Removes every bundle that no unpurged version names, and what dead processes left. */
  removeOrphans(): void {
    if (!this.#fileSystem.exists(this.#directory)) return;
    this.#store.underClaim((record) => this.#removeAllBut(bundlesOf(record)));
    this.#store.sweep(this.#directory);
  }

  #removeAllBut(hashes: ReadonlySet<string>): void {
    for (const name of this.#fileSystem.readDirectory(this.#directory)) {
      if (/^[0-9a-f]{64}$/.test(name) && !hashes.has(name)) removeIfThere(this.#fileSystem, this.#pathOf(name));
    }
  }

  #pathOf(hash: string): string {
    return `${this.#directory}/${hash}`;
  }
}

function bundlesOf(record: ModuleRecord): ReadonlySet<string> {
  return new Set(record.versions.filter((version) => version.state !== 'purged').map((version) => version.hash));
}
