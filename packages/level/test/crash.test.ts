// Processes that write batches and hold snapshots are killed at random moments. Who goes on sees each batch wholly or not at all, and what the dead had open is
// closed for them.

import { describe, expect, onTestFinished, test } from 'vitest';
import { SNAPSHOT_COUNT_MAX } from '../src/constants.ts';
import { ChildProgram } from './support/child-program.ts';
import { makeLocation, openDatabase } from './support/database.ts';
import { countSnapshots } from './support/snapshot-count.ts';

const KILL_COUNT = 15;
const WRITER_COUNT = 3;
const KEY_COUNT = 30;
const PROBLEM_LIMIT_MS = 60_000;

const seed = Number(process.env.MOFO_SEED ?? Date.now() % 2 ** 31);

describe('writers killed at random moments', { timeout: 120_000 }, () => {
  test(`leave each batch whole or undone, ${KILL_COUNT} kills (MOFO_SEED=${seed})`, async () => {
    const { torn, kills, looks, location, last } = await play('batch', KILL_COUNT);
    expect(torn).toEqual([]);
    expect(kills).toBe(KILL_COUNT);
    expect(looks).toBeGreaterThan(KILL_COUNT);
    expect(last).toBeGreaterThan(KILL_COUNT);
    // Opening looks for what dead processes left: their iterators are closed, and nothing is kept for them.
    await openDatabase(location);
    expect(countSnapshots(location)).toEqual({ snapshots: 0, kept: 0 });
  });

  test('planted bug: a writer that puts one by one is caught', async () => {
    const { torn } = await play('puts', 40 * KILL_COUNT);
    expect(torn).not.toEqual([]);
  });
});

/** Kills and restarts three writers, and looks at the keys after each kill and between kills; ends after so many kills, or when a look was torn. */
async function play(mode: string, killCount: number) {
  const location = makeLocation();
  const database = await openDatabase<number>(location, { valueEncoding: 'json' });
  const children = new Set<ChildProgram>();
  onTestFinished(async () => void (await Promise.all([...children].map((child) => child.kill()))));
  const start = async (): Promise<ChildProgram> => {
    const child = new ChildProgram('write-batches.mjs', [location, KEY_COUNT, mode]);
    children.add(child);
    await child.next();
    return child;
  };
  const random = randomFrom(seed);
  const writers = Array.from({ length: WRITER_COUNT }, start);
  const torn: string[] = [];
  const limitMs = performance.now() + PROBLEM_LIMIT_MS;
  let kills = 0;
  let looks = 0;
  const look = async (): Promise<void> => {
    looks++;
    const entries = await database.iterator({ gte: 'key', lt: 'kez' }).all();
    const several = await database.getMany(entries.map(([key]) => key));
    for (const values of [entries.map(([, value]) => value), several]) {
      if (new Set(values).size > 1 || ![0, KEY_COUNT].includes(values.length)) torn.push(values.join(' '));
    }
  };
  while (kills < killCount && torn.length === 0 && performance.now() < limitMs) {
    for (let pause = random(8); pause >= 0; pause--) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, random(6)));
    }
    // In turn, so that the next one starts while the others are killed.
    const victim = kills % WRITER_COUNT;
    const child = (await writers[victim]) as ChildProgram;
    if (!child.isRunning) throw new Error(`a writer ended by itself (${await child.ended}): ${child.errors}`);
    await child.kill();
    kills++;
    await look();
    children.delete(child);
    writers[victim] = start();
  }
  await Promise.all(writers.map(async (child) => (await child).kill()));
  await look();
  expect(countSnapshots(location).snapshots).toBeLessThan(SNAPSHOT_COUNT_MAX);
  return { torn, kills, looks, location, last: (await database.get('key 0')) ?? 0 };
}

function randomFrom(first: number): (limit: number) => number {
  let state = first >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
