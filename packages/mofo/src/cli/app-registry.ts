// The registry of an app's versions as the commands open it, and how they name versions.

import { join } from 'node:path';
import { openRegistry, type Registry, type Version } from '@mofo/versions';
import type { Config } from '../config/index.ts';
import { suggestion } from '../define/nearest-name.ts';
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

/** The module's name, or UNKNOWN_MODULE with the nearest one. */
export function requireKnownModule(registry: Registry, module: string): string {
  const modules = registry.modules();
  if (modules.includes(module)) return module;
  const known = modules.length === 0 ? ' Nothing was built here yet: npx mofo dev' : suggestion(module, modules);
  throw new MofoError(
    'UNKNOWN_MODULE',
    `no version of a module "${module}" was ever built. Nothing was done.${known}`,
    { data: { module } },
  );
}

/** The version that a short id names, or a coded error. */
export function requireKnownVersion(registry: Registry, module: string, id: string): Version {
  const version = registry.get(module, id);
  if (version !== undefined) return version;
  throw new MofoError(
    'UNKNOWN_VERSION',
    `module "${module}" has no version ${id}. Nothing was done. See: npx mofo versions ${module}`,
    { data: { module, version: id } },
  );
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
