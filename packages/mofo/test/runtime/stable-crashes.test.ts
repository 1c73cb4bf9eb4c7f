// A stable version that ends its process: a kill from outside is never held against it; its own crashes are counted, and too many of them make it unstable after all.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from './support/test-app.ts';

function subject(mark: string): string {
  return `
import { writeFileSync } from 'node:fs';
import { defineModule } from 'mofo';
export default defineModule({
  name: 'subject',
  http: {
    'GET /subject': () => Response.json({ mark: '${mark}', pid: process.pid }),
    'POST /abort': () => process.abort(),
    'POST /throw': () => { setTimeout(() => { throw new Error('nobody catches this'); }); return Response.json({}); },
    'POST /spin': () => { writeFileSync('spinning', ''); for (const end = Date.now() + 10_000; Date.now() < end; ); return Response.json({}); },
  },
});
`;
}

let app: TestApp;
let suspect: string;
beforeAll(async () => {
  app = new TestApp({
    modules: { subject: subject('old') },
    config: { probation: { tasks: 1, minimum: 0 }, crashes: { burst: 2, window: '5m' }, hangAfter: '8s' },
  });
  await app.start();
  await app.get('/subject');
  await app.waitFor({ kind: 'stable' });
  await app.bothReady();
  const since = app.mark();
  app.save('subject', subject('new'));
  await app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
  await app.get('/subject');
  suspect = (await app.waitFor({ kind: 'stable' }, since)).version ?? '';
  // The clone follows: whoever takes over runs it.
  await app.waitFor(
    ({ kind, version, data }) => kind === 'update' && version === suspect && data?.isMain === false,
    since,
  );
});
afterAll(() => app.cleanUp());

/** Asks for something that ends main, and waits until another process has taken over. */
async function die(path: string, kill?: () => Promise<void>): Promise<number> {
  const { main } = await app.bothReady();
  const since = app.mark();
  const asked = fetch(`${app.url}${path}`, { method: 'POST' }).then(
    () => {},
    // Its connection ends with the process.
    () => {},
  );
  await kill?.();
  await app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === main, since);
  await asked;
  return since;
}

it('is not to blame for a kill from outside in the middle of its run', async () => {
  const { main } = await app.bothReady();
  await die('/spin', async () => {
    await expect.poll(() => existsSync(join(app.directory, 'spinning')), { timeout: 10_000 }).toBe(true);
    process.kill(main, 'SIGKILL');
  });
  await app.bothReady();
  const { value } = await app.command('versions', 'subject');
  expect(value[0].versions.find(({ id }: { id: string }) => id === suspect)).toMatchObject({
    state: 'stable',
    crashes: [],
  });
});

it('has its first crash told and kept, with the stack, and goes on', async () => {
  const since = await die('/throw');
  const warning = await app.waitFor(({ data }) => data?.code === 'STABLE_CRASH', since);
  expect(warning).toMatchObject({ module: 'subject', version: suspect, data: { recent: 1 } });
  expect(warning.message).toMatch(/uncaught exception in a callback .*nobody catches this.*; 1 of 2 within 300 s/);
  const version = (await app.command('versions', 'subject')).value[0].versions[0];
  expect(version).toMatchObject({ id: suspect, state: 'stable' });
  expect(version.crashes[0].stack).toMatch(/Error: nobody catches this\n\s+at .*modules\/subject\.ts:9:/);
  expect(await app.get('/subject')).toMatchObject({ mark: 'new' });
});

it('is unstable after as many as are too many, and the one before it runs, in main and clone', async () => {
  const since = await die('/abort');
  const verdict = await app.waitFor({ kind: 'unstable', version: suspect }, since);
  expect(verdict.message).toBe('2 crashes by itself within 300 s while stable, the last: SIGABRT in route POST /abort');
  await app.waitFor(({ message }) => message?.includes(`${suspect} is not in`) === true, since);
  expect(await app.get('/subject')).toMatchObject({ mark: 'old' });
  const { main } = await app.bothReady();
  process.kill(main, 'SIGKILL');
  await app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === main, since);
  expect(await app.get('/subject')).toMatchObject({ mark: 'old' });
});
