// One module's directory: the record, its claims, its temporary files.
//
//   <registry>/fees/
//     record.jsonl        the newest generation
//     record.jsonl.bak    the generation before
//     claim-<g>.<n>      someone is writing generation g (claim.ts)
//     temporary-<who>-<n>
//     bundles/<hash>     (bundle-files.ts)
//
// A change: read generation g, compute g+1, claim g+1, write it to a temporary file, fsync, name the old file `.bak`, rename the
// temporary file to record.jsonl, release, fsync the directory. A kill before the rename leaves g, after it g+1; record.jsonl is never
// absent and never half written. The call returns after the last fsync, so what it reports survives a power cut; so does what
// it found already done by others, for then the directory is synced all the same.
//
// The change is computed *before* the claim and the claim is granted only if the record is still at g: claim and compare-and-swap in
// one. So no caller's code ever runs under a claim, and a background change can write and sync its file without one.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimAttempt } from './claim.ts';
import { isSpentClaim, tryClaim } from './claim.ts';
import { backgroundAttemptsMax, lockSliceMaxMs, recordFileSizeBytesMax } from './constants.ts';
import type { FileSystem } from './file-system.ts';
import { makeDirectorySync, removeIfThere, syncDirectorySync, writeNewFileSync } from './file-system.ts';
import type { ModuleRecord } from './record-file.ts';
import { corrupt, decodeRecord, encodeRecord } from './record-file.ts';
import { describeIdentity, livenessOf, ownIdentity } from './thread-identity.ts';
import { asVersionsError, systemCode, VersionsError } from './versions-error.ts';

/** A change computed on a record of its own, which it may edit; `changed` false means that there is nothing to write. */
export type Change<T> = (record: ModuleRecord) => { readonly changed: boolean; readonly value: T };

/** What a change may ask to have looked at or done under the claim, just before it is published. */
export interface UnderClaim {
  /** False: what the change relied on is gone; the caller is told by `undefined`. */
  readonly stillHolds?: () => boolean;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
let temporaryCount = 0;

/** Reads and changes one module's record. Holds nothing open between calls. */
export class ModuleStore {
  readonly module: string;
  readonly directory: string;
  readonly recordPath: string;
  readonly #fileSystem: FileSystem;
  readonly #lockTimeoutMs: number;
  #swept = false;
  readonly #made = new Set<string>();

  constructor(fileSystem: FileSystem, directory: string, module: string, lockTimeoutMs: number) {
    this.#fileSystem = fileSystem;
    this.module = module;
    this.directory = directory;
    this.recordPath = `${directory}/record.jsonl`;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /** The newest record; generation 0 if the module has none. Takes no lock, waits for nobody. */
  read(): ModuleRecord {
    let bytes: Uint8Array;
    try {
      bytes = this.#fileSystem.readFile(this.recordPath, recordFileSizeBytesMax);
    } catch (error) {
      if (systemCode(error) === 'EFBIG') throw corrupt(this.recordPath, 'it is far too large');
      if (systemCode(error) !== 'ENOENT') throw asVersionsError(error, 'read', this.recordPath);
      if (this.#fileSystem.exists(`${this.recordPath}.bak`))
        throw corrupt(this.recordPath, 'it is gone, its predecessor is there');
      return { module: this.module, generation: 0, versions: [] };
    }
    return decodeRecord(bytes, this.module, this.recordPath);
  }

  /** Makes `change` durable before it returns. Two fsyncs, under the claim; see the head of this file. */
  change<T>(change: Change<T>): T {
    return this.#translated('change the registry', () => {
      const deadline = performance.now() + this.#lockTimeoutMs;
      for (let attempt = 0; ; attempt += 1) {
        const record = this.read();
        const { changed, value } = change(record);
        if (changed) {
          const claim = this.#tryClaim(record.generation);
          if (claim.kind === 'busy') {
            if (performance.now() > deadline) throw this.#timedOut(claim);
            Atomics.wait(pause, 0, 0, sliceMs(attempt));
          }
          if (claim.kind !== 'held') continue;
          try {
            this.#publish(this.#writeTemporary(this.#nextGeneration(record)), record.generation);
          } finally {
            removeIfThere(this.#fileSystem, claim.path);
          }
          this.#sweepOnce();
        }
        if (record.generation > 0 || changed) syncDirectorySync(this.#fileSystem, this.directory);
        return value;
      }
    });
  }

  /**
   * Makes `change` durable before the promise resolves, without blocking the event loop for the disk: the file is written and
   * synced before the claim, the directory after it. Resolves to undefined if `stillHolds` said no.
   */
  async changeInBackground<T>(change: Change<T>, { stillHolds }: UnderClaim = {}): Promise<T | undefined> {
    return this.#translatedAsync('change the registry', async () => {
      const deadline = performance.now() + this.#lockTimeoutMs;
      for (let attempt = 0; ; attempt += 1) {
        const record = this.read();
        const { changed, value } = change(record);
        if (!changed) {
          if (record.generation > 0) await this.#fileSystem.syncDirectory(this.directory);
          return value;
        }
        const bytes = this.#nextGeneration(record);
        // Losing the race again and again, it stops being polite: written under the claim, the next attempt cannot be overtaken.
        const early = attempt < backgroundAttemptsMax ? await this.#writeTemporaryInBackground(bytes) : undefined;
        let claim = this.#tryClaim(record.generation);
        while (claim.kind === 'busy') {
          if (performance.now() > deadline) {
            if (early !== undefined) removeIfThere(this.#fileSystem, early);
            throw this.#timedOut(claim);
          }
          await sleep(sliceMs(attempt));
          claim = this.#tryClaim(record.generation);
        }
        if (claim.kind === 'moved') {
          if (early !== undefined) removeIfThere(this.#fileSystem, early);
          continue;
        }
        try {
          if (stillHolds !== undefined && !stillHolds()) {
            if (early !== undefined) removeIfThere(this.#fileSystem, early);
            return undefined;
          }
          this.#publish(early ?? this.#writeTemporary(bytes), record.generation);
        } finally {
          removeIfThere(this.#fileSystem, claim.path);
        }
        this.#sweepOnce();
        await this.#fileSystem.syncDirectory(this.directory);
        return value;
      }
    });
  }

  /** Runs `work` on the newest record under a claim that is released without a new generation. */
  underClaim(work: (record: ModuleRecord) => void): void {
    this.#translated('clean up the registry', () => {
      const deadline = performance.now() + this.#lockTimeoutMs;
      for (let attempt = 0; ; attempt += 1) {
        const record = this.read();
        const claim = this.#tryClaim(record.generation);
        if (claim.kind === 'busy') {
          if (performance.now() > deadline) throw this.#timedOut(claim);
          Atomics.wait(pause, 0, 0, sliceMs(attempt));
        }
        if (claim.kind !== 'held') continue;
        try {
          work(record);
        } finally {
          removeIfThere(this.#fileSystem, claim.path);
        }
        return;
      }
    });
  }

  /**
   * Makes a directory of the module, durably. Done once per handle even where it exists: the process that made it may have been killed
   * before it was on the disk.
   */
  makeDirectory(path: string, parent: string): void {
    if (this.#made.has(path)) return;
    this.#translated('make a directory', () => makeDirectorySync(this.#fileSystem, path, parent));
    this.#made.add(path);
  }

  /** A name for a temporary file in `directory` that nobody else uses and whose owner can be told. */
  temporaryPath(directory: string): string {
    temporaryCount += 1;
    return `${directory}/temporary-${ownIdentity()}-${temporaryCount}`;
  }

  /** Removes what dead processes left in `directory`: temporary files, and claims up to the record's generation. */
  sweep(directory: string): void {
    const { generation } = this.read();
    for (const name of this.#fileSystem.readDirectory(directory)) {
      const owner = /^temporary-(.*)-\d+$/.exec(name)?.[1];
      const isLitter = owner === undefined ? isSpentClaim(name, generation) : livenessOf(owner) === 'dead';
      if (isLitter) removeIfThere(this.#fileSystem, `${directory}/${name}`);
    }
  }

  #nextGeneration(record: ModuleRecord): Uint8Array {
    return encodeRecord({ ...record, generation: record.generation + 1 });
  }

  #tryClaim(generation: number): ClaimAttempt {
    return tryClaim(this.#fileSystem, this.directory, generation, () => this.read().generation);
  }

  #writeTemporary(bytes: Uint8Array): string {
    const path = this.temporaryPath(this.directory);
    try {
      writeNewFileSync(this.#fileSystem, path, bytes);
    } catch (error) {
      removeIfThere(this.#fileSystem, path);
      throw error;
    }
    return path;
  }

  async #writeTemporaryInBackground(bytes: Uint8Array): Promise<string> {
    const path = this.temporaryPath(this.directory);
    try {
      await this.#fileSystem.writeNewFile(path, bytes);
    } catch (error) {
      removeIfThere(this.#fileSystem, path);
      throw error;
    }
    return path;
  }

  /** Puts the synced file `temporary` in the record's place and keeps the old one. */
  #publish(temporary: string, oldGeneration: number): void {
    const old = this.temporaryPath(this.directory);
    try {
      if (oldGeneration > 0) {
        this.#fileSystem.link(this.recordPath, old);
        this.#fileSystem.rename(old, `${this.recordPath}.bak`);
        // POSIX: renaming onto another name of the same file does nothing. It is the same file if a killed change got just this far.
        removeIfThere(this.#fileSystem, old);
      }
      this.#fileSystem.rename(temporary, this.recordPath);
    } catch (error) {
      removeIfThere(this.#fileSystem, old);
      removeIfThere(this.#fileSystem, temporary);
      throw error;
    }
  }

  #sweepOnce(): void {
    if (this.#swept) return;
    this.#swept = true;
    this.sweep(this.directory);
  }

  #timedOut(claim: ClaimAttempt & { kind: 'busy' }): VersionsError {
    const message =
      `module "${this.module}" has been locked by ${describeIdentity(claim.holder)} for ${this.#lockTimeoutMs} ms. Nothing was ` +
      'changed. A change takes milliseconds, so that process is stopped, or ran where it cannot be judged from here (another host or ' +
      `container). Let it go on or end it; if it is surely gone, remove ${claim.path}.`;
    return new VersionsError('LOCK_TIMEOUT', message, { module: this.module, path: claim.path });
  }

  #translated<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw asVersionsError(error, what, this.directory);
    }
  }

  async #translatedAsync<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asVersionsError(error, what, this.directory);
    }
  }
}

/** Waits grow from 1 ms to the limit, spread by the process id so that waiters do not march in step. */
function sliceMs(attempt: number): number {
  return Math.min(1 + ((attempt + process.pid) % 4) + attempt, lockSliceMaxMs);
}
