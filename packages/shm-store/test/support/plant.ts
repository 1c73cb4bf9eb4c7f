// A copy of the package's build with a bug planted: one source file is changed by text, compiled, and linked with the objects of the real build. The
// shipped addon has no hook for any of this.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));
const objects = join(packageFolder, 'native/build/Release/obj.target/shm_store');

/** Builds the package with texts replaced in one native source; returns the folder of the copy, made in `folder`. */
export function plant(
  folder: string,
  file: string,
  replacements: readonly (readonly [search: string, replacement: string])[],
): string {
  let source = readFileSync(join(packageFolder, 'native', file), 'utf8');
  for (const [search, replacement] of replacements) {
    expect(source.split(search), `${file} no longer has: ${search}`).toHaveLength(2);
    source = source.replace(search, replacement);
  }
  const copy = mkdtempSync(join(folder, 'package-'));
  mkdirSync(join(copy, 'native/build/Release'), { recursive: true });
  for (const part of ['bundle', 'test/programs', 'package.json'])
    cpSync(join(packageFolder, part), join(copy, part), { recursive: true });
  symlinkSync(realpathSync(join(packageFolder, 'node_modules')), join(copy, 'node_modules'));
  const changed = join(copy, file);
  writeFileSync(changed, source);
  const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
  const include = join(dirname(dirname(realpathSync(process.execPath))), 'include/node');
  const headers = [`-I${join(packageFolder, 'native')}`, `-I${napi}`, ...(existsSync(include) ? [`-I${include}`] : [])];
  const others = readdirSync(objects).filter((object) => object.endsWith('.o') && object !== file.replace(/cc$/, 'o'));
  execFileSync('g++', [
    ...[
      '-std=c++17',
      '-O1',
      '-fPIC',
      '-shared',
      '-pthread',
      '-fno-exceptions',
      '-fno-rtti',
      '-D_FILE_OFFSET_BITS=64',
      '-DNAPI_VERSION=8',
    ],
    ...['-DNAPI_DISABLE_CPP_EXCEPTIONS', ...headers, changed, ...others.map((object) => join(objects, object))],
    ...['-o', join(copy, 'native/build/Release/shm_store.node')],
  ]);
  return copy;
}
