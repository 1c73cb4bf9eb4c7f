// Builds the addon from the shipped sources for a soak: with the store hook (-DMOFO_CUT_TEST) and the prefix engine, or with one mechanism broken on purpose.
// Units that are compiled as shipped come from the build where it left them; others are kept beside it under a hash of everything that went into them.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const packageFolder = fileURLToPath(new URL('../../../shm-store', import.meta.url));
const native = join(packageFolder, 'native');
const kept = join(native, 'build/test-objects');
const shipped = join(native, 'build/Release/obj.target/shm_store');

const FLAGS = [
  '-std=c++17',
  '-O1',
  '-fPIC',
  '-pthread',
  '-fvisibility=hidden',
  '-D_FILE_OFFSET_BITS=64',
  '-DNAPI_VERSION=8',
];
const NAPI_FLAGS = ['-DNAPI_DISABLE_CPP_EXCEPTIONS', '-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'];
const PLAIN_FLAGS = ['-fno-exceptions', '-fno-rtti'];
// The hook leaves by an exception.
const HOOK_FLAGS = ['-DMOFO_CUT_TEST'];

/**
 * Links the addon into `target`. `hooks` compiles in the store hook and the prefix engine; `sources` replaces the text of units by name, as
 * { 'recovery.cc': '…' }.
 */
export async function buildAddon(target, { hooks = false, sources = {} } = {}) {
  mkdirSync(kept, { recursive: true });
  const { sources: units } = JSON.parse(readFileSync(join(native, 'binding.gyp'), 'utf8')).targets[0];
  const all = hooks ? [...units, 'test/prefix-engine.cc', 'test/prefix-binding.cc'] : units;
  for (const name of Object.keys(sources)) if (!all.includes(name)) throw new Error(`the addon has no unit ${name}`);
  const includes = includeFlags();
  const header = await precompile(includes);
  const objects = await inParallel(all, (unit) => compile({ unit, text: sources[unit], hooks, includes, header }));
  if (hooks) await renameEntry(objects, all.indexOf('binding.cc'));
  await run('g++', ['-shared', '-pthread', ...objects, '-o', target]);
}

/** Builds one file of native/test as an addon of its own; returns its path. */
export async function buildTestAddon(name) {
  mkdirSync(kept, { recursive: true });
  const source = join(native, 'test', name);
  const flags = [...FLAGS, ...PLAIN_FLAGS, '-Wall', '-Wextra', '-Werror', ...includeFlags()];
  const target = join(kept, `${name}-${hashOf([process.version, ...flags, readFileSync(source, 'utf8')])}.node`);
  if (!existsSync(target)) await compileTo(target, [...flags, '-shared', source]);
  return target;
}

function includeFlags() {
  const napi = dirname(createRequire(join(packageFolder, 'package.json')).resolve('node-addon-api/package.json'));
  const node = join(dirname(dirname(process.execPath)), 'include/node');
  return [`-I${native}`, `-I${napi}`, ...(existsSync(node) ? [`-I${node}`] : [])];
}

/** napi.h takes most of the time of each unit of the binding: it is compiled once. */
async function precompile(includes) {
  const flags = [...FLAGS, ...NAPI_FLAGS];
  const folder = join(kept, `napi-${hashOf([process.version, ...flags, ...includes])}`);
  const header = join(folder, 'with-napi.h');
  if (existsSync(`${header}.gch`)) return header;
  mkdirSync(folder, { recursive: true });
  writeFileSync(header, '#include <napi.h>\n');
  await compileTo(`${header}.gch`, [...flags, ...PLAIN_FLAGS, ...includes, '-x', 'c++-header', header]);
  return header;
}

async function compile({ unit, text, hooks, includes, header }) {
  const parts = new Map();
  gather(join(native, unit), parts, text);
  const hasHook = hooks && parts.has(join(native, 'stores.h'));
  const isBinding = [...parts.values()].some((part) => part.includes('#include <napi.h>'));
  const flags = [...FLAGS, ...(isBinding ? NAPI_FLAGS : []), ...(hasHook ? HOOK_FLAGS : PLAIN_FLAGS), ...includes];
  const built = join(shipped, unit.replace(/\.cc$/, '.o'));
  if (!hasHook && text === undefined && isFresh(built, [...parts.keys()])) return built;
  const object = join(kept, `${unit.replaceAll('/', '-')}-${hashOf([process.version, ...flags, ...parts.values()])}.o`);
  if (existsSync(object)) return object;
  // A changed text is compiled where the unit lies, as far as its includes are concerned.
  const source = text === undefined ? join(native, unit) : `${object}.cc`;
  if (text !== undefined) writeFileSync(source, text);
  const early = isBinding && !hasHook ? ['-include', header] : [];
  await compileTo(object, [...flags, ...early, `-I${dirname(join(native, unit))}`, '-c', source]);
  return object;
}

/** The entry point of the shipped binding is called by that of the prefix engine, which takes its name. */
async function renameEntry(objects, index) {
  const renamed = join(kept, `entry-${hashOf([readFileSync(objects[index], 'latin1')])}.o`);
  if (!existsSync(renamed)) {
    const part = `${renamed}.${process.pid}`;
    await run('objcopy', ['--redefine-sym', 'napi_register_module_v1=mofo_register', objects[index], part]);
    renameSync(part, renamed);
  }
  objects[index] = renamed;
}

function isFresh(built, parts) {
  const time = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return parts.every((part) => statSync(part).mtimeMs < time);
}

/** Written under another name first: two runs at once may compile the same unit. */
async function compileTo(target, flags) {
  const part = `${target}.${process.pid}`;
  await run('g++', [...flags, '-o', part]);
  renameSync(part, target);
}

/** The texts of a unit and of every header of ours that it includes. */
function gather(path, parts, text = readFileSync(path, 'utf8')) {
  if (parts.has(path)) return;
  parts.set(path, text);
  for (const [, name] of text.matchAll(/^#include "([^"]+)"/gm)) gather(join(dirname(path), name), parts);
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex').slice(0, 20);
}

async function inParallel(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}
