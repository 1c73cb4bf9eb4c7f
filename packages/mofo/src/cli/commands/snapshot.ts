// `mofo snapshot`: takes one now. The running main takes it; when the app does not run, this process does.

import { mkdirSync } from 'node:fs';
import { openStore } from '@mofo/journal';
import { openSnapshots } from '@mofo/snapshot';
import { type Config, showSize } from '../../config/index.ts';
import { MofoError } from '../../errors.ts';
import { askLauncher } from '../../runtime/control-socket.ts';
import type { Commands } from '../command-context.ts';

/** What the command tells. */
interface Taken {
  readonly id: string;
  readonly file: string;
  readonly bytes: number;
  readonly pauseUs: number;
  readonly writeMs: number;
}

/** Adds the command. */
export function addSnapshot(commands: Commands): void {
  const command = commands.add('snapshot', 'write an image of the store to disk now');
  commands.act(command, async ({ config: load, terminal }) => {
    const taken = await take((await load()).config);
    if (terminal.json) terminal.data(taken);
    else terminal.line(`  ${taken.id}   ${showSize(taken.bytes)}   the writer waited ${taken.pauseUs.toFixed(0)} µs`);
    return undefined;
  });
}

async function take(config: Config): Promise<Taken> {
  try {
    return (await askLauncher(config.directory, { what: 'snapshot' })) as Taken;
  } catch (error) {
    if (!(error instanceof MofoError) || error.code !== 'NOT_RUNNING') throw error;
  }
  const store = openStore({ name: config.store.name, create: false });
  mkdirSync(config.snapshot.directory, { recursive: true });
  const snapshots = openSnapshots(store, { directory: config.snapshot.directory, keep: config.snapshot.keep });
  try {
    const { id, file, header, pauseUs, writeMs } = await snapshots.take();
    return { id, file, bytes: header.fileBytes, pauseUs, writeMs };
  } finally {
    snapshots.close();
    store.close();
  }
}
