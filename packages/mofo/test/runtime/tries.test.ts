// What a start costs a version on probation: nothing, if it ends in order or by something else's fault; a try, if nobody can say so. A version without tries
// is passed over in so many words, and taken up again when its source is saved again.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRegistry, type Version } from '@mofo/versions';
import { afterEach, describe, expect, it } from 'vitest';
import { ledger, subject } from './support/modules.ts';
import { TestApp } from './support/test-app.ts';

let app: TestApp;
afterEach(() => app.cleanUp());

/** No task and no request of the tests makes it stable. */
const slow = { probation: { tasks: 100_000, minimum: '1h', deadline: '1d' } };

/** An application whose `subject` has a stable version `a` and runs `b` on probation; its id. */
async function withProbation(source = subject('b')): Promise<string> {
  app = new TestApp({ modules: { subject: subject('a'), ledger }, config: slow });
  await app.start();
  await app.bothReady();
  await app.command('promote', 'subject');
  await app.command('promote', 'ledger');
  return await save(source);
}

/** Saves a version of `subject`; its id, when main serves with it. */
async function save(source: string): Promise<string> {
  const since = app.mark();
  app.save('subject', source);
  return (await serving(since)).version ?? '';
}

const serving = (since: number, version?: string): Promise<{ readonly version?: string }> =>
  app.waitFor(
    (event) =>
      event.kind === 'update' &&
      event.module === 'subject' &&
      event.data?.isMain === true &&
      event.data.state !== 'stable' &&
      (version === undefined || event.version === version),
    since,
  );

function stored(id: string): Version {
  const registry = openRegistry({ directory: `${app.directory}/.mofo/versions` });
  try {
    return registry.get('subject', id) as Version;
  } finally {
    registry.close();
  }
}

/** Leaves a version without tries, as so many unexplained deaths would. */
function exhaust(id: string): void {
  const registry = openRegistry({ directory: `${app.directory}/.mofo/versions` });
  const version = registry.get('subject', id) as Version;
  while ((registry.get('subject', id)?.triesLeft ?? 0) > 0) registry.spendTry(version);
  registry.close();
}

describe('a version on probation', () => {
  it('is served by every start, however often it is stopped in order', async () => {
    const id = await withProbation();
    for (let start = 0; start < 4; start++) {
      expect(await app.stop()).toBe(0);
      expect(stored(id)).toMatchObject({ state: 'probation', triesLeft: 3, openTries: [] });
      const since = app.mark();
      await app.start(start % 2 === 0 ? 'run' : 'dev');
      await serving(since, id);
      expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
      // Nothing was saved, and nobody died.
      const odd = app.events
        .slice(since)
        .filter(({ kind, message }) => kind === 'takeover' || /saved/.test(message ?? ''));
      expect(odd).toEqual([]);
      expect(stored(id)).toMatchObject({ triesLeft: 2 });
    }
  }, 60_000);

  it.each([
    { who: 'main', victims: ['main'] as const },
    { who: 'both at once', victims: ['main', 'clone'] as const },
  ])(
    'is served after every kill -9 of $who',
    async ({ victims }) => {
      const id = await withProbation();
      for (let kill = 0; kill < 4; kill++) {
        const pids = await app.bothReady();
        const since = app.mark();
        for (const victim of victims) process.kill(pids[victim], 'SIGKILL');
        await serving(since, id);
        expect(stored(id)).toMatchObject({ state: 'probation', triesLeft: 2 });
      }
      expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
    },
    60_000,
  );

  it('has its try back when another module ends the process', async () => {
    const id = await withProbation();
    const since = app.mark();
    app.save('ledger', ledger.replace('ctx.state.copies.add(1);', 'process.exit(3);'));
    await app.waitFor({ kind: 'unstable', module: 'ledger' }, since);
    await serving(
      app.events.findIndex(({ kind }, at) => at >= since && kind === 'takeover'),
      id,
    );
    expect(stored(id)).toMatchObject({ state: 'probation', triesLeft: 2 });
  });

  it('loses its tries when it ends the process from where nobody can name it, and is then passed over in so many words', async () => {
    const id = await withProbation(subject('b', { start: 'setTimeout(() => process.exit(5), 100)' }));
    const event = await app.waitFor(({ message }) => message?.startsWith('passed over') === true, 0, 30_000);
    expect(event).toMatchObject({ module: 'subject', version: id, data: { code: 'NO_TRIES_LEFT' } });
    expect(event.message).toMatch(/[0-9a-f]{6} runs instead\n.*save modules\/subject\.ts once more/);
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
    expect(stored(id)).toMatchObject({ state: 'probation', triesLeft: 0 });
    expect(app.events.filter(({ kind }) => kind === 'takeover')).toHaveLength(3);
    const shown = (await app.command('versions', 'subject')).value[0].versions;
    expect(shown.find((version: Version) => version.id === id).reason).toMatch(/^passed over/);
  }, 60_000);
});

describe('a clone', () => {
  it('loads what main runs, not what has been saved since and nobody has tried', async () => {
    app = new TestApp({ modules: { subject: subject('a') }, config: slow });
    await app.start();
    const since = app.mark();
    // Before the clone is ready: it waits for it.
    app.save('subject', subject('b', { top: "throw new Error('never loads')" }));
    const loaded = await app.waitFor(
      ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.isMain === false,
      since,
    );
    const unstable = await app.waitFor({ kind: 'unstable' }, since);
    await app.waitFor(({ message }) => message === `${loaded.version} runs; ${unstable.version} is not in`, since);
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
    expect(app.events.slice(since).filter(({ kind }) => kind === 'unstable')).toEqual([unstable]);

    // And takes over with it, although a newer save has superseded it.
    const { main } = await app.bothReady();
    process.kill(main, 'SIGKILL');
    await app.waitFor({ kind: 'takeover' }, since);
    await app.waitFor(({ kind, data }) => kind === 'crash' && data?.pid === main, since);
    await app.bothReady();
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
  });
});

describe('a clone that starts while a version becomes stable', () => {
  it('follows, and takes over with it', async () => {
    const announces = "import { existsSync as is, writeFileSync as write } from 'node:fs';\n";
    const waits =
      "if (is('slow')) { write('loading', ''); const until = Date.now() + 500; while (Date.now() < until); }";
    app = new TestApp({ modules: { subject: subject('a', { top: announces + waits }) }, config: slow });
    await app.start();
    const { clone } = await app.bothReady();
    await app.command('promote', 'subject');
    const id = await save(subject('b'));
    writeFileSync(join(app.directory, 'slow'), '');
    const since = app.mark();
    process.kill(clone, 'SIGKILL');
    // It loads what is stable so far.
    await expect.poll(() => existsSync(join(app.directory, 'loading')), { timeout: 10_000, interval: 5 }).toBe(true);
    expect(await app.command('promote', 'subject', id)).toMatchObject({ code: 0, value: { state: 'stable' } });
    await app.waitFor(
      ({ kind, version, data }) => kind === 'update' && version === id && data?.isMain === false,
      since,
    );
    const { main } = await app.bothReady();
    process.kill(main, 'SIGKILL');
    await app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === main, since);
    expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
  });
});

describe('a version that was passed over', () => {
  it('is named at each start, and tried again when its source is saved again as it is', async () => {
    const id = await withProbation();
    await app.stop();
    exhaust(id);
    let since = app.mark();
    await app.start();
    await app.bothReady();
    await app.waitFor(({ message, version }) => version === id && message?.startsWith('passed over') === true, since);
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
    since = app.mark();
    app.save('subject', subject('b'));
    await app.waitFor(({ message, version }) => version === id && /tried again with 3/.test(message ?? ''), since);
    await serving(since, id);
    expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
  });

  it('is promoted by an operator, the same every time', async () => {
    const id = await withProbation();
    await app.stop();
    exhaust(id);
    await app.start('run');
    await app.bothReady();
    for (let time = 0; time < 2; time++)
      expect(await app.command('promote', 'subject', id)).toMatchObject({
        code: 0,
        value: { version: id, state: 'stable' },
      });
    expect(await app.get('/subject')).toMatchObject({ mark: 'b' });
  });
});

describe('a version that a newer save superseded', () => {
  it('is never chosen again by itself', async () => {
    const abandoned = await withProbation();
    await save(subject('c'));
    expect(stored(abandoned)).toMatchObject({ state: 'superseded' });
    const since = app.mark();
    app.save('subject', subject('a'));
    await app.waitFor(
      ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.state === 'stable',
      since,
    );
    const last = await save(subject('d'));
    await app.stop();
    exhaust(last);
    await app.start('run');
    await app.bothReady();
    expect(await app.get('/subject')).toMatchObject({ mark: 'a' });
    const { versions } = (await app.command('versions', 'subject')).value[0];
    const states = versions.map(({ state }: Version) => state).sort();
    expect(states).toEqual(['probation', 'stable', 'superseded', 'superseded']);
  });
});
