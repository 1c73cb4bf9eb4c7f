// The check that there is one main must find what it is there for: these members have the bugs on purpose.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Members } from './support/members.ts';

let members: Members;
beforeEach(() => {
  members = new Members();
});
afterEach(() => members.end());

describe('planted bugs are caught', () => {
  test.each([
    ["a clone that works without the role, in main's own term", 'none', 'usurp-same-term'],
    ['a new term without a confirmed death, and a main that is not fenced by it', 'unfenced', 'usurp-next-term'],
  ])('%s', async (_bug, mainPlant, clonePlant) => {
    const main = members.start({}, mainPlant);
    await main.takesOver();
    const clone = members.start({}, clonePlant);
    await clone.hears('clone');
    main.child.kill('SIGSTOP');
    await clone.does('usurp');
    main.child.kill('SIGCONT');
    await main.does('work');
    expect(members.violations()).not.toEqual([]);
  });

  test('without the second bug the term stops the old main, and the check finds nothing', async () => {
    const main = members.start();
    await main.takesOver();
    const clone = members.start({}, 'usurp-next-term');
    await clone.hears('clone');
    main.child.kill('SIGSTOP');
    await clone.does('usurp');
    main.child.kill('SIGCONT');
    await main.does('work');
    expect((await main.hears('refused')).code).toBe('FENCED');
    expect(members.violations()).toEqual([]);
  });
});
