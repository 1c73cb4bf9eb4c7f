// Load hooks of ESM, in the thread in which Node runs them: a version's sources in place of what is on the disk.

import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import type { Sources } from './messages.ts';
import { isPackage } from './script-archive-paths.ts';

let sources: Sources = {};
let others: MessagePort | undefined;

/** Called once by Node with what was given to `register`. */
export const initialize: InitializeHook<{ readonly sources: Sources; readonly port: MessagePort }> = (data) => {
  sources = data.sources;
  others = data.port;
  others.unref();
};

/** Finds a file of the version that is gone from the disk. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!specifier.startsWith('.') && !specifier.startsWith('file:')) throw error;
    const url = new URL(specifier, context.parentURL).href;
    if (sources[fileURLToPath(url)] === undefined) throw error;
    return { url, format: url.endsWith('.json') ? 'json' : 'module', shortCircuit: true };
  }
};

/** Gives the version's text for ESM and JSON; CommonJS is read by its own loader. */
export const load: LoadHook = async (url, context, next) => {
  const path = url.startsWith('file:') ? fileURLToPath(url) : undefined;
  const source = path === undefined ? undefined : sources[path];
  if (path !== undefined && source === undefined && !isPackage(path)) others?.postMessage(path);
  const { format } = context;
  if (source === undefined || (format !== 'module' && format !== 'json')) return next(url, context);
  return { format, source, shortCircuit: true };
};
