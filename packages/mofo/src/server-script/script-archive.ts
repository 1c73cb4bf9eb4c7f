// What a version of a server script is: the sources of the script and of all local files that it imports, as they were at one moment. Node runs them from their
// original places, so that `__dirname`, `import.meta.url`, `require.main`, views, static files and node_modules are what they are without mofo; only the text of
// these files comes from here. So an old version runs as it was although the files on the disk are new.
//
// Not in it: packages in node_modules, and whatever the script reads itself (views, static files, .env). A local file that is loaded by a name which is only known
// when the script runs is read from the disk the first time; from the next version on it is in it.

import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { MofoError, systemCodeOf } from '../errors.ts';
import { buildFailed } from '../modules/build-error.ts';
import type { Sources } from './messages.ts';
import { isPackage } from './script-archive-paths.ts';

/** A script's sources. */
export interface ScriptArchive {
  /** As the registry keeps it: the same sources give the same bytes wherever they lie. */
  readonly bytes: Buffer;
  /** To be hashed with the bytes: another format makes another version. */
  readonly bundler: string;
  /** Absolute paths: what to watch. */
  readonly files: readonly string[];
}

interface Stored {
  readonly format: 1;
  readonly entry: string;
  /** Texts by path relative to the directory. */
  readonly files: Record<string, string>;
}

const RUNS_IN_NODE = /\.(?:[cm]?js|json)$/;

/**
 * Collects a script's sources. Async; 5 to 50 ms.
 *
 * @param directory where the script's processes run; paths in the archive begin here.
 * @param entry the script, absolute.
 * @param known files that it was seen to load besides; those that are gone are left out.
 * @throws MofoError BUILD_FAILED with the code frame, for what cannot be parsed or read.
 */
export async function collectSources(
  directory: string,
  entry: string,
  known: Iterable<string> = [],
): Promise<ScriptArchive> {
  const texts = new Map<string, string>();
  const read = async (path: string): Promise<string> => {
    const text = texts.get(path) ?? (await readFile(path, 'utf8'));
    texts.set(path, text);
    return text;
  };
  const source = relative(directory, entry);
  try {
    await read(entry);
  } catch (error) {
    const reason = systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : `it cannot be read (${String(error)})`;
    throw new MofoError('BUILD_FAILED', `${source} was not taken up: ${reason}.`, {
      cause: error,
      data: { file: source, reason, problems: [] },
    });
  }
  const { rolldown, VERSION } = await import('rolldown');
  const build = await rolldown({
    input: entry,
    cwd: directory,
    platform: 'node',
    logLevel: 'silent',
    tsconfig: false,
    treeshake: false,
    plugins: [
      {
        name: 'collect',
        async resolveId(id, importer) {
          if (importer === undefined) return null;
          if (!id.startsWith('.') && !id.startsWith('/') && !id.startsWith('#')) return { id, external: true };
          const found = await this.resolve(id, importer, { skipSelf: true });
          // What is not there may be meant not to be: the script decides when it runs.
          const isOurs = found !== null && RUNS_IN_NODE.test(found.id) && !isPackage(found.id);
          return isOurs ? found : { id, external: true };
        },
        load: read,
      },
    ],
  });
  try {
    await build.generate({ format: 'esm', dir: directory });
  } catch (error) {
    throw buildFailed(error, source, directory);
  } finally {
    await build.close();
  }
  for (const path of known) if (!texts.has(path)) await read(path).catch(unlessGone);
  const files: Record<string, string> = {};
  for (const path of [...texts.keys()].sort()) files[relative(directory, path)] = texts.get(path) as string;
  const stored: Stored = { format: 1, entry: source, files };
  return {
    bytes: Buffer.from(JSON.stringify(stored)),
    bundler: `script-archive 1, found by rolldown ${VERSION}`,
    files: [...texts.keys()].sort(),
  };
}

/** The sources of a stored version by absolute path. */
export function sourcesOf(bytes: Uint8Array, directory: string): Sources {
  const { format, files } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Stored;
  if (format !== 1)
    throw new MofoError('LOAD_FAILED', 'The stored version is of another format of mofo. It was not loaded.');
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [resolve(directory, path), text]));
}

function unlessGone(error: unknown): void {
  if (systemCodeOf(error) !== 'ENOENT') throw error;
}
