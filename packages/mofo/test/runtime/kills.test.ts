// `kill -9` of main, of the clone, and of both at once: no connection is refused, the term grows, there are never two mains, nothing is lost.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connector } from './support/connector.ts';
import { gate, ledger, subject } from './support/modules.ts';
import { TestApp } from './support/test-app.ts';

let app: TestApp;

/** An application of its own for each group: nobody shall have used up its launcher's restarts. */
function beforeGroup(): void {
  beforeAll(async () => {
    app = new TestApp({ modules: { subject: subject('good', { beat: '' }), gate, ledger } });
    await app.start();
    await app.waitFor({ kind: 'stable', module: 'subject' });
    await app.waitFor({ kind: 'stable', module: 'ledger' });
    await app.bothReady();
  });
  afterAll(() => app.cleanUp());
}

const kills: readonly { who: string; victims: readonly ('main' | 'clone')[] }[] = [
  { who: 'main', victims: ['main'] },
  { who: 'the clone', victims: ['clone'] },
  { who: 'both at once', victims: ['main', 'clone'] },
  { who: 'both at once, the clone first', victims: ['clone', 'main'] },
  { who: 'main again', victims: ['main'] },
];

describe('kill -9', () => {
  beforeGroup();

  it.each(kills)('of $who refuses no connection and loses nothing', async ({ victims }) => {
    const pids = await app.bothReady();
    const before = await app.get('/ledger');
    const { term } = (await app.command('status')).value.main.store;
    const connector = new Connector(app.url);
    const since = app.mark();
    for (const victim of victims) process.kill(pids[victim], 'SIGKILL');
    for (const victim of victims)
      await app.waitFor(({ kind, data }) => kind === 'crash' && data?.pid === pids[victim], since);
    const now = await app.bothReady();
    const { connected, refused } = await connector.stop();
    expect(refused).toEqual([]);
    expect(connected).toBeGreaterThan(0);

    const after = await app.get('/ledger');
    expect(after.copies).toBe(after.ticks);
    expect(after.ticks).toBeGreaterThanOrEqual(before.ticks);
    const status = (await app.command('status')).value.main;
    expect(status.pid).toBe(now.main);
    if (victims.includes('main')) expect(status.store.term).toBeGreaterThan(term);
    else expect(status).toMatchObject({ pid: pids.main, store: { term } });
    // Whoever stopped being main never came back: each process has one turn.
    expect(after.turns).toEqual([...new Set(after.turns)]);
    expect(app.events.slice(since).filter(({ kind }) => kind === 'unstable')).toEqual([]);
  });

  it('of the clone beside a new version: the version waits for the next clone, then goes live', async () => {
    const { clone } = await app.bothReady();
    const since = app.mark();
    process.kill(clone, 'SIGKILL');
    app.save('subject', subject('patient', { beat: '' }));
    const update = await app.waitFor(
      ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.isMain === true,
      since,
    );
    const events = app.events.slice(since);
    const ready = events.findIndex(({ data }) => data?.ready === true && data.role === 'clone');
    const crash = events.findIndex(({ kind }) => kind === 'crash');
    // Unless it was faster than the launcher's news of the death.
    if (crash >= 0 && crash < events.indexOf(update)) expect(events.indexOf(update)).toBeGreaterThan(ready);
    await app.waitFor((event) => event.kind === 'stable' && event.version === update.version, since);
    expect(await app.get('/subject')).toMatchObject({ mark: 'patient' });
  });
});

describe('kill -9 while a version is on probation', () => {
  beforeGroup();

  it.each([
    { who: 'main', victims: ['main'] as const },
    { who: 'both at once', victims: ['main', 'clone'] as const },
  ])('of $who does not put the blame on it: it is tried again', async ({ victims }) => {
    const pids = await app.bothReady();
    // No task and no request: it stays on probation.
    let since = app.mark();
    const source = subject(`tried again after ${victims.join()}`);
    app.save('subject', source);
    const update = await app.waitFor(
      ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.isMain === true,
      since,
    );
    since = app.mark();
    for (const victim of victims) process.kill(pids[victim], 'SIGKILL');
    await app.waitFor(
      ({ kind, version, data }) => kind === 'update' && version === update.version && data?.isMain === true,
      since,
    );
    expect(await app.get('/subject')).toMatchObject({ mark: `tried again after ${victims.join()}` });
    expect(await app.version('subject', update.version ?? '')).toMatchObject({ state: 'probation' });
  });
});
