// `mofo snapshot`: takes one now. The running main takes it; when the app does not run, this process does.

import { openStore } from '@mofo/journal';
import { openSnapshots, type Snapshot } from '@mofo/snapshot';
import { showSize } from '../../config/index.ts';
import { MofoError } from '../../errors.ts';
import { askLauncher } from '../../runtime/control-socket.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addSnapshot(commands: Commands): void {
  const command = commands.add('snapshot', 'write an image of the store to disk now');
  commands.act(command, async ({ config: load, terminal }) => {
    const { config } = await load();
    let taken: Snapshot;
    try {
      taken = (await askLauncher(config.directory, { what: 'snapshot' })) as Snapshot;
    } catch (error) {
      if (!(error instanceof MofoError) || error.code !== 'NOT_RUNNING') throw error;
      const store = openStore({ name: config.store.name, create: false });
      const snapshots = openSnapshots(store, { directory: config.snapshot.directory, keep: config.snapshot.keep });
      try {
        taken = await snapshots.take();
      } finally {
        snapshots.close();
        store.close();
      }
    }
    if (terminal.json) terminal.data(taken);
    else terminal.line(`  ${taken.id}   ${showSize(taken.bytes)}   the writer waited ${taken.pauseUs.toFixed(0)} µs`);
    return undefined;
  });
}
