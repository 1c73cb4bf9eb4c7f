// Main's snapshots: now and then, when asked for, and a last one at an orderly stop, so that a reboot after it loses nothing.

import { existsSync, linkSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Store } from '@mofo/journal';
import { openSnapshots, type Snapshots } from '@mofo/snapshot';
import type { Config } from '../config/config.ts';
import { describe } from './describe-error.ts';
import type { Emit } from './event-emitter.ts';

/** Longest time in ms for the last snapshot; the launcher waits for it before it kills. Some 30 GiB at the speed of a fast disk. */
export const FINAL_SNAPSHOT_LIMIT_MS = 30_000;

/** Whether an orderly stop takes a last snapshot: in production when snapshots are taken by time, or as the config says. */
export function takesFinalSnapshot(config: Pick<Config, 'snapshot' | 'durability'>, mode: 'dev' | 'run'): boolean {
  return config.snapshot.atStop ?? (mode === 'run' && isScheduled(config));
}

function isScheduled({ snapshot, durability }: Pick<Config, 'snapshot' | 'durability'>): boolean {
  return snapshot.everyMs !== null && durability !== 'memory';
}

/** Folder, below that of the snapshots, of those that are kept. */
const KEPT_DIRECTORY = 'kept';

/** Takes snapshots of one store. */
export class SnapshotKeeper {
  private readonly config: Config;
  private readonly snapshots: Snapshots;
  private readonly emit: Emit;
  private readonly store: Store;
  private timer: NodeJS.Timeout | undefined;
  /** The one that is being taken, or the last. */
  private taking: Promise<unknown> = Promise.resolve();
  /** Commits when the last one was taken. */
  private commitCount: number | undefined;

  constructor(store: Store, config: Config, emit: Emit) {
    const { directory, keep } = config.snapshot;
    this.config = config;
    this.emit = emit;
    this.store = store;
    this.snapshots = openSnapshots(store, { directory, keep });
  }

  /** Begins to take them as often as the config says. */
  start(): void {
    const { everyMs } = this.config.snapshot;
    if (everyMs === null || !isScheduled(this.config)) return;
    this.timer = setInterval(() => {
      this.take().catch((error: unknown) => this.emit('warning', `no snapshot was taken: ${describe(error)}`));
    }, everyMs);
    this.timer.unref();
  }

  /** Takes one now. Resolves when it is on disk. */
  take(signal?: AbortSignal): Promise<unknown> {
    const taking = this.takeOne(signal);
    // Whoever asked hears of a failure; who only waits for the end does not.
    this.taking = taking.then(
      () => {},
      () => {},
    );
    return taking;
  }

  /** Takes one that is kept under a name of its own, beside those that come and go, until somebody deletes it. Gives its id. */
  async takeKept(name: string): Promise<string> {
    await this.taking;
    const { id, file } = (await this.take()) as { readonly id: string; readonly file: string };
    const directory = join(this.snapshots.directory, KEPT_DIRECTORY);
    mkdirSync(directory, { recursive: true });
    const kept = join(directory, `${name}-${basename(file)}`);
    // One file with two names, so it costs no space until the other one goes.
    if (!existsSync(kept)) linkSync(file, kept);
    return id;
  }

  /** Takes the last one, unless nothing has changed since the one before. Never throws: a failure is told, and must not hold up the end. */
  async takeFinal(): Promise<void> {
    await this.taking;
    if (this.store.status.commitCount === this.commitCount) return;
    try {
      await this.take(AbortSignal.timeout(FINAL_SNAPSHOT_LIMIT_MS));
    } catch (error) {
      this.emit('warning', `no last snapshot was taken: ${describe(error)}; until a reboot the store is in memory`);
    }
  }

  private async takeOne(signal: AbortSignal | undefined): Promise<unknown> {
    mkdirSync(this.snapshots.directory, { recursive: true });
    const { commitCount } = this.store.status;
    const { id, file, header, pauseUs, writeMs } = await this.snapshots.take(signal === undefined ? {} : { signal });
    this.commitCount = commitCount;
    const taken = { id, file, bytes: header.fileBytes, pauseUs, writeMs };
    this.emit(
      'snapshot',
      `snapshot ${id}: ${(taken.bytes / 2 ** 20).toFixed(1)} MiB, the writer waited ${pauseUs.toFixed(0)} µs`,
      taken,
    );
    return taken;
  }

  /** Takes none by itself any more. */
  stop(): void {
    clearInterval(this.timer);
  }

  close(): void {
    this.stop();
    this.snapshots.close();
  }
}
