// Modules that are bad from their first version on, so that there is nothing to go back to: the tries are spent, then the module answers 503 or the
// application stops with a clear message; never an endless loop, and the store is whole.

import { afterEach, describe, expect, it } from 'vitest';
import { ledger, subject } from './support/modules.ts';
import { isChildOf, TestApp } from './support/test-app.ts';

let app: TestApp;
afterEach(() => app.cleanUp());

const faults: readonly { name: string; code: string; reason: RegExp }[] = [
  { name: 'kills the process', code: "process.kill(process.pid, 'SIGKILL');", reason: /start|load/ },
  { name: 'exits', code: 'process.exit(0);', reason: /start|load/ },
  { name: 'throws', code: "throw new Error('never');", reason: /never/ },
];

describe('a module whose only version fails', () => {
  it.each(faults)('because it $name in start is unstable, and the others serve', async ({ code, reason }) => {
    app = new TestApp({ modules: { subject: subject('bad', { start: code }), ledger } });
    await app.start();
    const event = await app.waitFor({ kind: 'unstable', module: 'subject' });
    expect(event.message).toMatch(reason);
    await app.bothReady();
    expect(await app.version('subject', event.version ?? '')).toMatchObject({ state: 'unstable' });
    expect((await app.get('/subject')).status).toBeGreaterThanOrEqual(404);
    expect(await app.get('/ledger')).toMatchObject({ status: 200 });
    expect(await app.command('check')).toMatchObject({ code: 0, value: { isSound: true } });
    expect(app.events.filter(({ kind }) => kind === 'crash').length).toBeLessThanOrEqual(3);
  });

  it('because it loops for ever when it is loaded is unstable, and the others serve', async () => {
    app = new TestApp({ modules: { subject: subject('bad', { top: 'for (;;);' }), ledger } });
    await app.start();
    await app.waitFor({ kind: 'unstable', module: 'subject' });
    await app.bothReady();
    expect(await app.get('/ledger')).toMatchObject({ status: 200 });
  }, 60_000);

  it('because it dies in a task answers 503 from then on, until a good one comes', async () => {
    app = new TestApp({ modules: { subject: subject('bad', { beat: 'process.exit(4)' }), ledger } });
    await app.start();
    await app.waitFor({ kind: 'unstable', module: 'subject' });
    await app.bothReady();
    expect((await app.get('/subject')).status).toBeGreaterThanOrEqual(404);
    expect(await app.get('/ledger')).toMatchObject({ status: 200 });
    const since = app.mark();
    app.save('subject', subject('good', { beat: '' }));
    await app.waitFor({ kind: 'stable', module: 'subject' }, since);
    expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'good' });
  });
});

describe('an application whose clones die whatever they do', () => {
  it('goes on with main, says that no clone stands by, and starts one later', async () => {
    app = new TestApp({ modules: { subject: subject('good', { beat: '' }), ledger } });
    await app.start();
    await app.waitFor({ kind: 'stable', module: 'subject' });
    await app.waitFor({ kind: 'stable', module: 'ledger' });
    const { main } = await app.bothReady();
    const since = app.mark();
    const isTold = (): boolean => app.events.slice(since).some(({ data }) => data?.code === 'NO_CLONE');
    while (!isTold()) {
      for (const pid of app.livingProcesses())
        if (pid !== main && isChildOf(pid, app.launcherPid)) process.kill(pid, 'SIGKILL');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'good', pid: main });
    await app.waitFor(({ kind, data }) => kind === 'clone' && data?.ready === true, since, 60_000);
    expect((await app.bothReady()).main).toBe(main);
    // Its budget is not main's: the death of main is a takeover as ever.
    process.kill(main, 'SIGKILL');
    await app.waitFor({ kind: 'takeover' }, since);
    expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'good' });
  }, 90_000);
});

describe('an application whose processes die whatever runs', () => {
  it('stops with a clear message and exit code 1, and the store is whole', async () => {
    app = new TestApp({ modules: { subject: subject('good', { beat: '' }), ledger } });
    await app.start();
    await app.waitFor({ kind: 'stable', module: 'subject' });
    await app.waitFor({ kind: 'stable', module: 'ledger' });
    // Stable by now, so that nobody is blamed: whatever the launcher starts is killed until it gives up.
    const since = app.mark();
    let isOver = false;
    const ended = app.exit().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const pid of app.livingProcesses()) if (isChildOf(pid, app.launcherPid)) process.kill(pid, 'SIGKILL');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await ended).toBe(1);
    const stop = app.events.slice(since).find(({ kind }) => kind === 'stop');
    expect(stop?.message).toMatch(/too often.*store is intact/);
    expect(app.livingProcesses()).toEqual([]);
    expect(await app.command('check')).toMatchObject({ code: 0, value: { isSound: true } });
    await app.start();
    expect(await app.get('/ledger')).toMatchObject({ status: 200 });
  }, 90_000);
});
