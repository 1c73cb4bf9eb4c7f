// Runs before the package is packed: a tarball without the addon would install and then work nowhere. Builds the one of this platform unless it is newer than its
// sources; those of other platforms are collected in prebuilds/ beforehand and stay.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const prebuilds = join(folder, 'prebuilds');
const own = join(prebuilds, `${process.platform}-${process.arch}`);

if (process.platform === 'linux' && newest(addonsIn(own)) < newest(sources())) {
  console.error('shm-store: building the addon that the tarball carries');
  const { status } = spawnSync(process.execPath, [resolve(folder, '../../scripts/prebuild-native.mjs')], {
    cwd: folder,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) refuse('the addon could not be built: its output above says why. It needs g++, make and python3');
}
const packed = existsSync(prebuilds)
  ? readdirSync(prebuilds).filter((name) => addonsIn(join(prebuilds, name)).length > 0)
  : [];
if (packed.length === 0)
  refuse(
    'prebuilds/ is empty. Run `pnpm --filter @mofo/shm-store run prebuild` on each platform that is to be served, and collect the files there',
  );

function refuse(reason) {
  console.error(`shm-store: nothing was packed, for ${reason}.`);
  process.exit(1);
}

function addonsIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.node'))
    .map((name) => join(directory, name));
}

function sources() {
  const native = join(folder, 'native');
  const inside = readdirSync(native, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !/^native\/(build|test)\//.test(path.slice(folder.length + 1)));
  return [...inside, join(folder, 'layout.json')];
}

/** When the newest of the files was written; 0 for none. */
function newest(paths) {
  return Math.max(0, ...paths.map((path) => statSync(path).mtimeMs));
}
