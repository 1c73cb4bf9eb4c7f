// Where the versions of server scripts are kept: `.mofo/scripts/<name>` below the directory in which they run, one folder for each script.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { systemCodeOf } from '../errors.ts';

/** What is noted of a script. */
export interface ScriptNote {
  /** Relative to the directory. */
  readonly script: string;
  /** Local files that it was seen to load by names which only a run tells; relative to the directory. */
  readonly loaded: readonly string[];
}

const SCRIPTS = join('.mofo', 'scripts');

/** Name of a script, by which its versions are called: `server` for server.js, `src-index` for src/index.js. */
export function scriptName(directory: string, script: string): string {
  const inside = relative(directory, script);
  const path = inside.startsWith('..') ? basename(script) : inside;
  const words = path.slice(0, path.length - extname(path).length).match(/[a-zA-Z0-9]+/g) ?? [];
  const name = words.join('-').slice(0, 64);
  return /^[a-zA-Z]/.test(name) ? name : `script-${name}`.slice(0, 64).replace(/-+$/, '');
}

/** Where a script's versions, note and control socket are. */
export function scriptStateDirectory(directory: string, name: string): string {
  return join(directory, SCRIPTS, name);
}

/** Names of the scripts that have run in a directory, as far as this user may see them. */
export function scriptsIn(directory: string): string[] {
  try {
    return readdirSync(join(directory, SCRIPTS), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'EACCES') return [];
    throw error;
  }
}

/** Where the note lies. */
export function noteFile(stateDirectory: string): string {
  return join(stateDirectory, 'script.json');
}

/** The note; undefined when there is none that can be read: it is only a help. */
export function readNote(stateDirectory: string): ScriptNote | undefined {
  try {
    const note = JSON.parse(readFileSync(noteFile(stateDirectory), 'utf8')) as ScriptNote;
    return Array.isArray(note.loaded) ? note : undefined;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
