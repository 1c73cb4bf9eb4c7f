// The config is read at the start. Who edits it while the app runs is told so, instead of wondering.
//
// Looked at twice a second rather than watched: one file whose news can wait, and no way of saving it (in place, by renaming another over it) is missed.

import { type Stats, unwatchFile, watchFile } from 'node:fs';
import { basename } from 'node:path';
import type { RuntimeEvent } from './messages.ts';

const LOOK_EVERY_MS = 500;

/** Says when the config file is saved, until the function that it returns is called. Does not keep the process alive. */
export function watchConfig(file: string, onEvent: (event: RuntimeEvent) => void): () => void {
  const look = (now: Stats, before: Stats): void => {
    const isThere = now.mtimeMs !== 0;
    const isSaved = now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino;
    if (!isThere || !isSaved) return;
    onEvent({
      at: Date.now(),
      kind: 'warning',
      message: `${basename(file)} was saved, and is read at the start only: stop with Ctrl-C and start again to apply it`,
      data: { file },
    });
  };
  watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, look);
  return () => unwatchFile(file, look);
}
