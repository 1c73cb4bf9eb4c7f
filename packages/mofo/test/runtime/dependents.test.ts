// What follows from a change to those that depend on it: files that several modules bundle, and modules that use another.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from './support/test-app.ts';

/** A module that bundles a shared file. */
function sharer(name: string): string {
  return `
import { defineModule } from 'mofo';
import { rate } from '../lib/rate.ts';
export default defineModule({ name: '${name}', http: { 'GET /${name}': () => Response.json({ rate: rate() }) } });
`;
}

function fees(exports: string): string {
  return `
import { defineModule } from 'mofo';
export default defineModule({ name: 'fees', exports: { ${exports} } });
`;
}

const caller = `
import { counter, defineModule, uses } from 'mofo';
export default defineModule({
  name: 'caller',
  uses: { fees: uses() },
  state: { asked: counter() },
  http: {
    'GET /quote': (ctx) => ctx.transaction(() => {
      ctx.state.asked.add(1);
      return Response.json({ quote: ctx.uses.fees.quote(10), asked: ctx.state.asked.value });
    }),
    'GET /asked': (ctx) => Response.json({ asked: ctx.state.asked.value }),
  },
});
`;

let app: TestApp;
let stable: string;
beforeAll(async () => {
  app = new TestApp({
    modules: { one: sharer('one'), two: sharer('two'), fees: fees('quote: (_ctx, n: number) => n * 2'), caller },
    config: { probation: { tasks: 1, minimum: 0 } },
  });
  saveShared(1);
  await app.start();
  await app.bothReady();
  await app.get('/quote');
  stable = (await app.waitFor({ kind: 'stable', module: 'fees' })).version ?? '';
});
afterAll(() => app.cleanUp());

function saveShared(rate: number): void {
  mkdirSync(join(app.directory, 'lib'), { recursive: true });
  writeFileSync(join(app.directory, 'lib', 'rate.ts'), `export const rate = (): number => ${rate};\n`);
}

it('every module that bundles a file is built anew when it changes, and no other', async () => {
  const since = app.mark();
  saveShared(2);
  for (const module of ['one', 'two']) {
    await app.waitFor(
      (event) => event.kind === 'update' && event.module === module && event.data?.isMain === true,
      since,
    );
    expect(await app.get(`/${module}`)).toMatchObject({ rate: 2 });
  }
  const updated = app.events.slice(since).filter(({ kind, data }) => kind === 'update' && data?.isMain === true);
  expect(updated.filter(({ module }) => module === 'fees' || module === 'caller')).toEqual([]);
});

it('a module that uses another calls the version that runs now', async () => {
  const since = app.mark();
  app.save('fees', fees('quote: (_ctx, n: number) => n * 3'));
  await app.waitFor(({ kind, module, data }) => kind === 'update' && module === 'fees' && data?.isMain === true, since);
  expect(await app.get('/quote')).toMatchObject({ quote: 30 });
  stable = (await app.waitFor({ kind: 'stable', module: 'fees' }, since)).version ?? '';
});

it('an export that was taken away fails its callers with a code, whole, and the probation of who took it', async () => {
  const before = await app.get('/asked');
  const since = app.mark();
  app.save('fees', fees('price: (_ctx, n: number) => n * 4'));
  const { version } = await app.waitFor(
    ({ kind, module, data }) => kind === 'update' && module === 'fees' && data?.isMain === true,
    since,
  );
  for (let fault = 0; fault < 3; fault++) expect(await app.get('/quote')).toMatchObject({ status: 500 });
  await expect.poll(() => app.stderr, { timeout: 5_000 }).toContain('EXPORT_MISSING');
  const verdict = await app.waitFor({ kind: 'unstable', module: 'fees', version: version as string }, since);
  expect(verdict.message).toMatch(/EXPORT_MISSING.* has no export "quote"; it has price/);
  await app.waitFor(({ message }) => message?.startsWith(`${stable} runs`) === true, since);
  // Nothing of the transactions that failed has stayed.
  expect(await app.get('/quote')).toMatchObject({ quote: 30, asked: before.asked + 1 });
});
