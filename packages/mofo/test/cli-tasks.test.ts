// `mofo tasks` on a real store: what an operator sees and does, in words and as JSON.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destroyStore, openStore } from '@mofo/journal';
import { openScheduler, type Scheduler } from '@mofo/scheduler';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../src/cli/program.ts';
import { loadConfig } from '../src/config/index.ts';

let directory = '';
let storeName = '';
let close: () => void = () => {};
let scheduler: Scheduler;
let mayWork = false;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-cli-tasks-'));
  mkdirSync(join(directory, 'modules'));
  writeFileSync(join(directory, 'mofo.config.json'), JSON.stringify({ name: `test-cli-tasks-${process.pid}` }));
  storeName = (await loadConfig({ directory })).config.store.name;
  const store = openStore({ name: storeName, sizeBytes: 2 ** 22 });
  mayWork = false;
  scheduler = openScheduler(store, {
    tasks: {
      'mail.send': () => {
        if (!mayWork) throw new Error('no network');
      },
    },
  }) as unknown as Scheduler;
  close = () => {
    scheduler.close();
    store.close();
  };
});

afterEach(() => {
  close();
  destroyStore(storeName);
  rmSync(directory, { recursive: true, force: true });
});

async function run(...parameters: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(['tasks', ...parameters], {
    directory,
    output: { write: (text) => out.push(text) },
    errors: { write: (text) => err.push(text) },
    variables: {},
  });
  return { code, out: out.join(''), err: err.join('') };
}

async function json(...parameters: string[]): Promise<unknown> {
  const { code, err, out } = await run(...parameters, '--json');
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

it('lists tasks and dead letters with their reasons, and gives dead ones another life', async () => {
  const id = scheduler.enqueue('mail.send', { to: 'a' });
  const waiting = scheduler.enqueue('mail.other');
  expect(scheduler.runNext().outcome).toBe('dead');
  expect((await run()).out).toContain('1 ready');
  const dead = await run('dead');
  expect(dead.out).toMatch(new RegExp(`#${id} +mail\\.send +dead .*FAILED: Error: no network`));
  expect(dead.out).not.toContain('mail.other');
  expect(await json('dead')).toMatchObject({ status: { dead: 1, ready: 1 }, tasks: [{ id, payload: { to: 'a' } }] });
  expect(await json('redrive', `#${id}`)).toEqual({ redriven: [id] });
  mayWork = true;
  expect(await json('list', 'ready')).toMatchObject({ tasks: [{ id: waiting }, { id, attempt: 0 }] });
  scheduler.runBatch(10);
  expect(scheduler.status).toMatchObject({ completed: 1, dead: 0 });
  expect(await run('redrive', String(id))).toMatchObject({ code: 1, err: expect.stringContaining('[TASK_MISSING]') });
});

it('redrives all, discards one, and cancels what waits', async () => {
  const ids = [1, 2, 3].map((n) => scheduler.enqueue('mail.send', n));
  scheduler.runBatch(10);
  expect(await json('discard', String(ids[0]))).toEqual({ discarded: [ids[0]] });
  expect(await json('redrive', 'all')).toEqual({ redriven: ids.slice(1) });
  expect(await json('cancel', String(ids[1]))).toEqual({ id: ids[1], result: 'cancelled' });
  expect(scheduler.status).toMatchObject({ ready: 1, dead: 0, cancelled: 1 });
  expect((await run('cancel', '999')).err).toContain('[TASK_MISSING]');
});

it('pauses and resumes everything or one name', async () => {
  scheduler.enqueue('mail.send');
  mayWork = true;
  expect(await json('pause', 'mail.send')).toEqual({ paused: 'mail.send' });
  expect(scheduler.runNext().task).toBeUndefined();
  expect((await run()).out).toContain('mail.send is paused');
  await json('resume', 'mail.send');
  expect(await json('pause')).toEqual({ paused: '*' });
  expect(scheduler.runNext().task).toBeUndefined();
  await json('resume');
  expect(scheduler.runNext().outcome).toBe('completed');
});

it.each([
  [['cancle', '1'], 'Did you mean "mofo tasks cancel"?'],
  [['cancel'], 'the number of a task is needed'],
  [['list', 'gone'], 'There are: ready'],
  [['--limit', '0'], '--limit takes'],
])('refuses %j', async (parameters, words) => {
  expect(await run(...parameters)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(words) });
});
