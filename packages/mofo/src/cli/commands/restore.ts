// `mofo restore [id]`: makes the store anew from an image. The app must not run: its processes would go on with the old memory.

import { existsSync } from 'node:fs';
import { findStore, ShmStoreError } from '@mofo/shm-store';
import { listSnapshots, restoreStore, SnapshotError } from '@mofo/snapshot';
import { MofoError } from '../../errors.ts';
import { openProgress } from '../../output/index.ts';
import { askLauncher } from '../../runtime/control-socket.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addRestore(commands: Commands): void {
  const command = commands
    .add('restore [id]', 'make the store from an image: the newest good one, or the one whose id begins like this')
    .option('--force', 'replace a store that is in memory: all that came after the image is lost');
  commands.act(
    command,
    async ({ config: load, terminal }, id: string | undefined, options: { readonly force?: boolean }) => {
      const { config } = await load();
      if (await isRunning(config.directory)) {
        throw new MofoError(
          'ALREADY_RUNNING',
          'The app is running, so its store was not touched. Stop it first, then restore.',
        );
      }
      const { name } = config.store;
      // Before anything is read: an image may be large.
      if (options.force !== true && findStore(name)?.state === 'ready')
        throw new ShmStoreError('STORE_EXISTS', `store "${name}" is in memory already.`);
      const chosen = id === undefined ? undefined : await findId(config.snapshot.directory, id);
      const progress = openProgress(terminal, 'restore');
      try {
        const restored = await restoreStore({
          name,
          directory: config.snapshot.directory,
          force: options.force ?? false,
          ...(chosen === undefined ? {} : { id: chosen }),
          onProgress: ({ bytesDone, bytesTotal }) =>
            progress.update({ phase: 'reading', doneBytes: bytesDone, totalBytes: bytesTotal }),
        });
        progress.done();
        const { id: from, timeline, skipped } = restored;
        if (terminal.json) terminal.data({ name: restored.name, id: from, timeline, skipped });
        else terminal.line(`  store "${restored.name}" is as in ${from}, on timeline ${timeline}`);
      } finally {
        progress.done();
      }
      return undefined;
    },
  );
}

/** The whole id that begins like that. */
async function findId(directory: string, beginning: string): Promise<string> {
  const ids = existsSync(directory) ? (await listSnapshots(directory)).map(({ id }) => id) : [];
  const found = ids.filter((id) => id.startsWith(beginning));
  if (ids.includes(beginning)) return beginning;
  if (found.length === 1) return found[0] as string;
  const problem = found.length === 0 ? `there is no snapshot ${beginning}` : `${beginning} begins ${found.length} ids`;
  throw new SnapshotError(
    'NOT_FOUND',
    `${problem}: ${(found.length === 0 ? ids : found).slice(0, 5).join(', ') || 'there is none at all'}.`,
  );
}

async function isRunning(directory: string): Promise<boolean> {
  try {
    await askLauncher(directory, { what: 'status' });
    return true;
  } catch (error) {
    if (error instanceof MofoError && error.code === 'NOT_RUNNING') return false;
    throw error;
  }
}
