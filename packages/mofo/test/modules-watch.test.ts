import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ModuleWatcher, watchModules } from '../src/modules/index.ts';

let directory: string;
let watcher: ModuleWatcher | undefined;
let events: string[];
let bundles: string[];

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'mofo-watch-')));
  events = [];
  bundles = [];
});
afterEach(async () => {
  await watcher?.close();
  watcher = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, content: string): void {
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  writeFileSync(join(directory, name), content);
}

async function start(): Promise<void> {
  watcher = await watchModules({
    directory,
    patterns: ['./modules/*.ts'],
    onBuilt: ({ file, built }) => {
      bundles.push(built.bundle.toString());
      events.push(`built ${file.module}`);
    },
    onBroken: ({ file, error }) => void events.push(`broken ${file.module} ${error.code}`),
    onRemoved: (file) => void events.push(`removed ${file.module}`),
    onError: (error) => void events.push(`error ${error.message}`),
  });
}

const quiet = async (...expected: string[]): Promise<void> => {
  await expect.poll(() => events, { timeout: 10_000 }).toEqual(expected);
  await watcher!.settled();
  expect(events).toEqual(expected);
  events.length = 0;
};

it('builds at the start, then only what changed, also through what is imported', async () => {
  write('modules/a.ts', "import { x } from '../lib/x.ts'; export default x;");
  write('modules/b.ts', 'export default 2;');
  write('lib/x.ts', 'export const x = 1;');
  await start();
  expect(events.sort()).toEqual(['built a', 'built b']);
  events.length = 0;
  expect(watcher!.inputs()).toEqual(['lib/x.ts', 'modules/a.ts', 'modules/b.ts'].map((name) => join(directory, name)));
  write('modules/b.ts', 'export default 3;');
  await quiet('built b');
  write('lib/x.ts', 'export const x = 7;');
  await quiet('built a');
  expect(bundles.at(-1)).toContain('= 7;');
  write('modules/b.ts', 'export default 3;');
  write('modules/c.ts', 'export default 4;');
  await quiet('built c');
});

it('reports a broken source once, watches on, and sees it mended', async () => {
  write('modules/a.ts', 'export default 1;');
  await start();
  await quiet('built a');
  write('modules/a.ts', 'export default {;');
  await quiet('broken a BUILD_FAILED');
  write('modules/a.ts', 'export default 1;');
  await quiet('built a');
  write('modules/a.ts', "import { y } from './lib/y.ts'; export default y;");
  await quiet('broken a BUILD_FAILED');
  mkdirSync(join(directory, 'modules/lib'));
  write('modules/lib/y.ts', 'export const y = 1;');
  await quiet('built a');
});

it('waits until a file that is being written holds still', async () => {
  write('modules/a.ts', 'export default 1;');
  await start();
  await quiet('built a');
  const file = await open(join(directory, 'modules/a.ts'), 'w');
  for (const part of ['export default', ' [', ...Array.from({ length: 40 }, (_, index) => `${index},`), '];\n']) {
    await file.write(part);
    await new Promise((settle) => setTimeout(settle, 3));
  }
  await file.close();
  await quiet('built a');
  expect(bundles.at(-1)).toContain('39');
});

it('sees a save by rename, and a file that is gone', async () => {
  write('modules/a.ts', 'export default 1;');
  await start();
  await quiet('built a');
  write('a.ts.tmp', 'export default 5;');
  renameSync(join(directory, 'a.ts.tmp'), join(directory, 'modules/a.ts'));
  await quiet('built a');
  unlinkSync(join(directory, 'modules/a.ts'));
  await quiet('removed a');
  write('modules/a.ts', 'export default 6;');
  await quiet('built a');
});

it('refuses to watch nothing', async () => {
  await expect(start()).rejects.toMatchObject({ code: 'CONFIG_NO_MODULES' });
});
