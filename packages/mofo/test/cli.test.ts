import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRegistry, type Registry, type Version } from '@mofo/versions';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/program.ts';
import { findModules, loadConfig } from '../src/config/index.ts';
import { buildModule } from '../src/modules/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a command line in the directory; what it wrote and how it ended. */
async function run(...parameters: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(parameters, {
    directory,
    output: { write: (text) => out.push(text) },
    errors: { write: (text) => err.push(text) },
    variables: {},
  });
  return { code, out: out.join(''), err: err.join('') };
}

describe('the command line', () => {
  it('prints help with every command and exit code, and the version', async () => {
    const help = await run('--help');
    expect(help.code).toBe(0);
    for (const word of ['init', 'versions', 'promote', 'revert', 'Exit codes:', 'wrong usage'])
      expect(help.out).toContain(word);
    expect((await run('versions', '--help')).out).toContain('--json');
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run()).out).toContain('Usage: mofo');
  });

  const usage: [string, string[], string][] = [
    ['an unknown command', ['verions'], 'Did you mean "mofo versions"?'],
    ['a strange command', ['xyzzy-plugh'], 'There are: init'],
    ['an unknown option', ['versions', '--jsn'], 'Did you mean "--json"?'],
    ['a missing argument', ['promote'], "missing required argument 'module'"],
    ['too many arguments', ['revert', 'a', 'b', 'c'], 'too many arguments'],
  ];
  it.each(usage)('refuses %s', async (_name, parameters, words) => {
    const result = await run(...parameters);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err).toMatch(/^MofoError \[USAGE\]: /);
    expect(result.err).toContain(words);
  });

  it('says so without a config, also as JSON', async () => {
    expect(await run('versions')).toMatchObject({ code: 3, err: expect.stringContaining('[CONFIG_NOT_FOUND]') });
    const result = await run('versions', '--json');
    expect(JSON.parse(result.err)).toMatchObject({ error: { code: 'CONFIG_NOT_FOUND' } });
  });

  it('runs no app where only a script has run, and looks at that script where there is no app', async () => {
    mkdirSync(join(directory, '.mofo', 'scripts', 'server', 'versions'), { recursive: true });
    expect(await run('run')).toMatchObject({ code: 3, err: expect.stringContaining('[CONFIG_NOT_FOUND]') });
    expect(await run('versions')).toMatchObject({ code: 0, err: '' });
    writeFileSync(join(directory, 'mofo.config.json'), '{ "name": "both" }');
    expect(JSON.parse((await run('status', '--json')).out)).toMatchObject({ name: 'both' });
  });
});

describe('output that nobody reads any more', () => {
  it('is no failure', async () => {
    writeFileSync(join(directory, 'mofo.config.json'), '{ "name": "unread" }');
    const main = fileURLToPath(new URL('../bundle/main.js', import.meta.url));
    const child = spawn(process.execPath, [main, 'versions'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy(); // as `head` does
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' });
  });
});

describe('init', () => {
  it('writes an app whose config loads and whose module builds', async () => {
    const result = await run('init', 'My App');
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toContain("cd 'My App' && npm install && npx mofo dev");
    expect(result.out).toContain('the app is named My-App');
    const app = join(directory, 'My App');
    expect((await loadConfig({ directory: app })).config.name).toBe('My-App');
    const modules = await findModules(app, ['./modules/*.ts']);
    expect(modules).toEqual([{ module: 'hello', source: 'modules/hello.ts' }]);
    expect((await buildModule({ directory: app, source: 'modules/hello.ts' })).exports).toEqual(['default']);
    expect(JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))).toMatchObject({
      name: 'my-app',
      type: 'module',
    });
  });

  it('adds to an existing project what is missing, overwrites nothing, and says so file by file', async () => {
    mkdirSync(join(directory, 'modules'));
    mkdirSync(join(directory, 'node_modules/mofo'), { recursive: true });
    const files: Record<string, string> = {
      'modules/hello.ts': 'mine',
      'tsconfig.json': '{ "mine": true }',
      'mofo.config.mjs': "export default { name: 'mine' };",
      '.gitignore': 'node_modules/\n*.log',
      'package.json':
        '{\n\t"name": "mine",\n\t"scripts": { "dev": "vite" },\n\t"dependencies": { "mofo": "file:x.tgz" }\n}\n',
      'node_modules/mofo/package.json': '{}',
    };
    for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content);
    const result = await run('init', '--name', 'x');
    expect(result).toMatchObject({ code: 0, err: '' });
    const words = result.out.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
    expect(words).toEqual(
      expect.arrayContaining([
        'kept mofo.config.mjs',
        'kept modules/hello.ts',
        'kept tsconfig.json',
        'added to package.json scripts.start, type',
        'added to .gitignore .mofo',
        'next: npx mofo dev',
      ]),
    );
    const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
    for (const file of ['modules/hello.ts', 'tsconfig.json', 'mofo.config.mjs']) expect(read(file)).toBe(files[file]);
    expect(read('.gitignore')).toBe('node_modules/\n*.log\n.mofo\n');
    expect(read('package.json')).toContain('\n\t"name": "mine"');
    expect(JSON.parse(read('package.json'))).toEqual({
      name: 'mine',
      type: 'module',
      scripts: { dev: 'vite', start: 'mofo run' },
      dependencies: { mofo: 'file:x.tgz' },
    });
    const again = JSON.parse((await run('init', '--name', 'x', '--json')).out) as { files: { action: string }[] };
    expect(new Set(again.files.map(({ action }) => action))).toEqual(new Set(['kept']));
  });

  it('leaves a CommonJS project what it is, and says what that means', async () => {
    writeFileSync(join(directory, 'package.json'), '{ "name": "mine", "type": "commonjs" }');
    const result = await run('init', '--name', 'x');
    expect(result.out).toContain('its type is not "module"');
    expect(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))).toMatchObject({ type: 'commonjs' });
  });

  it('refuses a bad name', async () => {
    expect(await run('init', '--name', '../x')).toMatchObject({
      code: 2,
      err: expect.stringContaining('is no name of an app'),
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('versions, promote and revert of an app that does not run', () => {
  let registry: Registry;
  beforeEach(() => {
    writeFileSync(join(directory, 'mofo.config.json'), '{ "name": "bank" }');
    registry = openRegistry({ directory: join(directory, '.mofo/versions') });
  });
  afterEach(() => registry.close());

  /** Adds a version and leads it to a state. */
  async function add(content: string, state: 'checked' | 'probation' | 'stable' | 'unstable'): Promise<Version> {
    let version = registry.markChecked(await registry.add('fees', { bundle: content, source: 'modules/fees.ts' }));
    if (state === 'unstable') return registry.quarantine(version, 'SIGSEGV in task fees.collect #8812');
    if (state !== 'checked') version = registry.markProbation(version);
    return state === 'stable' ? registry.markStable(version, { reason: '500 tasks' }) : version;
  }

  it('lists versions with states and reasons', async () => {
    const stable = await add('1', 'stable');
    const unstable = await add('2', 'unstable');
    const result = await run('versions', 'fees');
    expect(result.code).toBe(0);
    expect(result.out).toMatch(new RegExp(`${stable.id} +stable .*500 tasks`));
    expect(result.out).toMatch(new RegExp(`${unstable.id} +unstable .*SIGSEGV in task fees.collect #8812`));
    const [listed] = JSON.parse((await run('versions', '--json')).out) as { module: string; versions: Version[] }[];
    expect(listed).toMatchObject({ module: 'fees', versions: [{ state: expect.any(String) }, {}] });
  });

  it('refuses a module that was never built, with the nearest', async () => {
    await add('1', 'stable');
    expect(await run('versions', 'fee')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Did you mean "fees"?'),
    });
  });

  it('promotes the one on probation, or the one that is named', async () => {
    const first = await add('1', 'checked');
    expect(await run('promote', 'fees')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`fees@${first.id} is stable by your word`),
    });
    const second = await add('2', 'probation');
    expect((await run('promote', 'fees', second.id, '--json')).code).toBe(0);
    expect(registry.latestStable('fees')?.hash).toBe(second.hash);
    expect(await run('promote', 'fees')).toMatchObject({ code: 1, err: expect.stringContaining('[UNKNOWN_VERSION]') });
    expect(await run('promote', 'fees', 'ffffff')).toMatchObject({
      code: 1,
      err: expect.stringContaining('[UNKNOWN_VERSION]'),
    });
  });

  it.each(['staged', 'checked', 'probation', 'superseded', 'draining', 'unstable', 'stable'] as const)(
    'promotes a version that is %s, the same every time, and says what should make one think',
    async (state) => {
      await add('0', 'stable');
      const version = await registry.add('fees', { bundle: '1', source: 'modules/fees.ts' });
      if (state !== 'staged') registry.markChecked(version);
      if (state === 'probation' || state === 'stable') registry.markProbation(version);
      if (state === 'stable') registry.markStable(version);
      if (state === 'superseded' || state === 'draining') registry.markSuperseded(version);
      if (state === 'draining') registry.markDraining(version);
      if (state === 'unstable') registry.quarantine(version, 'SIGSEGV in task fees.collect #8812');
      const first = await run('promote', 'fees', version.id);
      expect(first).toMatchObject({
        code: 0,
        out: expect.stringContaining(`fees@${version.id} is stable by your word`),
      });
      if (state === 'unstable') expect(first.out).toContain('it was unstable: SIGSEGV in task fees.collect #8812');
      else expect(first.out).not.toContain('unstable');
      expect(await run('promote', 'fees', version.id)).toMatchObject({ code: 0 });
      expect(registry.get('fees', version.id)?.state).toBe('stable');
    },
  );

  it('promotes a version without tries, and says so', async () => {
    const version = await add('1', 'probation');
    for (let spent = 0; spent < 3; spent++) registry.spendTry(version);
    expect((await run('versions')).out).toContain('passed over: no try left');
    const { code, out } = await run('promote', 'fees', version.id);
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('it had no try left') });
  });

  it('does not promote a version whose code is no longer kept', async () => {
    const version = await add('1', 'unstable');
    registry.purge(version);
    expect(await run('promote', 'fees', version.id)).toMatchObject({
      code: 1,
      err: expect.stringContaining('Save its source again'),
    });
  });

  it('reverts to the stable version before, setting aside what is on its way', async () => {
    const first = await add('1', 'stable');
    const second = await add('2', 'stable');
    const third = await add('3', 'probation');
    expect(await run('revert', 'fees')).toMatchObject({ code: 0, out: expect.stringContaining(second.id) });
    expect(registry.get('fees', third.id)?.state).toBe('superseded');
    expect((await run('revert', 'fees')).code).toBe(0);
    expect(registry.latestStable('fees')?.hash).toBe(first.hash);
    expect(registry.get('fees', second.id)?.state).toBe('superseded');
  });

  it('says so when there is nothing to revert to', async () => {
    await add('1', 'stable');
    expect(await run('revert', 'fees')).toMatchObject({ code: 1, err: expect.stringContaining('[NOTHING_TO_REVERT]') });
  });
});

describe('errors of the packages below', () => {
  beforeEach(() =>
    writeFileSync(join(directory, 'mofo.config.json'), JSON.stringify({ name: `nowhere-${process.pid}` })),
  );

  const told: [string, string[], string, string][] = [
    ['check without a store', ['check'], 'ShmStoreError [NOT_FOUND]: ', 'npx mofo dev makes it'],
    ['snapshot without a store', ['snapshot'], 'ShmStoreError [NOT_FOUND]: ', 'npx mofo dev makes it'],
    ['restore without snapshots', ['restore'], 'SnapshotError [DIRECTORY_MISSING]: ', 'There are no snapshots yet'],
    [
      'restore of an id that is not there',
      ['restore', '2026'],
      'SnapshotError [NOT_FOUND]: ',
      'See: npx mofo snapshots',
    ],
    [
      'a config that is named and missing',
      ['status', '--config', 'nope.ts'],
      'MofoError [CONFIG_NOT_FOUND]: ',
      'Correct --config',
    ],
  ];
  it.each(told)('%s: the code once, the advice as a command', async (_name, parameters, beginning, advice) => {
    const { code, err } = await run(...parameters);
    expect(code).toBeGreaterThan(0);
    expect(err.startsWith(beginning), err).toBe(true);
    const flat = err.replace(/\s+/g, ' ');
    expect(flat).toContain(advice);
    expect(flat).not.toMatch(/\[[A-Z_]+\].*\[[A-Z_]+\]|\{ force|listStores|list\(\)|create and sizeBytes/);
  });
});
