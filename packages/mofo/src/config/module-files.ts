// Which source files are modules. A pattern is a path whose last part may hold `*` and `?`; the parts before it are plain, so
// that what is watched and what is loaded can be told at a glance. A module is named as its file.

import { readdir } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { MofoError, systemCodeOf } from '../errors.ts';

/** One module's source. */
export interface ModuleFile {
  /** Name of the module: the file's name without its ending. */
  readonly module: string;
  /** The file, relative to the app's directory, with `/`. */
  readonly source: string;
}

/** Endings of module sources, and of what only looks like one. */
const sourceEnding = /\.[cm]?[jt]s$/;
const noModule = /\.(d|test|spec)\.[cm]?[jt]s$/;
const moduleName = /^[a-z][a-z0-9-]{0,63}$/i;

/** What is wrong with a pattern, or undefined. */
export function patternProblem(pattern: string): string | undefined {
  if (/[*?]/.test(posix.dirname(pattern))) return "may have * and ? only in its last part, such as './modules/*.ts'";
  if (/[[\]{}!()]/.test(pattern)) return 'may have no [ ] { } ( ) !: only * and ? in its last part';
  if (posix.basename(pattern).includes('**')) return 'has **; list the directories one by one';
  return undefined;
}

/** The absolute directories that hold the files of `patterns`: what to watch. */
export function patternDirectories(directory: string, patterns: readonly string[]): string[] {
  return [...new Set(patterns.map((pattern) => dirname(resolve(directory, pattern))))];
}

/** The module that a file is, or undefined if no pattern means it. `path` is absolute. */
export function moduleOfFile(directory: string, patterns: readonly string[], path: string): ModuleFile | undefined {
  const file = basename(path);
  const isMeant = patterns.some((pattern) => {
    const whole = resolve(directory, pattern);
    return dirname(whole) === dirname(path) && matcherOf(basename(whole)).test(file);
  });
  if (!isMeant || !sourceEnding.test(file) || noModule.test(file)) return undefined;
  return { module: file.replace(sourceEnding, ''), source: posix.relative(directory, path) };
}

/** Why a file cannot be a module by its name; undefined if it can. */
export function moduleNameProblem(file: ModuleFile): MofoError | undefined {
  if (moduleName.test(file.module)) return undefined;
  return new MofoError(
    'NAME_MISMATCH',
    `${file.source} cannot be a module: its name must be a letter, then at most 63 letters, digits or hyphens. ` +
      'Rename the file, or narrow `modules` in the config.',
    { data: { file: file.source } },
  );
}

/**
 * Finds the modules of an app, sorted by name.
 *
 * @throws MofoError CONFIG_NO_MODULES if there is none, CONFIG_INVALID if two files or a bad file name stand in the way.
 */
export async function findModules(directory: string, patterns: readonly string[]): Promise<ModuleFile[]> {
  const found = new Map<string, ModuleFile>();
  for (const folder of patternDirectories(directory, patterns)) {
    for (const entry of await filesOf(folder)) {
      const file = moduleOfFile(directory, patterns, join(folder, entry));
      if (file === undefined) continue;
      requireUsableName(file);
      const other = found.get(file.module);
      if (other !== undefined && other.source !== file.source) {
        const message = `${other.source} and ${file.source} would both be module "${file.module}". Nothing was started. Rename one of them.`;
        throw new MofoError('CONFIG_INVALID', message, { data: { problems: [{ path: 'modules', message }] } });
      }
      found.set(file.module, file);
    }
  }
  if (found.size > 0) return [...found.values()].sort((one, other) => (one.module < other.module ? -1 : 1));
  throw new MofoError(
    'CONFIG_NO_MODULES',
    `no file matches ${patterns.join(', ')} in ${directory}. Nothing was started. ` +
      'Write a module there, correct `modules` in the config, or begin with: npx mofo init',
    { data: { patterns, directory } },
  );
}

function requireUsableName(file: ModuleFile): void {
  const problem = moduleNameProblem(file);
  if (problem === undefined) return;
  const message = `${problem.message} Nothing was started.`;
  throw new MofoError('CONFIG_INVALID', message, { data: { problems: [{ path: 'modules', message }] } });
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function matcherOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^$|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${source}$`);
}
