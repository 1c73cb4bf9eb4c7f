// The snapshots of one store in one directory: take, list, verify, keep the right ones.
import type { Store } from '@mofo/journal';
import { refuseUnknown, SnapshotError } from './errors.ts';
import {
  findNewestGood,
  isGood,
  listImages,
  removeImages,
  removeStaleTemporaries,
  type SnapshotInfo,
  verifyAt,
} from './image-directory.ts';
import type { ReadProgress } from './image-file.ts';
import type { ImageHeader } from './image-header.ts';
import { type TakenSnapshot, type TakeProgress, takeSnapshot } from './take-snapshot.ts';

/** Options of {@link openSnapshots}. */
export interface OpenSnapshotsOptions {
  /** Where the images lie. It must exist. One directory for one store is best; several may share one. */
  readonly directory: string;
  /** Images to keep; older ones are removed after a successful `take`. Default 10. */
  readonly keep?: number;
  /** The clock, for tests; milliseconds since 1970. */
  readonly now?: () => number;
}

/** Options of {@link Snapshots.take}. */
export interface TakeOptions {
  readonly signal?: AbortSignal;
  /** Called when a phase begins and after each 4 MiB. What it throws ends the snapshot. */
  readonly onProgress?: (progress: TakeProgress) => void;
}

/** What {@link Snapshots.take} gives. */
export interface TakeResult extends TakenSnapshot {
  /** Ids of the older images that were removed after it. */
  readonly pruned: readonly string[];
  /** Why removing older ones failed, if it did: the snapshot itself is complete. */
  readonly pruneError: Error | undefined;
}

/** Options of {@link Snapshots.verify} and {@link Snapshots.newestGood}. */
export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** The snapshots of one store; made by {@link openSnapshots}. */
export interface Snapshots {
  readonly directory: string;
  /** Images that are kept. */
  readonly keep: number;
  /**
   * Takes a snapshot: writers wait while the pages that changed since the last one are copied in memory; then the copy is written to disk while
   * everything goes on. When it resolves the image is complete and on the disk. Older ones beyond `keep` are removed then.
   *
   * @throws SnapshotError SNAPSHOT_RUNNING, ABORTED, DIRECTORY_MISSING, DIRECTORY_READ_ONLY, DISK_FULL, IO_ERROR, CLOSED, UNKNOWN_OPTION;
   *   ShmStoreError IN_TRANSACTION, RETIRED, STORE_DAMAGED, FENCED, CLOSED. Nothing of the snapshot is left then.
   */
  take(options?: TakeOptions): Promise<TakeResult>;
  /** The images of this store's name, newest first, and every file that is refused, with the reason. Reads heads only. */
  list(): Promise<SnapshotInfo[]>;
  /** The newest image of this store's name of which every byte is right; undefined if there is none. Reads it. */
  newestGood(options?: VerifyOptions): Promise<SnapshotInfo | undefined>;
  /** Reads every byte of an image. Throws SnapshotError NOT_FOUND or why it is refused. */
  verify(id: string, options?: VerifyOptions): Promise<ImageHeader>;
  /** Removes images beyond `keep`, never the newest good one, never a refused file; returns the ids removed. Removes stale temporary files. */
  prune(): Promise<string[]>;
  /** Idempotent. A snapshot that is being taken goes on. */
  close(): void;
  [Symbol.dispose](): void;
}

const KEEP_DEFAULT = 10;

/**
 * Opens the snapshots of a store. Synchronous; the directory is looked at when it is used.
 *
 * @throws SnapshotError UNKNOWN_OPTION; RangeError; JournalError PRIVATE_STORE for a store in private memory.
 * @example
 * const snapshots = openSnapshots(store, { directory: 'snapshots', keep: 10 });
 * const { id, pauseUs } = await snapshots.take();
 */
export function openSnapshots(
  store: Pick<Store, 'name' | 'native' | 'sizeBytes'>,
  options: OpenSnapshotsOptions,
): Snapshots {
  refuseUnknown('openSnapshots', options, ['directory', 'keep', 'now']);
  const { directory, keep = KEEP_DEFAULT, now = Date.now } = options;
  if (typeof directory !== 'string' || directory === '')
    throw new TypeError('openSnapshots needs the path of a directory.');
  if (!Number.isSafeInteger(keep) || keep < 1) throw new RangeError(`At least one snapshot must be kept, not ${keep}.`);
  return new OpenedSnapshots(store, directory, keep, now);
}

class OpenedSnapshots implements Snapshots {
  readonly directory: string;
  readonly keep: number;
  private readonly store: Pick<Store, 'name' | 'native' | 'sizeBytes'>;
  private readonly now: () => number;
  private readonly native: Store['native'];
  private closed = false;

  constructor(store: Pick<Store, 'name' | 'native' | 'sizeBytes'>, directory: string, keep: number, now: () => number) {
    this.store = store;
    this.native = store.native;
    this.directory = directory;
    this.keep = keep;
    this.now = now;
  }

  async take(options: TakeOptions = {}): Promise<TakeResult> {
    refuseUnknown('take', options, ['signal', 'onProgress']);
    this.requireOpen();
    const { native, directory, now, store } = this;
    const { signal, onProgress } = options;
    const taken = await takeSnapshot({
      native,
      name: store.name,
      sizeBytes: store.sizeBytes,
      directory,
      now,
      signal,
      onProgress,
    });
    // The snapshot stands, whatever becomes of the older ones; so their failure is told and not thrown.
    try {
      return { ...taken, pruned: await this.removeOld(), pruneError: undefined };
    } catch (error) {
      return { ...taken, pruned: [], pruneError: error as Error };
    }
  }

  async list(): Promise<SnapshotInfo[]> {
    this.requireOpen();
    return (await listImages(this.directory)).filter(({ header }) => header === undefined || this.isOwn(header));
  }

  async newestGood(options: VerifyOptions = {}): Promise<SnapshotInfo | undefined> {
    refuseUnknown('newestGood', options, ['signal', 'onProgress']);
    this.requireOpen();
    return findNewestGood(this.directory, (header) => this.isOwn(header), options);
  }

  async verify(id: string, options: VerifyOptions = {}): Promise<ImageHeader> {
    refuseUnknown('verify', options, ['signal', 'onProgress']);
    this.requireOpen();
    return verifyAt(this.directory, id, options);
  }

  async prune(): Promise<string[]> {
    this.requireOpen();
    await removeStaleTemporaries(this.directory);
    return this.removeOld();
  }

  close(): void {
    this.closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private async removeOld(): Promise<string[]> {
    const own = (await listImages(this.directory)).filter(({ header }) => header !== undefined && this.isOwn(header));
    const old = own.slice(this.keep);
    if (old.length === 0) return [];
    // The newest good one stays whatever its age: it may be the only one, if all that are kept have been damaged since.
    let newestGood: SnapshotInfo | undefined;
    for (const info of own) {
      if (!(await isGood(info.file))) continue;
      newestGood = info;
      break;
    }
    const removable = old.filter((info) => info !== newestGood);
    await removeImages(
      this.directory,
      removable.map(({ file }) => file),
    );
    return removable.map(({ id }) => id);
  }

  private isOwn(header: ImageHeader): boolean {
    return header.name === this.store.name;
  }

  private requireOpen(): void {
    if (!this.closed) return;
    throw new SnapshotError(
      'CLOSED',
      `The snapshots of store "${this.store.name}" are closed.\n  Nothing was done. Open them again.`,
    );
  }
}
