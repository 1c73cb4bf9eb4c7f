// Makes Node load a version's sources in place of what is on the disk, at their own paths: for CommonJS by its extension handlers, which read through `fs`; for
// ESM by load hooks. Where a file of the version is gone from the disk, it is found all the same. And sees which local files are loaded besides.

import fs from 'node:fs';
import module from 'node:module';
import { dirname, resolve } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { Sources } from './messages.ts';
import { isPackage } from './script-archive-paths.ts';

/** What of Node's loader is changed; not in its types, and relied on by many tools. */
interface Loader {
  readonly _extensions: Record<string, (target: NodeModule, filename: string) => void>;
  _resolveFilename(request: string, parent: NodeModule | undefined, ...rest: unknown[]): string;
}

const SUFFIXES = ['', '.js', '.json', '.cjs', '.mjs', '/index.js', '/index.json'];

/**
 * From now on these sources are what is loaded.
 *
 * @param onOther called with the path of each local file that is loaded and is none of them.
 */
export function loadFrom(sources: Sources, onOther: (path: string) => void): void {
  const loader = module.Module as unknown as Loader;
  for (const [extension, load] of Object.entries(loader._extensions)) {
    if (extension === '.node') continue;
    loader._extensions[extension] = (target, filename) => {
      const text = sources[filename];
      if (text !== undefined) {
        withText(filename, text, () => load(target, filename));
        return;
      }
      if (!isPackage(filename)) onOther(filename);
      load(target, filename);
    };
  }
  const find = loader._resolveFilename;
  loader._resolveFilename = function resolveFilename(request, parent, ...rest) {
    try {
      return find.call(this, request, parent, ...rest);
    } catch (error) {
      const from = parent?.filename;
      if (typeof from !== 'string' || !/^\.{0,2}\//.test(request)) throw error;
      const path = resolve(dirname(from), request);
      const found = SUFFIXES.map((suffix) => path + suffix).find((one) => sources[one] !== undefined);
      if (found === undefined) throw error;
      return found;
    }
  };
  const { port1, port2 } = new MessageChannel();
  port1.on('message', onOther);
  port1.unref();
  module.register(new URL('./archived-sources-hooks.js', import.meta.url), {
    data: { sources, port: port2 },
    transferList: [port2],
  });
}

/** Reading that file gives that text, while `load` runs. */
function withText(filename: string, text: string, load: () => void): void {
  const read = fs.readFileSync;
  const patched = function readFileSync(this: unknown, path: unknown, ...rest: unknown[]): unknown {
    if (path !== filename) return (read as (...all: unknown[]) => unknown).call(this, path, ...rest);
    // Once: what the file does itself, when it runs, is none of the loader's business.
    fs.readFileSync = read;
    return rest.length === 0 ? Buffer.from(text) : text;
  };
  fs.readFileSync = patched as typeof read;
  try {
    load();
  } finally {
    if (fs.readFileSync === (patched as typeof read)) fs.readFileSync = read;
  }
}
