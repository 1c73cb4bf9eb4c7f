// What becomes of the evidence when successors die, too (SPEC.md, steps T2 to T7).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Members } from './support/members.ts';

let members: Members;
beforeEach(() => {
  members = new Members();
});
afterEach(() => members.end());

describe('evidence', () => {
  test('outlives a successor that dies before it has settled the case, and is gone when it has', async () => {
    const main = members.start();
    await main.takesOver();
    await main.does('begin', { label: 'fees@77bc01 task collect', taskId: 8812 });
    await main.killed();
    for (let term = 2; term <= 4; term++) {
      const successor = members.start();
      const takeover = await successor.takesOver();
      const told = term === 2 ? takeover : takeover.unsettled;
      expect(takeover.term).toBe(term);
      expect(told).toMatchObject({ reason: 'crash', label: 'fees@77bc01 task collect', taskId: 8812 });
      if (term === 4) await successor.does('settle');
      await successor.killed();
    }
    const last = await members.start().takesOver();
    expect(last).toMatchObject({ reason: 'crash', term: 5, label: undefined, unsettled: undefined });
  });

  test('outlives a successor that dies between taking the lock and raising the term', async () => {
    const main = members.start();
    await main.takesOver();
    await main.does('begin', { label: 'fees@77bc01 task collect', taskId: 8812 });
    const thief = members.start({}, 'bystander');
    await thief.hears('bystander');
    await main.killed();
    thief.tell('acquire-and-die');
    await thief.exited;
    const takeover = await members.start().takesOver();
    expect(takeover).toMatchObject({ reason: 'crash', term: 2, deadPid: main.pid, label: 'fees@77bc01 task collect' });
  });

  test('a later run of the successor is not hidden by the case that it had not settled', async () => {
    const first = members.start();
    await first.takesOver();
    await first.does('begin', { label: 'first' });
    await first.killed();
    const second = members.start();
    await second.takesOver();
    await second.does('begin', { label: 'second' });
    await second.killed();
    const takeover = await members.start().takesOver();
    expect(takeover.label).toBe('second');
    expect(takeover.unsettled).toMatchObject({ label: 'first', pid: first.pid });
  });
});
