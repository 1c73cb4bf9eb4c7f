// A copy of the built packages @mofo/shm-store and @mofo/journal in a temporary folder, in which something is different: every store reports itself, or one
// mechanism is broken on purpose by a change of text that must apply. The shipped code has no hook and no branch for any of this.

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformWithOxc } from 'vite';
import { buildAddon } from './build-addon.mjs';
import { instrument } from './instrument.mjs';

const packages = fileURLToPath(new URL('../../..', import.meta.url));
const hookSource = new URL('./store-hook.mjs', import.meta.url);
/** TypeScript of the tests that soaks use too. */
const SHARED_TESTS = ['journal/test/support/check-heap.ts'];

/**
 * @param hooks every store of JavaScript and C++ reports itself
 * @param patches [{ file, search, replacement, append }]: `file` is below packages/, in dist or native; `search` must stand in it exactly once; `append` is
 *   added at its end
 * @returns { folder, sites, load, remove }: `sites` are the names of JavaScript's sites by number; `load()` imports the copy
 */
export async function buildVariant({ hooks = false, patches = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mofo-variant-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const sites = [];
    copyPackages(folder);
    const sources = applyPatches(folder, patches);
    if (hooks) instrumentAll(folder, sites);
    for (const file of SHARED_TESTS) await share(folder, file);
    const addon = join(folder, 'shm-store/native/build/Release/shm_store.node');
    mkdirSync(join(addon, '..'), { recursive: true });
    if (hooks || Object.keys(sources).length > 0) await buildAddon(addon, { hooks, sources });
    else cpSync(join(packages, 'shm-store/native/build/Release/shm_store.node'), addon);
    return { folder, sites, addon, load: () => loadVariant(folder, hooks), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function copyPackages(folder) {
  for (const name of ['shm-store', 'journal']) {
    cpSync(join(packages, name, 'dist'), join(folder, name, 'dist'), { recursive: true });
    // The name loads the files that can be changed one by one.
    const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'));
    manifest.exports['.'].default = './dist/index.js';
    writeFileSync(join(folder, name, 'package.json'), JSON.stringify(manifest));
  }
  symlinkSync(realpathSync(join(packages, 'shm-store/node_modules')), join(folder, 'shm-store/node_modules'));
  mkdirSync(join(folder, 'journal/node_modules/@mofo'), { recursive: true });
  symlinkSync('../../../shm-store', join(folder, 'journal/node_modules/@mofo/shm-store'));
}

/** Changes JavaScript in place and returns the changed C++ units by name. */
function applyPatches(folder, patches) {
  const sources = {};
  for (const { file, search, replacement = '', append = '' } of patches) {
    const unit = /^shm-store\/native\/(.+)$/.exec(file)?.[1];
    const path = join(unit === undefined ? folder : packages, file);
    const text = (unit === undefined ? undefined : sources[unit]) ?? readFileSync(path, 'utf8');
    const parts = search === undefined ? [text] : text.split(search);
    if (search !== undefined && parts.length !== 2)
      throw new Error(`the patch no longer applies: ${file} has ${parts.length - 1} times, not once: ${search}`);
    const changed = parts.join(replacement) + append;
    if (unit === undefined) writeFileSync(path, changed);
    else sources[unit] = changed;
  }
  return sources;
}

function instrumentAll(folder, sites) {
  const hook = join(folder, 'store-hook.mjs');
  cpSync(fileURLToPath(hookSource), hook);
  const addSite = (name) => sites.push(name) - 1;
  for (const name of ['shm-store', 'journal']) {
    const dist = join(folder, name, 'dist');
    for (const file of readdirSync(dist, { recursive: true }).sort()) {
      if (!file.endsWith('.js')) continue;
      const path = join(dist, file);
      writeFileSync(path, instrument(readFileSync(path, 'utf8'), `${name}/${file}`, addSite, pathToFileURL(hook).href));
    }
  }
}

/** Takes the types out of a module of the tests, and lets it import the copy. */
async function share(folder, file) {
  const path = join(packages, file);
  const { code } = await transformWithOxc(readFileSync(path, 'utf8'), path, { sourcemap: false });
  const target = join(folder, file.replace(/\.ts$/, '.js'));
  mkdirSync(join(target, '..'), { recursive: true });
  writeFileSync(target, code.replaceAll(/(["'])((?:\.\.\/)+)src\/([\w./-]+)\.ts\1/g, '$1$2dist/$3.js$1'));
}

async function loadVariant(folder, hooks) {
  const load = (path) => import(pathToFileURL(join(folder, path)).href);
  return {
    shm: await load('shm-store/dist/index.js'),
    journal: await load('journal/dist/index.js'),
    checks: await load('journal/test/support/check-heap.js'),
    hook: hooks ? await load('store-hook.mjs') : undefined,
  };
}
