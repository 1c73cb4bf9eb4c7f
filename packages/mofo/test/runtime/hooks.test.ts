// Hooks that do not end, or say no: each has a limit, and the version is blamed by name. What ran before goes on.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AppEvent, TestApp } from './support/test-app.ts';

/** A version of a module that answers with its mark; `more` are further keys of its declaration. */
function marked(mark: string, more = ''): string {
  return `
import { boolean, defineModule, tree, text } from 'mofo';
export default defineModule({
  name: 'subject',
  state: { flags: tree(text(), boolean()) },
  http: {
    'GET /subject': () => Response.json({ mark: '${mark}', pid: process.pid }),
    'POST /flag/:name': (ctx, _request, { name }) => { ctx.state.flags.set(name, true); return Response.json({}); },
    'POST /unflag/:name': (ctx, _request, { name }) => { ctx.state.flags.delete(name); return Response.json({}); },
  },
  ${more}
});
`;
}

let app: TestApp;
beforeAll(async () => {
  app = new TestApp({ modules: { subject: marked('first') }, config: { probation: { tasks: 1, minimum: 0 } } });
  await app.start();
  await app.get('/subject');
  await app.waitFor({ kind: 'stable', module: 'subject' });
});
afterAll(() => app.cleanUp());

/** Saves a version and gives the verdict on it; afterwards the version with \`mark\` serves. */
async function condemned(source: string, mark: string): Promise<AppEvent> {
  await app.bothReady();
  const since = app.mark();
  app.save('subject', source);
  const event = await app.waitFor({ kind: 'unstable', module: 'subject' }, since);
  await app.waitFor(({ message }) => message?.includes(`${event.version} is not in`) === true, since);
  expect(await app.get('/subject')).toMatchObject({ status: 200, mark });
  return event;
}

/** Saves a version; resolves when it serves and is stable. */
async function trusted(source: string): Promise<void> {
  await app.bothReady();
  const since = app.mark();
  app.save('subject', source);
  await app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
  await app.get('/subject');
  await app.waitFor({ kind: 'stable', module: 'subject' }, since);
}

it('a start that never settles ends the try of its version, and its signal is aborted', async () => {
  const { pid } = await app.get('/subject');
  const event = await condemned(
    marked(
      'endless start',
      "start(ctx) { return new Promise(() => { ctx.signal.onabort = () => ctx.log.info('gave up'); }); },",
    ),
    'first',
  );
  expect(event.message).toMatch(/START_TIMEOUT: the start of subject@[0-9a-f]{6} has not ended after 1500 ms/);
  await expect.poll(() => app.stderr, { timeout: 5_000 }).toContain('gave up');
  expect((await app.get('/subject')).pid).toBe(pid);
});

it('a start that hangs is blamed for the hang, by name', async () => {
  const { main } = await app.bothReady();
  const since = app.mark();
  const event = await condemned(marked('hanging start', 'start() { for (;;); },'), 'first');
  expect(event.message).toMatch(/hang in start/);
  const takeover = await app.waitFor({ kind: 'takeover' }, since);
  expect(takeover.data).toMatchObject({ reason: 'hang', deadPid: main, guilty: event.data?.hash });
});

it('a stop that never settles is given up after its limit, and said to be', async () => {
  await trusted(marked('endless stop', 'stop() { return new Promise(() => {}); },'));
  const since = app.mark();
  await trusted(marked('second'));
  const warning = await app.waitFor(
    ({ kind, message }) => kind === 'warning' && /stop hook/.test(message ?? ''),
    since,
  );
  expect(warning.message).toBe('its stop hook has not ended after 5000 ms; it is dropped all the same');
});

it('a health check that says no, throws or does not answer fails a probation', async () => {
  for (const [body, reason] of [
    ['() => false', /health check says no/],
    ["() => { throw new Error('ill'); }", /ill in its health check/],
    ['() => new Promise(() => {})', /has not answered after 1500 ms/],
  ] as const)
    expect((await condemned(marked(`unwell ${String(reason)}`, `health: ${body},`), 'second')).message).toMatch(reason);
});

it('a stable version that becomes unwell is said to be, and shown; nothing follows by itself', async () => {
  await trusted(marked('fragile', "health: (ctx) => !ctx.state.flags.has('ill'),"));
  const since = app.mark();
  await app.get('/flag/ill', 'POST');
  await app.waitFor({ kind: 'warning', module: 'subject', message: 'its health check says no' }, since);
  const { value } = await app.command('status');
  expect(value.main.modules[0]).toMatchObject({ module: 'subject', health: 'its health check says no' });
  expect(await app.get('/subject')).toMatchObject({ mark: 'fragile' });
  await app.get('/unflag/ill', 'POST');
  await app.waitFor({ kind: 'warning', module: 'subject', message: 'is well again' }, since);
});
