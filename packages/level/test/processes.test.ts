// Several processes have one database open at once: what one writes the others have, and iterators and snapshots hold still while others write.

import { describe, expect, onTestFinished, test } from 'vitest';
import { MofoLevel } from '../src/index.ts';
import { ChildProgram } from './support/child-program.ts';
import { makeLocation, openDatabase } from './support/database.ts';
import { countSnapshots } from './support/snapshot-count.ts';

const ACCOUNT_COUNT = 300;
const SUM = ACCOUNT_COUNT * 100;

/** Starts a program that moves amounts in the database until it is told to stop. */
async function startMover(location: string): Promise<{ stop(): Promise<number> }> {
  const child = new ChildProgram('move-amounts.mjs', [location, ACCOUNT_COUNT, 42]);
  onTestFinished(() => child.kill());
  await child.next();
  return {
    async stop() {
      child.say('stop');
      const { moves } = await child.next();
      expect(await child.ended).toBe('0');
      return moves as number;
    },
  };
}

async function openBank(implicitSnapshots: boolean): Promise<MofoLevel<string, number>> {
  const database = await openDatabase<number>(makeLocation(), { valueEncoding: 'json', implicitSnapshots });
  await database.batch(
    Array.from({ length: ACCOUNT_COUNT }, (_, k) => ({ type: 'put', key: `account ${k}`, value: 100 })),
  );
  return database;
}

/** Adds up all accounts with an iterator, letting others write between its batches. */
async function addUp(database: MofoLevel<string, number>, options: object = {}): Promise<number> {
  const iterator = database.values(options);
  let sum = 0;
  for (;;) {
    const values = await iterator.nextv(20);
    if (values.length === 0) break;
    for (const value of values) sum += value;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await iterator.close();
  return sum;
}

describe('an iterator, while another process moves amounts', { timeout: 60_000 }, () => {
  test('always adds up to the same sum; nothing is kept afterwards', async () => {
    const database = await openBank(true);
    const mover = await startMover(database.location);
    const sums = new Set<number>();
    for (let k = 0; k < 80; k++) sums.add(await addUp(database));
    const moves = await mover.stop();
    expect([...sums]).toEqual([SUM]);
    expect(moves).toBeGreaterThan(80);
    expect(countSnapshots(database.location)).toEqual({ snapshots: 0, kept: 0 });
  });

  test('that has no snapshot does not: so the test above can fail', async () => {
    const database = await openBank(false);
    const mover = await startMover(database.location);
    const limitMs = performance.now() + 40_000;
    let sum = SUM;
    while (sum === SUM && performance.now() < limitMs) sum = await addUp(database);
    await mover.stop();
    expect(sum).not.toBe(SUM);
  });
});

test('explicit snapshots of several moments all hold while another process writes', { timeout: 60_000 }, async () => {
  const database = await openBank(true);
  const mover = await startMover(database.location);
  const taken = [];
  for (let k = 0; k < 20; k++) {
    const snapshot = database.snapshot();
    taken.push({ snapshot, entries: JSON.stringify(await database.iterator({ snapshot }).all()) });
    await addUp(database);
  }
  for (const { snapshot, entries } of taken.sort(() => 0.5 - Math.random())) {
    expect(JSON.stringify(await database.iterator({ snapshot }).all())).toBe(entries);
    expect(await addUp(database, { snapshot })).toBe(SUM);
    await snapshot.close();
  }
  await mover.stop();
  expect(new Set(taken.map(({ entries }) => entries)).size).toBeGreaterThan(1);
  expect(countSnapshots(database.location)).toEqual({ snapshots: 0, kept: 0 });
});

test('of several that open with errorIfExists at once exactly one succeeds', async () => {
  const location = makeLocation();
  const databases = Array.from({ length: 8 }, () => new MofoLevel(location, { errorIfExists: true }));
  const opened = await Promise.allSettled(databases.map((database) => database.open()));
  for (const database of databases) onTestFinished(() => database.close());
  expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});
