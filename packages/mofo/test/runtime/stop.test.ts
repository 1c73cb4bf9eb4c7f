// SIGTERM at every moment of an application's life: exit code 0, no process left, nothing in shared memory but the store. And the launcher killed:
// its processes end by themselves in order, and the next start goes on with the store.

import { existsSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ledger, subject } from './support/modules.ts';
import { isAlive, TestApp } from './support/test-app.ts';

let app: TestApp;
afterEach(() => app.cleanUp());

/** Resolves when a file of the application is there. */
function fileIsThere(name: string): Promise<void> {
  const path = join(app.directory, name);
  return new Promise((resolve) => {
    const watcher = watch(app.directory, { recursive: true }, look);
    function look(): void {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    }
    look();
  });
}

/** What a clean stop leaves: the store, whole, and nothing else. `hasStore`: whether it had come to be by then. */
async function expectCleanStop(hasStore: boolean | undefined): Promise<void> {
  expect(await app.exit()).toBe(0);
  expect(app.livingProcesses()).toEqual([]);
  expect(existsSync(join(app.directory, '.mofo/control.sock'))).toBe(false);
  const stores = (await app.command('status')).value.store;
  if (hasStore !== undefined) expect(stores !== undefined).toBe(hasStore);
  if (stores === undefined) {
    expect(app.segments()).toEqual([]);
    return;
  }
  expect(stores.state).toBe('ready');
  expect(stores.attached.filter((process: { alive: boolean }) => process.alive)).toEqual([]);
}

const announces = (file: string): string => `
import { writeFileSync as announce } from 'node:fs';
announce('${file}', '');`;
const waitsAtTop = `${announces('loading')} const until = Date.now() + 400; while (Date.now() < until);`;

describe('SIGTERM', () => {
  it('while the config is read stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    app.configure({}, `${announces('evaluating')} const until = Date.now() + 400; while (Date.now() < until);`);
    app.spawn();
    await fileIsThere('evaluating');
    app.signal('SIGTERM');
    await expectCleanStop(undefined);
  });

  it('while modules are built for the first time stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    app.spawn();
    await fileIsThere('.mofo/versions');
    app.signal('SIGTERM');
    await expectCleanStop(undefined);
  });

  it('before main is ready stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a', { top: waitsAtTop }), ledger } });
    app.spawn();
    await fileIsThere('loading');
    app.signal('SIGTERM');
    await expectCleanStop(true);
  });

  it('while a module waits in its start stops cleanly, and nobody is blamed for it', async () => {
    const waits = "announce('starting', ''); await new Promise(() => setInterval(() => {}, 1000))";
    const source = subject('a', { top: "import { writeFileSync as announce } from 'node:fs';", start: waits });
    app = new TestApp({ modules: { subject: source.replace('start(ctx)', 'async start(ctx)'), ledger } });
    app.spawn();
    await fileIsThere('starting');
    app.signal('SIGTERM');
    await expectCleanStop(true);
    const { versions } = (await app.command('versions', 'subject')).value[0];
    expect(versions).toEqual([expect.objectContaining({ state: 'probation' })]);
  });

  it('while main serves and there is no clone yet stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    app.signal('SIGTERM');
    await expectCleanStop(true);
  });

  it('while an update is built stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    await app.bothReady();
    app.save('subject', subject('b'));
    app.signal('SIGTERM');
    await expectCleanStop(true);
  });

  it('under load stops cleanly, and answers what it had accepted', async () => {
    app = new TestApp({
      modules: {
        subject: subject('a', { handler: 'await new Promise((resolve) => setTimeout(resolve, 100))' }),
        ledger,
      },
    });
    await app.start('run');
    await app.bothReady();
    const answers = Promise.allSettled(Array.from({ length: 20 }, () => app.get('/subject')));
    // All of them have arrived when main says that they are in flight.
    await app.inFlight();
    app.signal('SIGTERM');
    for (const answer of await answers) {
      if (answer.status === 'fulfilled') expect(answer.value).toMatchObject({ status: 200, mark: 'a' });
    }
    await expectCleanStop(true);
  });

  it('during a takeover stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    const { main } = await app.bothReady();
    process.kill(main, 'SIGKILL');
    app.signal('SIGTERM');
    await expectCleanStop(true);
  });

  it('when main has just died and the next clone starts stops cleanly', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    const { main } = await app.bothReady();
    const since = app.mark();
    process.kill(main, 'SIGKILL');
    await app.waitFor({ kind: 'crash' }, since);
    app.signal('SIGTERM');
    await expectCleanStop(true);
  });

  it('during a snapshot stops cleanly, and the images that are there are good', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    await app.bothReady();
    const snapshot = app.command('snapshot');
    await fileIsThere('.mofo/snapshots');
    app.signal('SIGTERM');
    await snapshot;
    await expectCleanStop(true);
    for (const image of (await app.command('snapshots')).value) expect(image.problem).toBeUndefined();
  });

  it('twice, and SIGINT after it, is one stop', async () => {
    app = new TestApp({ modules: { subject: subject('a'), ledger } });
    await app.start();
    await app.bothReady();
    app.signal('SIGTERM');
    app.signal('SIGTERM');
    app.signal('SIGINT');
    await expectCleanStop(true);
  });
});

describe('an orderly stop', () => {
  const images = async (): Promise<readonly { id: string; problem?: string }[]> =>
    (await app.command('snapshots')).value;

  it.each([
    { mode: 'run', snapshot: { every: '1h' }, takes: true },
    { mode: 'dev', snapshot: { every: '1h' }, takes: false },
    { mode: 'dev', snapshot: { every: '1h', atStop: true }, takes: true },
    { mode: 'run', snapshot: { every: '1h', atStop: false }, takes: false },
    { mode: 'run', snapshot: { every: false }, takes: false },
  ] as const)('of mofo $mode with $snapshot takes a last snapshot: $takes', async ({ mode, snapshot, takes }) => {
    app = new TestApp({ modules: { ledger }, config: { snapshot } });
    await app.start(mode);
    await app.bothReady();
    const { ticks } = await app.get('/ledger');
    await app.stop();
    const taken = await images();
    expect(taken).toHaveLength(takes ? 1 : 0);
    if (!takes) return;
    expect(taken[0]?.problem).toBeUndefined();
    // A reboot after it loses nothing.
    const { value: whole } = await app.command('check');
    expect((await app.command('destroy', '--yes')).code).toBe(0);
    const since = app.mark();
    await app.start(mode);
    await app.waitFor({ kind: 'restore' }, since);
    expect((await app.get('/ledger')).ticks).toBeGreaterThanOrEqual(ticks);
    expect(whole.isSound).toBe(true);
  });

  it('that cannot take its last snapshot says so, and ends in order', async () => {
    app = new TestApp({ modules: { ledger }, config: { snapshot: { every: '1h' } } });
    await app.start('run');
    await app.bothReady();
    writeFileSync(join(app.directory, '.mofo/snapshots'), 'in the way');
    expect(await app.stop()).toBe(0);
    expect(app.events.find(({ message }) => message?.startsWith('no last snapshot was taken'))).toBeDefined();
    rmSync(join(app.directory, '.mofo/snapshots'));
    expect(await images()).toEqual([]);
  });
});

describe('SIGKILL of the launcher', () => {
  it('ends main and clone in order; the store stays, and the next start goes on with it', async () => {
    app = new TestApp({ modules: { subject: subject('a', { beat: '' }), ledger } });
    await app.start();
    const { main, clone } = await app.bothReady();
    await app.waitFor({ kind: 'stable', module: 'ledger' });
    const before = await app.get('/ledger');
    app.signal('SIGKILL');
    await app.exit();
    await app.gone(main, clone);
    expect(isAlive(main) || isAlive(clone)).toBe(false);
    expect((await app.command('status')).value).toMatchObject({
      running: false,
      store: { state: 'ready' },
    });

    const since = app.mark();
    await app.start();
    await app.bothReady();
    const after = await app.get('/ledger');
    expect(after.ticks).toBeGreaterThanOrEqual(before.ticks);
    expect(after.turns).toEqual([...new Set(after.turns)]);
    expect(app.events.slice(since).filter(({ kind }) => kind === 'restore' || kind === 'unstable')).toEqual([]);
  });

  it('and a start at once on the same port waits for the old processes to end, and goes on', async () => {
    const slow =
      "'GET /slow': () => new Promise((resolve) => setTimeout(() => resolve(Response.json({ slow: true })), 1500)),";
    app = new TestApp({ modules: { subject: subject('a', { routes: slow }), ledger } });
    await app.start();
    const { main, clone } = await app.bothReady();
    const { port } = new URL(app.url);
    // Keeps the old main from ending at once.
    const answer = app.get('/slow');
    await app.inFlight();
    app.signal('SIGKILL');
    await app.exit();
    await app.start('dev', '--port', port);
    expect(await answer).toMatchObject({ status: 200, slow: true });
    await app.gone(main, clone);
    await app.bothReady();
    const { turns } = await app.get('/ledger');
    expect(turns).toEqual([...new Set(turns)]);
  });
});
