// What people do wrong, through the real command: each is refused with a code and an exit code, and leaves everything as it was.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gate, ledger, subject } from './support/modules.ts';
import { runMofo, TestApp } from './support/test-app.ts';

describe('an application that does not run', () => {
  let app: TestApp;
  beforeAll(() => {
    app = new TestApp({ modules: { subject: subject('a') } });
  });
  afterAll(() => app.cleanUp());

  const commands: readonly { command: string[]; code: number; errorCode?: string; value?: unknown }[] = [
    { command: ['status'], code: 0, value: { name: 'test', running: false } },
    { command: ['versions', 'subjct'], code: 1, errorCode: 'UNKNOWN_MODULE' },
    { command: ['snapshots'], code: 0, value: [] },
    { command: ['snapshot'], code: 1, errorCode: 'NOT_FOUND' },
    { command: ['check'], code: 1, errorCode: 'NOT_FOUND' },
    { command: ['export'], code: 1, errorCode: 'NOT_FOUND' },
    { command: ['restore'], code: 1 },
    { command: ['destroy', '--yes'], code: 0, value: { destroyed: false } },
    { command: ['run', '--app', './elsewhere'], code: 3, errorCode: 'CONFIG_NOT_FOUND' },
  ];
  it.each(commands)('is told so by mofo $command', async ({ command, code, errorCode, value }) => {
    const result = await app.command(...command);
    expect(result.code, result.stderr).toBe(code);
    if (code !== 0) expect(result.errorCode).toEqual(errorCode ?? expect.stringMatching(/^[A-Z_]+$/));
    if (code !== 0) expect(result.errorCode).not.toBe('UNEXPECTED');
    if (value !== undefined) expect(result.value).toMatchObject(value as object);
    expect(app.segments()).toEqual([]);
  });

  const configs: readonly { name: string; config: object; errorCode: string }[] = [
    { name: 'an unknown key', config: { prot: 3000 }, errorCode: 'CONFIG_UNKNOWN_KEY' },
    { name: 'a size that is too small', config: { store: { sizeBytes: '64KiB' } }, errorCode: 'CONFIG_INVALID' },
    { name: 'a size above 64 GiB', config: { store: { sizeBytes: '65GiB' } }, errorCode: 'CONFIG_INVALID' },
  ];
  it.each(configs)('is not started with $name in its config', async ({ config, errorCode }) => {
    app.configure(config as Record<string, unknown>);
    const result = await app.command('run');
    expect(result).toMatchObject({ code: 3, errorCode });
    expect(app.segments()).toEqual([]);
    app.configure({});
  });

  it('is not started by a user who may not write into its folder', async () => {
    if (process.getuid?.() !== 0) throw new Error('run as root, so that another user can be tried');
    chmodSync(app.directory, 0o755);
    const result = await runMofo(app.directory, ['run', '--json'], { uid: 65_534, gid: 65_534 });
    expect(result.code, result.stderr).toBe(1);
    expect(result.errorCode).toBe('READ_ONLY');
    expect(app.segments()).toEqual([]);
  });
});

describe('an application that runs', () => {
  let app: TestApp;
  let other: Server | undefined;
  beforeAll(async () => {
    app = new TestApp({ modules: { subject: subject('a', { beat: '' }), gate, ledger } });
    await app.start();
    await app.bothReady();
    await app.waitFor({ kind: 'stable', module: 'subject' });
  });
  afterEach(() => {
    other?.close();
    other = undefined;
  });
  afterAll(() => app.cleanUp());

  it('is not started a second time, and goes on', async () => {
    for (const mode of ['run', 'dev'])
      expect(await app.command(mode)).toMatchObject({ code: 4, errorCode: 'ALREADY_RUNNING' });
    expect(await app.get('/subject')).toMatchObject({ status: 200 });
    expect((await app.command('status')).value).toMatchObject({ running: true });
  });

  it('is neither restored nor destroyed under its feet', async () => {
    expect(await app.command('restore')).toMatchObject({ code: 4, errorCode: 'ALREADY_RUNNING' });
    expect(await app.command('destroy')).toMatchObject({ code: 2, errorCode: 'USAGE' });
    const destroyed = await app.command('destroy', '--yes');
    expect(destroyed).toMatchObject({ code: 4, errorCode: 'STORE_BUSY' });
    expect(destroyed.stderr).toContain('npx mofo destroy --yes --force');
    expect(await app.get('/ledger')).toMatchObject({ status: 200 });
  });

  it('answers every command with JSON', async () => {
    const status = await app.command('status');
    expect(status).toMatchObject({ code: 0, value: { running: true, main: { role: 'main' } } });
    expect((await app.command('versions', 'subject')).value[0].versions[0]).toMatchObject({ state: 'stable' });
    const taken = await app.command('snapshot');
    expect(taken).toMatchObject({ code: 0, value: { id: expect.any(String) as string } });
    expect((await app.command('snapshots')).value).toEqual([expect.objectContaining({ id: taken.value.id })]);
    expect(await app.command('check')).toMatchObject({ code: 0, value: { isSound: true } });
    expect(await app.command('check', '--image', taken.value.file)).toMatchObject({
      code: 0,
      value: { isSound: true },
    });
    expect(await app.command('export', '--output', 'all.xml')).toMatchObject({ code: 0, value: { findingCount: 0 } });
  });

  it('promotes and reverts at once, and refuses what is not known', async () => {
    await app.bothReady();
    const first = (await app.command('versions', 'subject')).value[0].versions[0].id;
    const since = app.mark();
    app.save('subject', subject('b'));
    const update = await app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
    const second = update.version ?? '';
    expect(await app.command('promote', 'gate')).toMatchObject({ code: 0, value: { module: 'gate', state: 'stable' } });
    expect(await app.command('promote', 'gate')).toMatchObject({ code: 1, errorCode: 'UNKNOWN_VERSION' });
    expect(await app.command('promote', 'subject', second)).toMatchObject({ code: 0, value: { state: 'stable' } });
    expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
    expect(await app.version('subject', second)).toMatchObject({ state: 'stable' });
    expect(await app.command('revert', 'subject')).toMatchObject({ code: 0, value: { version: first } });
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
    expect(await app.version('subject', first)).toMatchObject({ state: 'stable' });

    const refusals: [string[], string][] = [
      [['promote', 'subject', 'ffffff'], 'UNKNOWN_VERSION'],
      [['revert', 'nobody'], 'UNKNOWN_MODULE'],
      [['promote', 'subject', 'not-an-id'], 'UNKNOWN_VERSION'],
    ];
    for (const [command, errorCode] of refusals)
      expect(await app.command(...command)).toMatchObject({ code: 1, errorCode });
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
  });

  it('says that its config is read at the start, when it is saved', async () => {
    const since = app.mark();
    app.configure({ hangAfter: '301ms' });
    const event = await app.waitFor({ kind: 'warning' }, since);
    expect(event.message).toMatch(/^mofo\.config\.json was saved, and is read at the start only/);
    app.configure({});
  });

  it('keeps its port: another application is told PORT_IN_USE and starts nothing', async () => {
    const rival = new TestApp({ modules: { subject: subject('rival') } });
    try {
      const result = await rival.command('run', '--port', new URL(app.url).port);
      expect(result).toMatchObject({ code: 1, errorCode: 'PORT_IN_USE' });
      expect(rival.segments()).toEqual([]);
      expect(rival.livingProcesses()).toEqual([]);
    } finally {
      await rival.cleanUp();
    }
  });

  it('with another size in its config is refused at the next start, and its data stays', async () => {
    const { ticks } = await app.get('/ledger');
    expect(await app.stop()).toBe(0);
    app.configure({ store: { name: app.storeName, sizeBytes: '16MiB' } });
    const result = await app.command('run');
    expect(result.code).toBe(1);
    expect(result.errorCode).toBe('START_FAILED');
    expect(result.stderr.match(/SIZE_MISMATCH/g)).toHaveLength(2); // in the message, and as its data
    expect(result.stderr).not.toContain('    at ');
    expect(app.livingProcesses()).toEqual([]);
    // Its advice: without a size the store is taken as it is.
    app.configure({ store: { name: app.storeName } });
    await app.start('run');
    expect((await app.command('status')).value.main.store.sizeBytes).toBe(8 * 2 ** 20);
    expect(await app.stop()).toBe(0);
    app.configure({});
    await app.start('run');
    expect((await app.get('/ledger')).ticks).toBeGreaterThanOrEqual(ticks);
    expect(await app.stop()).toBe(0);
  });

  it('comes back from its newest good snapshot when its store is gone, past one that is damaged', async () => {
    const good = (await app.command('snapshots')).value[0];
    const bad = (await app.command('snapshot')).value;
    const bytes = readFileSync(bad.file);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(bad.file, bytes);
    expect(await app.command('restore', bad.id, '--force')).toMatchObject({ code: 1, errorCode: 'IMAGE_CORRUPT' });
    expect(await app.command('check', '--image', bad.file)).toMatchObject({ code: 1, errorCode: 'IMAGE_CORRUPT' });
    writeFileSync(`${bad.file}.cut`, bytes.subarray(0, bytes.length >> 1));
    expect((await app.command('check', '--image', `${bad.file}.cut`)).errorCode).toMatch(/^IMAGE_/);
    rmSync(`${bad.file}.cut`);
    expect(await app.command('destroy', '--yes')).toMatchObject({ code: 0, value: { destroyed: true } });
    const since = app.mark();
    await app.start('run');
    const restore = await app.waitFor({ kind: 'restore' }, since);
    expect(restore.data).toMatchObject({ id: good.id });
    const { ticks, copies } = await app.get('/ledger');
    expect(ticks).toBeGreaterThan(0);
    expect(copies).toBe(ticks);
    expect(await app.stop()).toBe(0);
    const exists = await app.command('restore');
    expect(exists).toMatchObject({ code: 1, errorCode: 'STORE_EXISTS' });
    expect(exists.stderr).toContain('npx mofo restore --force');
    const beginning = good.id.slice(0, -3);
    expect(await app.command('restore', beginning, '--force')).toMatchObject({
      code: 0,
      value: { name: app.storeName, id: good.id },
    });
    expect(await app.command('export', '-o', '/nowhere/at/all.xml')).toMatchObject({
      code: 1,
      errorCode: 'OUTPUT_UNUSABLE',
    });
  });
});

describe('mofo init', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'mofo-init-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('writes an application that is complete, once', async () => {
    const file = 'mofo.config.ts';
    for (const action of ['wrote', 'kept']) {
      expect(await runMofo(directory, ['init', 'my-app', '--json'])).toMatchObject({
        code: 0,
        value: { files: expect.arrayContaining([{ file, action }]) as object[] },
      });
    }
    expect(await runMofo(join(directory, 'my-app'), ['versions', '--json'])).toMatchObject({ code: 0, value: [] });
  });
});
