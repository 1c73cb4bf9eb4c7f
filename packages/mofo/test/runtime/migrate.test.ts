// A version that changes the form of the data: refused while somebody who may run next would be stranded, run by an operator's word, and never undone by itself.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from './support/test-app.ts';

/** Versions of a module that keeps people. */
function people(fields: string, written: string, more = ''): string {
  return `
import { defineModule, f64, struct, text, toPlain, tree, withDefault } from 'mofo';
const Person = struct('Person', { name: text(), ${fields} });
export default defineModule({
  name: 'people',
  state: { people: tree(text(), Person) },
  ${more}
  http: {
    'POST /people/:name': (ctx, _request, { name }) => {
      ctx.transaction(() => ctx.state.people.set(name, { name, ${written} }));
      return Response.json({});
    },
    'GET /people': (ctx) => Response.json(ctx.read(() => ({
      pid: process.pid, people: [...ctx.state.people.values()].map((one) => toPlain(one)),
    }))),
  },
});
`;
}

const old = people('age: f64()', 'age: 40');
const fresh = people(
  'birthYear: f64()',
  'birthYear: 1986',
  "migrate: { 'Person:1': (person) => ({ birthYear: 2026 - person.age }) },",
);
const deadly = people(
  'birthYear: f64()',
  'birthYear: 1',
  "migrate: { 'Person:1': () => process.kill(process.pid, 'SIGKILL') },",
);
const added = people("birthYear: f64(), town: withDefault(text(), 'Ulm')", 'birthYear: 1986');

let app: TestApp;
let stable: string;
beforeAll(async () => {
  app = new TestApp({ modules: { people: old } });
  await app.start();
  for (const name of ['ann', 'ben', 'cem', 'dora', 'eve']) await app.get(`/people/${name}`, 'POST');
  stable = (await app.waitFor({ kind: 'stable', module: 'people' })).version ?? '';
  await app.bothReady();
});
afterAll(() => app.cleanUp());

/** Saves a version and gives the warning that it is not loaded. */
async function refused(source: string, code: string): Promise<{ version: string; message: string }> {
  const since = app.mark();
  app.save('people', source);
  const { version = '', message = '' } = await app.waitFor(
    ({ kind, data }) => kind === 'warning' && data?.code === code,
    since,
  );
  return { version, message };
}

async function names(): Promise<{ pid: number; people: Record<string, unknown>[] }> {
  return await app.get('/people');
}

it('is refused while it would strand main and the version that a revert goes to, which is no verdict', async () => {
  const { version, message } = await refused(fresh, 'MIGRATION_STRANDS');
  expect(message).toContain('Person:1');
  expect(message).toContain(`people@${stable}, which a revert goes to`);
  expect(message).toContain('npx mofo migrate people');
  expect((await names()).people).toContainEqual({ name: 'ann', age: 40 });
  expect(await app.version('people', version)).toMatchObject({ state: 'probation', triesLeft: 3, openTries: [] });
  expect(await app.command('promote', 'people', version)).toMatchObject({ code: 1, errorCode: 'MIGRATION_STRANDS' });
});

it('without a function for the records that there are is told to give one', async () => {
  const { message } = await refused(people('size: f64()', 'size: 1'), 'MIGRATION_STRANDS');
  expect(message).toContain("migrate: { 'Person:1': (old) =>");
});

it('that kills main in its migration has changed nothing, and is blamed for it', async () => {
  const { version } = await refused(deadly, 'MIGRATION_STRANDS');
  const since = app.mark();
  expect(await app.command('migrate', 'people')).toMatchObject({ code: 4, errorCode: 'NOT_READY' });
  await app.waitFor({ kind: 'unstable', module: 'people', version }, since);
  await app.waitFor(({ kind, data }) => kind === 'clone' && data?.ready === true, since);
  expect((await names()).people).toHaveLength(5);
  expect((await names()).people).toContainEqual({ name: 'ben', age: 40 });
});

it("is run by an operator's word: snapshot, migration, a clone that knows it; the older version is gone back to no more", async () => {
  const { version } = await refused(fresh, 'MIGRATION_STRANDS');
  const before = await app.bothReady();
  const since = app.mark();
  const { value } = await app.command('migrate', 'people', version);
  expect(value).toMatchObject({ module: 'people', version, state: 'stable', records: { 'Person:1': 5 } });
  expect(readdirSync(join(app.directory, '.mofo', 'snapshots', 'kept')).join()).toContain(`before-people-${version}`);
  expect(await names()).toMatchObject({ pid: before.main });
  expect((await names()).people).toContainEqual({ name: 'cem', birthYear: 1986 });
  const clone = await app.waitFor(({ kind, data }) => kind === 'clone' && data?.ready === true, since);
  expect(clone.data?.pid).not.toBe(before.clone);
  expect(await app.command('revert', 'people')).toMatchObject({ code: 1, errorCode: 'NOTHING_TO_REVERT' });
  process.kill(before.main, 'SIGKILL');
  await app.waitFor(({ kind, data }) => kind === 'takeover' && data?.deadPid === before.main, since);
  expect((await names()).people).toContainEqual({ name: 'dora', birthYear: 1986 });
  await app.bothReady();
});

it('that only adds a field is put in place as any other', async () => {
  const since = app.mark();
  app.save('people', added);
  await app.waitFor(({ kind, data }) => kind === 'update' && data?.isMain === true, since);
  expect((await names()).people).toContainEqual({ name: 'eve', birthYear: 1986, town: 'Ulm' });
});

it('from before a migration is refused, which is no verdict', async () => {
  const { version, message } = await refused(old, 'DATA_TOO_NEW');
  expect(message).toContain('restore a snapshot from before the migration');
  expect(await app.version('people', version)).not.toMatchObject({ state: 'unstable' });
  expect((await names()).people).toHaveLength(5);
});

it('is what a start runs, after the death of all', async () => {
  const { main, clone } = await app.bothReady();
  app.signal('SIGKILL');
  await app.exit();
  await app.gone(main, clone);
  await app.start();
  expect((await names()).people).toContainEqual(expect.objectContaining({ name: 'ann', birthYear: 1986 }));
});
