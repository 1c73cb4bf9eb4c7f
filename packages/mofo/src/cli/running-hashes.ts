// What the processes of an app have loaded, as its launcher says.

import type { Config } from '../config/index.ts';
import { MofoError } from '../errors.ts';
import { askLauncher } from '../runtime/control-socket.ts';
import type { ProcessStatus } from '../runtime/processes-status.ts';

/** Hashes of versions. */
export interface RunningHashes {
  /** Of what main serves with. */
  readonly main: ReadonlySet<string>;
  /** Of what any process has loaded. */
  readonly all: ReadonlySet<string>;
}

/** What runs; nothing when the app does not run, or has no main at this moment. */
export async function runningHashes(config: Config): Promise<RunningHashes> {
  try {
    const status = (await askLauncher(config.directory, { what: 'status' })) as {
      readonly modules: readonly { readonly running?: { readonly hash: string } }[];
      readonly processes: readonly ProcessStatus[];
    };
    return {
      main: new Set(status.modules.flatMap(({ running }) => running?.hash ?? [])),
      all: new Set(status.processes.flatMap(({ versions }) => versions.map(({ hash }) => hash))),
    };
  } catch (error) {
    if (error instanceof MofoError && (error.code === 'NOT_RUNNING' || error.code === 'NOT_READY'))
      return { main: new Set(), all: new Set() };
    throw error;
  }
}
