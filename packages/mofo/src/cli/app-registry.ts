// The registry of an app's versions as the commands open it, and how they name versions.

import { join } from 'node:path';
import { openRegistry, type Registry } from '@mofo/versions';
import type { Config } from '../config/index.ts';
import { MofoError } from '../errors.ts';
import { askLauncher } from '../runtime/control-socket.ts';

/** Where the versions of an app are kept. */
export function registryDirectory(config: Config): string {
  return join(config.directory, 'versions');
}

/** Opens the registry of an app; close it when done. */
export function openAppRegistry(config: Config): Registry {
  return openRegistry({ directory: registryDirectory(config) });
}

/** Lets the running app do it, which then goes on with the version at once; undefined if it does not run here. */
export async function askRunningApp(
  config: Config,
  request: { readonly what: 'promote' | 'revert'; readonly module: string; readonly version?: string },
): Promise<{ readonly value: unknown } | undefined> {
  try {
    return { value: await askLauncher(config.directory, request) };
  } catch (error) {
    if (error instanceof MofoError && error.code === 'NOT_RUNNING') return undefined;
    throw error;
  }
}
