// What bad versions of a module do to an application: the last stable version serves again, the bad one is unstable with its reason, the data is
// whole, the task that was interrupted is done, and so are those after it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gate, ledger, subject } from './support/modules.ts';
import { resetOnly } from './support/reset-only.ts';
import { TestApp } from './support/test-app.ts';

let app: TestApp;
let caseNumber = 0;

/** An application of its own for each group: nobody shall have used up its launcher's restarts. */
function beforeGroup(): void {
  beforeAll(async () => {
    app = new TestApp({ modules: { subject: subject('good', { beat: '' }), gate, ledger } });
    await app.start();
    await app.waitFor({ kind: 'stable', module: 'subject' });
    await app.waitFor({ kind: 'stable', module: 'ledger' });
    for (let n = 0; n < 5; n++) await app.get('/quote');
    await app.waitFor({ kind: 'stable', module: 'gate' });
    await app.bothReady();
  });
  afterAll(() => app.cleanUp());
}

/** Puts a version of `subject` live and returns its id. */
async function goLive(source: string): Promise<{ id: string; since: number }> {
  await app.bothReady();
  const since = app.mark();
  app.save('subject', source);
  const event = await app.waitFor(
    ({ kind, module, data }) => kind === 'update' && module === 'subject' && data?.isMain === true,
    since,
  );
  return { id: event.version ?? '', since };
}

/** Enqueues work whose answer a crash may swallow, for the process may die before it has written it. */
async function enqueue(key: string): Promise<void> {
  await app.get(`/work/${key}`, 'POST').catch(resetOnly);
}

/** What must hold after any fault. */
async function expectRecovery(id: string, reason: RegExp, since: number): Promise<void> {
  await app.waitFor(
    (event) => event.kind === 'unstable' && event.version === id && reason.test(event.message ?? ''),
    since,
  );
  await app.bothReady();
  expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'good' });
  expect(await app.version('subject', id)).toMatchObject({
    state: 'unstable',
    reason: expect.stringMatching(reason) as string,
  });
  const { ticks, copies } = await app.get('/ledger');
  expect(copies).toBe(ticks);
}

interface Fault {
  readonly name: string;
  readonly code: string;
  readonly reason: RegExp;
  readonly taskOptions?: string;
  /** It comes when the task has ended already. */
  readonly comesLate?: boolean;
}

const deadly: readonly Fault[] = [
  { name: 'process.exit', code: 'process.exit(3)', reason: /^exit code 3 in / },
  { name: 'SIGKILL of itself', code: "process.kill(process.pid, 'SIGKILL')", reason: /^SIGKILL in / },
  { name: 'an infinite loop', code: 'for (;;);', reason: /^hang in / },
  { name: 'SIGSEGV', code: "process.kill(process.pid, 'SIGSEGV')", reason: /^SIGSEGV in / },
  {
    name: 'a heap that is used up',
    code: "const hoard: unknown[] = []; for (;;) hoard.push(new Array(100_000).fill('x'))",
    reason: /^heap exhausted in /,
    taskOptions: "hangAfter: '12s',",
  },
];

/** Resolves with who has done a task, as soon as it is done. */
async function work(key: string): Promise<string[]> {
  const limit = Date.now() + 10_000;
  for (;;) {
    const { done } = await app.get(`/done/${key}`);
    if (done.length > 0) return done;
    if (Date.now() > limit) throw new Error(`task ${key} was not done within 10 s`);
  }
}

describe('a version on probation whose task fails', () => {
  beforeGroup();
  const faults: readonly Fault[] = [
    { name: 'an exception', code: "throw new Error('no luck')", reason: /no luck.*in task work/ },
    ...deadly,
    {
      name: 'an unhandled rejection',
      code: "void Promise.reject(new Error('nobody listens'))",
      reason: /^uncaught exception in a promise.*nobody listens/,
      comesLate: true,
    },
    {
      name: 'an exception in a timer',
      code: "setTimeout(() => { throw new Error('too late'); }, 1)",
      reason: /^uncaught exception in a callback.*too late/,
      comesLate: true,
    },
  ];
  it.each(faults)('by $name is reverted, and the task is done once', async (fault) => {
    const key = `task-${++caseNumber}`;
    const { ticks } = await app.get('/ledger');
    const bodies = { task: fault.code, taskOptions: fault.taskOptions ?? '' };
    const { id, since } = await goLive(subject(`bad task ${caseNumber}`, bodies));
    await enqueue(key);
    await expectRecovery(id, fault.reason, since);
    // The verdict is told once, then what runs.
    const told = app.events.slice(since).filter(({ kind, version }) => kind === 'unstable' && version === id);
    expect(told.map(({ message }) => message)).toEqual([expect.stringMatching(fault.reason)]);
    await app.waitFor(({ message }) => message?.endsWith(` runs; ${id} is not in`) === true, since);
    await enqueue(`${key}-next`);
    await work(`${key}-next`);
    // Once, whoever did it: of a fault that comes after the task has ended, it is the bad version itself.
    expect(await work(key)).toEqual([fault.comesLate === true ? `bad task ${caseNumber}` : 'good']);
    expect((await app.get('/ledger')).ticks).toBeGreaterThan(ticks);
  });
});

describe('a version on probation whose handler fails', () => {
  beforeGroup();
  const ask = (): Promise<unknown> => app.get('/subject').catch(resetOnly);

  it.each(deadly.filter(({ name }) => !/heap/.test(name)))('by $name is reverted', async ({ code, reason }) => {
    const { id, since } = await goLive(subject(`bad handler ${++caseNumber}`, { handler: code }));
    await ask();
    await expectRecovery(id, reason, since);
  });

  it('by an exception is logged with its route and its own frames only', async () => {
    const { id } = await goLive(subject('throwing once', { handler: "throw new Error('no answer')" }));
    const before = app.stderr.length;
    expect(await app.get('/subject')).toMatchObject({ status: 500 });
    const logged = (): string[] =>
      app.stderr
        .slice(before)
        .split('\n')
        .filter((line) => line !== '');
    await expect.poll(() => logged().length).toBeGreaterThan(1);
    const [first = '', ...frames] = logged();
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT\S+ subject@/);
    expect(first).toContain(`@${id} GET /subject: Error at modules/subject.ts:`);
    expect(first).toMatch(/: no answer$/);
    for (const frame of frames) expect(frame).toMatch(/^ +at .*modules\/subject\.ts:\d+:\d+\)?$/);
  });

  it('by exceptions is reverted after the third, and each was answered with a 500', async () => {
    const { id, since } = await goLive(subject('throwing handler', { handler: "throw new Error('no answer')" }));
    for (let n = 0; n < 3; n++) expect((await app.get('/subject')).status).toBe(500);
    await expectRecovery(id, /no answer.*in route GET \/subject/, since);
  });
});

describe('a version that fails while another module calls it', () => {
  beforeGroup();
  it.each(deadly.filter(({ name }) => /exit|loop/.test(name)))(
    'by $name is blamed instead of its caller',
    async ({ code, reason }) => {
      const { id, since } = await goLive(subject(`bad export ${++caseNumber}`, { quote: code }));
      await app.get('/quote').catch(resetOnly);
      await expectRecovery(id, new RegExp(`${reason.source}export quote`), since);
      expect(await app.get('/quote')).toMatchObject({ status: 200, mark: 'good' });
    },
  );

  it('by exceptions is blamed instead of its caller', async () => {
    const { id, since } = await goLive(subject('throwing export', { quote: "throw new Error('no price')" }));
    for (let n = 0; n < 3; n++) expect((await app.get('/quote')).status).toBe(500);
    await expectRecovery(id, /no price.*in route GET \/quote/, since);
    expect(await app.get('/quote')).toMatchObject({ status: 200, mark: 'good' });
  });

  it('by an exception in a task of its caller is blamed, and the task is done with the stable version', async () => {
    const { id, since } = await goLive(subject('throwing for a task', { quote: "throw new Error('no price')" }));
    await app.get('/price/p1', 'POST');
    await expectRecovery(id, /no price.*in task price/, since);
    for (;;) {
      const { prices } = await app.get('/prices');
      if (prices.p1 !== undefined) break;
    }
  });

  it('that is stable is not blamed when its process is killed from outside', async () => {
    const { main } = await app.bothReady();
    const since = app.mark();
    process.kill(main, 'SIGKILL');
    await app.waitFor({ kind: 'takeover' }, since);
    await app.bothReady();
    expect(app.events.slice(since).filter(({ kind }) => kind === 'unstable')).toEqual([]);
    expect(await app.get('/subject')).toMatchObject({ status: 200, mark: 'good' });
  });
});

describe('an application in which nothing else runs', () => {
  it('does the task that a version on probation failed in, as soon as the old version is back', async () => {
    const quiet = new TestApp({ modules: { subject: subject('good'), gate } });
    try {
      await quiet.start();
      await quiet.bothReady();
      const { id } = (await quiet.command('versions', 'subject')).value[0].versions[0];
      expect((await quiet.command('promote', 'subject', id)).code).toBe(0);
      const since = quiet.mark();
      quiet.save('subject', subject('bad', { task: "throw new Error('no luck')" }));
      await quiet.waitFor(
        ({ kind, version, data }) => kind === 'update' && version !== id && data?.isMain === true,
        since,
      );
      await quiet.get('/work/only', 'POST');
      await quiet.waitFor({ kind: 'unstable', module: 'subject' }, since);
      const limit = Date.now() + 10_000;
      let done: string[] = [];
      while (done.length === 0 && Date.now() < limit) done = (await quiet.get('/done/only')).done;
      expect(done).toEqual(['good']);
    } finally {
      await quiet.cleanUp();
    }
  });
});
