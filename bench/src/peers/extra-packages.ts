// Packages that only the benches compare with and that would hold up every fresh clone: better-sqlite3 compiles SQLite for minutes where no prebuilt
// binary can be had. They have a folder of their own with a lockfile of its own, bench/peers, outside the workspace, and are installed there by the
// first full run of a bench that wants them.

import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where they are. */
export const peersFolder: string = fileURLToPath(new URL('../../peers/', import.meta.url));

const requirePeer = createRequire(join(peersFolder, 'package.json'));

/** True if the package is there and can be loaded. */
export function isPackageInstalled(name: string): boolean {
  try {
    requirePeer.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Loads a package of {@link peersFolder}. Its types are not installed: `T` is what the caller uses of it. */
export async function importPackage<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(requirePeer.resolve(name)).href)) as T;
}

/** Installs what the lockfile says; resolves with what went wrong, undefined if nothing did. */
export async function installPackages(onProgress: (line: string) => void): Promise<string | undefined> {
  onProgress(`installing the compared packages in ${peersFolder} (compiling SQLite may take minutes) …`);
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const hasHeaders = existsSync(join(prefix, 'include/node/node_api.h'));
  return await run('npm', ['ci', '--no-audit', '--no-fund'], {
    // Headers that came with Node make a download unnecessary, which may be impossible.
    ...(hasHeaders ? { npm_config_nodedir: prefix } : {}),
  });
}

/** Runs a command in {@link peersFolder}; resolves with the end of its output if it failed. */
export async function run(
  command: string,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string | undefined> {
  const child = spawn(command, parameters, {
    cwd: peersFolder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_LIMIT_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_MAX);
    });
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `${command} ended with ${signal ?? `code ${code}`}:\n${output}`),
    );
  });
}

const INSTALL_LIMIT_MS = 20 * 60_000;
const OUTPUT_MAX = 2000;
