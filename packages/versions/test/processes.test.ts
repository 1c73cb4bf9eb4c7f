// Several processes change the same version at once while some of them are killed. Every change that a process was told to be durable
// is there at the end: the tries spent are counted, and the count is exact up to the one change that each killed process may have
// made without living to say so.

import { expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { ChildProgram } from './child-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const processCount = 4;

interface Outcome {
  readonly announced: number;
  readonly spent: number;
  readonly kills: number;
}

/** Runs four processes of `count` changes each and kills one of them, in turn, after each `killEvery` changes of it. */
async function race(count: number, killEvery: number, killsWanted: number, plant: string): Promise<Outcome> {
  const directory = temporaryDirectory();
  const registry = openRegistry({ directory, tries: 100 });
  const version = registry.markChecked(await registry.add('fees', { bundle: 'x', source: 'fees.ts' }));
  let announced = 0;
  let kills = 0;
  const lane = async (): Promise<void> => {
    for (let left = count; left > 0; ) {
      const child = new ChildProgram('many-changes.mjs', [directory, String(left), plant]);
      const isVictim = kills < killsWanted && left > killEvery;
      if (isVictim) {
        kills += 1;
        await child.until((text) => text.length >= killEvery);
        await child.kill();
      } else {
        await child.exited;
        if (child.process.exitCode !== 0) throw new Error(child.errors);
      }
      announced += child.output.length;
      left -= child.output.length;
    }
  };
  await Promise.all(Array.from({ length: processCount }, lane));
  return { announced, spent: registry.get('fees', version.id)!.triesSpent, kills };
}

test('four processes of 200 changes each, a dozen of them killed: no change is lost', async () => {
  const { announced, spent, kills } = await race(200, 23, 12, 'none');
  expect(kills).toBe(12);
  expect(announced).toBeGreaterThanOrEqual(processCount * 200);
  expect(spent).toBeGreaterThanOrEqual(announced);
  expect(spent).toBeLessThanOrEqual(announced + kills);
}, 120_000);

test('background changes race with the others and lose nothing either', async () => {
  const { announced, spent } = await race(150, 0, 0, 'background');
  expect(spent).toBe(announced);
}, 120_000);

test('a planted bug is caught: with a lock that lets everybody in, changes are lost', async () => {
  const { announced, spent } = await race(100, 0, 0, 'shared-lock');
  expect(spent).toBeLessThan(announced);
}, 120_000);
