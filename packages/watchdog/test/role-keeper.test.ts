// One process's part in the role: what may be called when, and what is passed on.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RoleKeeper } from '../src/role-keeper.ts';
import { Members } from './support/members.ts';

let members: Members;
let keeper: RoleKeeper;
beforeEach(() => {
  members = new Members();
  keeper = new RoleKeeper(members.store.native, { heartbeatLimitMs: 0 });
});
afterEach(async () => {
  keeper.close();
  await members.end();
});

describe('role keeper', () => {
  test('contends once', () => {
    expect(keeper.contend()).toMatchObject({ reason: 'first', term: 1 });
    expect(keeper.role).toBe('main');
    expect(() => keeper.contend()).toThrow(expect.objectContaining({ code: 'ALREADY_MAIN' }));
  });

  test('does not watch itself', async () => {
    keeper.contend();
    await expect(keeper.watch()).rejects.toMatchObject({ code: 'ALREADY_MAIN' });
  });

  test('stands by once, and says when it stops', async () => {
    await members.start().takesOver();
    expect(keeper.contend()).toBeUndefined();
    const watching = keeper.watch();
    expect(keeper.role).toBe('clone');
    await expect(keeper.watch()).rejects.toMatchObject({ code: 'ALREADY_WATCHING' });
    keeper.close();
    keeper.close();
    await expect(watching).rejects.toMatchObject({ code: 'CLOSED' });
    expect(keeper.role).toBe('none');
  });

  test('stands by, stops, and stands by again', async () => {
    const main = members.start();
    await main.takesOver();
    const first = keeper.watch();
    keeper.close();
    await expect(first).rejects.toMatchObject({ code: 'CLOSED' });
    const second = keeper.watch();
    await main.killed();
    expect(await second).toMatchObject({ reason: 'crash', deadPid: main.pid });
  });

  test('hands over what it has not settled', async () => {
    const main = members.start();
    await main.takesOver();
    await main.does('begin', { label: 'fees@77bc01 task collect' });
    await main.killed();
    expect(keeper.contend()).toMatchObject({ reason: 'crash', label: 'fees@77bc01 task collect' });
    keeper.close();
    const next = await members.start().takesOver();
    expect(next).toMatchObject({ reason: 'released', deadPid: undefined });
    expect(next.unsettled).toMatchObject({ label: 'fees@77bc01 task collect', pid: main.pid });
  });

  test('may be main again after it has handed over', () => {
    keeper.contend();
    keeper.close();
    expect(keeper.contend()).toMatchObject({ reason: 'released', term: 2 });
    members.store.transaction(() => members.store.root.work.add(1));
    expect(members.store.root.work.value).toBe(1);
  });

  test.each([[10], [-1], [Number.NaN], [1e12]])('refuses a heartbeat limit of %s ms', (heartbeatLimitMs) => {
    expect(() => new RoleKeeper(members.store.native, { heartbeatLimitMs })).toThrow(RangeError);
  });
});
