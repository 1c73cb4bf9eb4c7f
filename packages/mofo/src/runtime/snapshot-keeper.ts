// Main's snapshots: now and then, and when asked for.

import { mkdirSync } from 'node:fs';
import type { Store } from '@mofo/journal';
import { openSnapshots, type Snapshots } from '@mofo/snapshot';
import type { Config } from '../config/config.ts';
import { describe } from './describe-error.ts';
import type { Emit } from './event-emitter.ts';

/** Takes snapshots of one store. */
export class SnapshotKeeper {
  private readonly config: Config;
  private readonly snapshots: Snapshots;
  private readonly emit: Emit;
  private timer: NodeJS.Timeout | undefined;

  constructor(store: Store, config: Config, emit: Emit) {
    const { directory, keep } = config.snapshot;
    this.config = config;
    this.emit = emit;
    this.snapshots = openSnapshots(store, { directory, keep });
  }

  /** Begins to take them as often as the config says. */
  start(): void {
    const { everyMs } = this.config.snapshot;
    if (everyMs === null || this.config.durability === 'memory') return;
    this.timer = setInterval(() => {
      this.take().catch((error: unknown) => this.emit('warning', `no snapshot was taken: ${describe(error)}`));
    }, everyMs);
    this.timer.unref();
  }

  /** Takes one now. Resolves when it is on disk. */
  async take(): Promise<unknown> {
    mkdirSync(this.snapshots.directory, { recursive: true });
    const { id, file, header, pauseUs, writeMs } = await this.snapshots.take();
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
