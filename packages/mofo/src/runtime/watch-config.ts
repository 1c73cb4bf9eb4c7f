// The config is read at the start. Who edits it while the app runs is told so, instead of wondering.

import { basename } from 'node:path';
import { watch } from 'chokidar';
import type { RuntimeEvent } from './messages.ts';

/** Says when the config file is saved, until the function that it resolves with is called. */
export async function watchConfig(file: string, onEvent: (event: RuntimeEvent) => void): Promise<() => Promise<void>> {
  const watcher = watch(file, { ignoreInitial: true });
  const tell = (): void =>
    onEvent({
      at: Date.now(),
      kind: 'warning',
      message: `${basename(file)} was saved, and is read at the start only: stop with Ctrl-C and start again to apply it`,
      data: { file },
    });
  watcher.on('change', tell).on('add', tell);
  watcher.on('error', (error) =>
    onEvent({
      at: Date.now(),
      kind: 'warning',
      message: `changes of ${basename(file)} are not seen: ${String(error)}`,
    }),
  );
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return () => watcher.close();
}
