// Names of modules, and the directories that hold them. A name becomes a directory, so it has no dots and no slashes; upper
// case is written `_x`, so that `Fees` and `fees` stay apart on a file system that ignores case.

import { VersionsError } from './versions-error.ts';

const moduleName = /^[a-z][a-z0-9-]{0,63}$/i;

/**
 * Throws unless `name` is a letter followed by at most 63 letters, digits and hyphens.
 *
 * @throws VersionsError BAD_MODULE_NAME
 */
export function requireModuleName(name: unknown): asserts name is string {
  if (typeof name === 'string' && moduleName.test(name)) return;
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : String(typeof name);
  const message = `${shown} is no name of a module: a letter, then at most 63 letters, digits or hyphens. Nothing was changed.`;
  throw new VersionsError('BAD_MODULE_NAME', message, typeof name === 'string' ? { module: name } : {});
}

/** The name of a module's directory. */
export function directoryOfModule(module: string): string {
  return module.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The module that a directory is named for, or undefined if it is none of the registry's. */
export function moduleOfDirectory(directory: string): string | undefined {
  const module = directory.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return moduleName.test(module) && directoryOfModule(module) === directory ? module : undefined;
}
