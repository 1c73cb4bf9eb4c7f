// Loading the addon: from a build, from a prebuild, or a coded error that says what to do; never on import.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProgram } from './support/run-program.ts';
import { destroyTestStores, uniqueName } from './support/test-stores.ts';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const built = join(packageFolder, 'native/build/Release/shm_store.node');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-load-'));
  for (const part of ['bundle', 'test/programs', 'package.json']) {
    cpSync(join(packageFolder, part), join(folder, part), { recursive: true });
  }
  symlinkSync(realpathSync(join(packageFolder, 'node_modules')), join(folder, 'node_modules'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  destroyTestStores();
});

async function report(): Promise<Record<string, unknown>> {
  const program = startProgram('open-store.mjs', [uniqueName(), String(2 ** 20)], { folder });
  const line = await program.next();
  program.child.stdin?.end();
  expect(await program.ended).toBe('0');
  return line;
}

test('without an addon the package can be imported, and opening says UNSUPPORTED_PLATFORM, where it is, and how to build', async () => {
  const { code, message } = await report();
  expect(code).toBe('UNSUPPORTED_PLATFORM');
  expect(message).toContain(`${process.platform} ${process.arch} `);
  expect(message).toContain('npx node-gyp rebuild -C node_modules/@mofo/shm-store/native');
  // Its header files are no dependency: the advice names them, in the version that is built with here.
  const { devDependencies } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  expect(message).toContain(`node-addon-api@${devDependencies['node-addon-api'].split('.')[0]} `);
});

test('an addon that is no addon says UNSUPPORTED_PLATFORM', async () => {
  mkdirSync(join(folder, 'native/build/Release'), { recursive: true });
  writeFileSync(join(folder, 'native/build/Release/shm_store.node'), 'not an addon');
  expect((await report()).code).toBe('UNSUPPORTED_PLATFORM');
});

test.each([
  ['a build', 'native/build/Release', 'shm_store.node'],
  ['a prebuild', `prebuilds/linux-${process.arch}`, 'shm-store.node'],
])('from %s', async (_, place, file) => {
  mkdirSync(join(folder, place), { recursive: true });
  cpSync(built, join(folder, place, file));
  expect(await report()).toMatchObject({ created: true, slot: 0 });
});

test('is not packed without an addon, and says why', () => {
  for (const part of ['scripts/prepack.mjs', 'layout.json']) cpSync(join(packageFolder, part), join(folder, part));
  mkdirSync(join(folder, 'native'));
  const prepack = () => spawnSync(process.execPath, [join(folder, 'scripts/prepack.mjs')], { encoding: 'utf8' });
  // What builds it is not there.
  const refused = prepack();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/nothing was packed.*g\+\+/);
  mkdirSync(join(folder, `prebuilds/linux-${process.arch}`), { recursive: true });
  writeFileSync(join(folder, `prebuilds/linux-${process.arch}/shm-store.node`), 'an addon');
  expect(prepack().status).toBe(0);
});
