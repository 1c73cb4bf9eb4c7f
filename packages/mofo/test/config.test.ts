import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findModules,
  loadConfig,
  moduleOfFile,
  parseSizeBytes,
  showSize,
  validateConfig,
} from '../src/config/index.ts';
import type { MofoError } from '../src/errors.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}

async function errorOf(action: () => unknown): Promise<MofoError> {
  try {
    await action();
  } catch (error) {
    return error as MofoError;
  }
  throw new Error('it did not throw');
}

describe('loading a config', () => {
  it('evaluates TypeScript with imports and completes it with the defaults', async () => {
    write({
      'mofo.config.ts': `import { defineConfig } from 'mofo';
        import { port } from './settings.ts';
        console.log('noise on standard output');
        export default defineConfig({ name: 'bank', http: { port }, store: { sizeBytes: '64MiB' }, snapshot: { every: '1m' } });`,
      'settings.ts': 'export const port: number = 4000;',
    });
    const { config, appDirectory } = await loadConfig({ directory });
    expect(appDirectory).toBe(directory);
    expect(config).toEqual({
      name: 'bank',
      modules: ['./modules/*.ts'],
      http: { host: '127.0.0.1', port: 4000, maxBodyBytes: 1_048_576, keepConnections: true },
      store: { name: 'bank', sizeBytes: 67_108_864 },
      snapshot: { everyMs: 60_000, atStop: null, keep: 10, directory: join(directory, '.mofo/snapshots') },
      probation: { tasks: 500, minimumMs: 5000, deadlineMs: 600_000 },
      crashes: { burst: 3, windowMs: 600_000 },
      hangAfterMs: 2000,
      heapLimitBytes: null,
      workers: 1,
      durability: 'snapshot',
      directory: join(directory, '.mofo'),
    });
  });

  it('takes JSON, and an async function', async () => {
    write({ 'mofo.config.json': '{ "name": "one" }' });
    expect((await loadConfig({ directory })).config).toMatchObject({ name: 'one', store: { sizeBytes: null } });
    write({ 'mofo.config.mjs': 'export default async () => ({ name: "two" });' });
    expect((await loadConfig({ directory })).config.name).toBe('two');
  });

  const refusals: [string, Record<string, string>, string, string][] = [
    ['no file', {}, 'CONFIG_NOT_FOUND', 'npx mofo init'],
    [
      'a syntax error',
      { 'mofo.config.ts': 'export default {\n  name: ;\n};' },
      'CONFIG_BUILD_FAILED',
      'mofo.config.ts:2:',
    ],
    [
      'an error when it is evaluated, with its place',
      {
        'mofo.config.ts':
          "const none = undefined as never as { port: number };\n\nexport default { name: 'x', http: { port: none.port } };",
      },
      'CONFIG_EVALUATION_FAILED',
      'mofo.config.ts:3:',
    ],
    ['bad JSON', { 'mofo.config.json': '{' }, 'CONFIG_BUILD_FAILED', 'is no JSON'],
    ['no default export', { 'mofo.config.ts': 'export const name = 1;' }, 'CONFIG_BUILD_FAILED', 'no default export'],
    [
      'a throw',
      { 'mofo.config.ts': 'throw new Error("oh no"); export default {};' },
      'CONFIG_EVALUATION_FAILED',
      'oh no',
    ],
    ['an exit', { 'mofo.config.ts': 'process.exit(3); export default {};' }, 'CONFIG_EVALUATION_FAILED', 'exit code 3'],
    [
      'a function as a value',
      { 'mofo.config.ts': 'export default { name: "x", http: { port() {} } };' },
      'CONFIG_EVALUATION_FAILED',
      'http.port is a function',
    ],
    [
      'another import',
      { 'mofo.config.ts': 'import { openStore } from "mofo"; export default openStore;' },
      'CONFIG_EVALUATION_FAILED',
      'only defineConfig',
    ],
    ['nothing', { 'mofo.config.ts': 'export default undefined;' }, 'CONFIG_INVALID', 'must be an object'],
  ];
  for (const [name, files, code, words] of refusals) {
    it(`refuses ${name}`, async () => {
      write(files);
      const error = await errorOf(() => loadConfig({ directory }));
      expect({ code: error.code, hasWords: error.message.includes(words), message: error.message }).toMatchObject({
        code,
        hasWords: true,
      });
    });
  }

  it('stops one that loops, in time', async () => {
    write({ 'mofo.config.ts': 'for (;;) {} export default {};' });
    const error = await errorOf(() => loadConfig({ directory, timeoutMs: 500 }));
    expect(error.code).toBe('CONFIG_TIMEOUT');
  });
});

describe('checking a config', () => {
  const rows: [string, object, string, string][] = [
    ['an unknown key', { name: 'x', prot: 1, http: {} }, 'CONFIG_UNKNOWN_KEY', 'prot: is no key of a config.'],
    [
      'a mistyped key',
      { name: 'x', snapshots: {} },
      'CONFIG_UNKNOWN_KEY',
      'snapshots: is no key of a config. Did you mean "snapshot"?',
    ],
    [
      'a mistyped key inside',
      { name: 'x', http: { prot: 1 } },
      'CONFIG_UNKNOWN_KEY',
      'http.prot: is no key of a config. Did you mean "port"?',
    ],
    ['no name', {}, 'CONFIG_INVALID', 'name: is missing'],
    ['a bad name', { name: '../x' }, 'CONFIG_INVALID', 'name: it must be 1 to 64'],
    ['a section that is none', { name: 'x', http: 5 }, 'CONFIG_INVALID', 'http: must be an object, but is 5'],
    [
      'a port too high',
      { name: 'x', http: { port: 65_536 } },
      'CONFIG_INVALID',
      'http.port: must be a whole number from 0 to 65,535',
    ],
    ['a host that is none', { name: 'x', http: { host: 'a b' } }, 'CONFIG_INVALID', 'http.host: must be an IP address'],
    [
      'a size without unit',
      { name: 'x', store: { sizeBytes: '256' } },
      'CONFIG_INVALID',
      'store.sizeBytes: is no size',
    ],
    [
      'a size too small',
      { name: 'x', store: { sizeBytes: '64KiB' } },
      'CONFIG_INVALID',
      'store.sizeBytes: must be from 1 MiB to 64 GiB',
    ],
    [
      'a size too large',
      { name: 'x', store: { sizeBytes: '65GiB' } },
      'CONFIG_INVALID',
      'store.sizeBytes: must be from 1 MiB to 64 GiB',
    ],
    [
      'a size between slabs',
      { name: 'x', store: { sizeBytes: 2 ** 20 + 1 } },
      'CONFIG_INVALID',
      'store.sizeBytes: must be a multiple of',
    ],
    ['a duration without unit', { name: 'x', hangAfter: '2' }, 'CONFIG_INVALID', 'hangAfter: is no duration'],
    [
      'a snapshot interval too short',
      { name: 'x', snapshot: { every: '1ms' } },
      'CONFIG_INVALID',
      'snapshot.every: must be at least 100 ms',
    ],
    [
      'a minimum above the deadline',
      { name: 'x', probation: { minimum: '2m', deadline: '1m' } },
      'CONFIG_INVALID',
      'probation.minimum: must not be longer',
    ],
    [
      '** in a pattern',
      { name: 'x', modules: './**/*.ts' },
      'CONFIG_INVALID',
      'modules.0: may have * and ? only in its last part',
    ],
    ['no pattern', { name: 'x', modules: [] }, 'CONFIG_INVALID', 'modules: must name at least one pattern'],
    ['a number as pattern', { name: 'x', modules: 5 }, 'CONFIG_INVALID', 'modules: must be a pattern'],
    ['more workers', { name: 'x', workers: 2 }, 'NOT_YET', '2 workers'],
    ['the disk log', { name: 'x', durability: 'disk' }, 'NOT_YET', "durability 'disk'"],
  ];
  for (const [name, input, code, words] of rows) {
    it(`refuses ${name}`, async () => {
      const error = await errorOf(() => validateConfig(input, '/app'));
      expect({ code: error.code, hasWords: error.message.includes(words), message: error.message }).toMatchObject({
        code,
        hasWords: true,
      });
    });
  }

  it('lists everything at once', async () => {
    const error = await errorOf(() => validateConfig({ nam: 'x', http: { port: -1 }, hangAfter: 'soon' }, '/app'));
    expect(error.data.problems).toMatchObject([
      { path: 'nam' },
      { path: 'name' },
      { path: 'http.port' },
      { path: 'hangAfter' },
    ]);
  });

  it('turns snapshots off', () => {
    expect(validateConfig({ name: 'x', snapshot: { every: false } }, '/app').snapshot.everyMs).toBeNull();
  });
});

describe('finding modules', () => {
  it('names them as their files, sorted, without tests and declarations', async () => {
    write({
      'modules/fees.ts': '',
      'modules/accounts.ts': '',
      'modules/fees.test.ts': '',
      'modules/types.d.ts': '',
      'modules/x.json': '',
      'lib/y.ts': '',
    });
    expect(await findModules(directory, ['./modules/*.ts', 'lib/y.ts'])).toEqual([
      { module: 'accounts', source: 'modules/accounts.ts' },
      { module: 'fees', source: 'modules/fees.ts' },
      { module: 'y', source: 'lib/y.ts' },
    ]);
    expect(moduleOfFile('/app', ['./modules/f*.ts'], '/app/modules/fees.ts')?.module).toBe('fees');
    expect(moduleOfFile('/app', ['./modules/f*.ts'], '/app/modules/accounts.ts')).toBeUndefined();
  });

  it('refuses none, two of one name, and a name that is none', async () => {
    expect((await errorOf(() => findModules(directory, ['./modules/*.ts']))).code).toBe('CONFIG_NO_MODULES');
    write({ 'modules/a.ts': '', 'other/a.ts': '' });
    expect((await errorOf(() => findModules(directory, ['modules/*.ts', 'other/*.ts']))).code).toBe('CONFIG_INVALID');
    write({ 'bad/my module.ts': '' });
    expect((await errorOf(() => findModules(directory, ['bad/*.ts']))).code).toBe('CONFIG_INVALID');
  });
});

describe('sizes', () => {
  it.each([
    ['256MiB', 268_435_456],
    ['1.5KiB', 1536],
    [4096, 4096],
    ['0.3KiB', undefined],
    ['1MB', undefined],
    [-1, undefined],
    [1.5, undefined],
  ])('%j is %j bytes', (value, expected) => expect(parseSizeBytes(value)).toBe(expected));
  it('are shown short', () =>
    expect([3_250_586, 268_435_456, 100].map(showSize)).toEqual(['3.1 MiB', '256 MiB', '100 B']));
});
