// `mofo restore [id]`: makes the store anew from an image. The app must not run: its processes would go on with the old memory.

import { restoreStore } from '@mofo/snapshot';
import { MofoError } from '../../errors.ts';
import { openProgress } from '../../output/index.ts';
import { askLauncher } from '../../runtime/control-socket.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addRestore(commands: Commands): void {
  const command = commands
    .add('restore [id]', 'make the store from an image: the newest good one, or the one with this id')
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
      const progress = openProgress(terminal, 'restore');
      try {
        const restored = await restoreStore({
          name: config.store.name,
          directory: config.snapshot.directory,
          force: options.force ?? false,
          ...(id === undefined ? {} : { id }),
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

async function isRunning(directory: string): Promise<boolean> {
  try {
    await askLauncher(directory, { what: 'status' });
    return true;
  } catch (error) {
    if (error instanceof MofoError && error.code === 'NOT_RUNNING') return false;
    throw error;
  }
}
