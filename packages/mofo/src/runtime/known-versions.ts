// Modules and versions as people name them: found, or refused with the nearest that there is. One place, for commands and for main.

import type { Registry, Version } from '@mofo/versions';
import { suggestion } from '../define/nearest-name.ts';
import { MofoError } from '../errors.ts';

/** The module's name, or UNKNOWN_MODULE with the nearest one. */
export function requireModule(registry: Registry, module: string): string {
  const modules = registry.modules();
  if (modules.includes(module)) return module;
  const known = modules.length === 0 ? ' Nothing was built here yet: npx mofo dev' : suggestion(module, modules);
  throw new MofoError(
    'UNKNOWN_MODULE',
    `no version of a module "${module}" was ever built. Nothing was done.${known === '' ? ' See: npx mofo versions' : known}`,
    { data: { module } },
  );
}

/** The version that a short id names, or UNKNOWN_VERSION. */
export function requireVersion(registry: Registry, module: string, id: string): Version {
  const version = /^[0-9a-f]{4,64}$/.test(id) ? registry.get(module, id) : undefined;
  if (version !== undefined) return version;
  throw new MofoError(
    'UNKNOWN_VERSION',
    `module "${module}" has no version ${id}. Nothing was done. See: npx mofo versions ${module}`,
    { data: { module, version: id } },
  );
}

/** The newest version of a module that waits to be tried, or UNKNOWN_VERSION. */
export function requireWaiting(registry: Registry, module: string): Version {
  const waiting = registry.list(module).filter(({ state }) => state === 'checked' || state === 'probation');
  const [newest] = waiting.sort((one, other) => other.addedAt - one.addedAt);
  if (newest !== undefined) return newest;
  throw new MofoError(
    'UNKNOWN_VERSION',
    `module "${module}" has no version that waits to be tried. Nothing was done. Save one, or name one; see: npx mofo versions ${module}`,
    { data: { module } },
  );
}
