// Tells when a file of a server script has been written and is at rest. The content decides what follows, so being told too often costs little.

import { watch } from 'chokidar';
import { MofoError } from '../errors.ts';

/** A file is at rest when its size did not change for so long, in ms. */
const REST_MS = 50;

/** A running watch. */
export interface SourceWatch {
  /** Watches these too. */
  add(files: readonly string[]): void;
  close(): Promise<void>;
}

/** Watches files until it is closed; resolves when every later change is seen. */
export async function watchSources(
  files: readonly string[],
  onChange: () => void,
  onError: (error: MofoError) => void,
): Promise<SourceWatch> {
  const watched = new Set(files);
  const watcher = watch([...files], {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: REST_MS, pollInterval: REST_MS / 5 },
  });
  watcher.on('all', onChange);
  watcher.on('error', (error) =>
    onError(
      new MofoError('WATCH_FAILED', `Files are not watched any more: ${String(error)}. What runs goes on.`, {
        cause: error,
      }),
    ),
  );
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return {
    add: (more) => {
      const added = more.filter((file) => !watched.has(file));
      for (const file of added) watched.add(file);
      if (added.length > 0) watcher.add(added);
    },
    close: () => watcher.close(),
  };
}
