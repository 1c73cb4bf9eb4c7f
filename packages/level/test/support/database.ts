// Databases of one test: each under a name of its own, closed and removed afterwards, also when the test fails.

import { onTestFinished } from 'vitest';
import { MofoLevel, type MofoLevelOptions } from '../../src/index.ts';

let count = 0;

/** A name that no other test has; what is made under it is removed after the test. */
export function makeLocation(): string {
  const location = `test-level-${process.pid}-${count++}`;
  onTestFinished(async () => void (await MofoLevel.destroy(location, { force: true })));
  return location;
}

/** Opens a database that is closed after the test. */
export async function openDatabase<V = string>(
  location: string = makeLocation(),
  options: MofoLevelOptions<string, V> = {},
): Promise<MofoLevel<string, V>> {
  const database = new MofoLevel<string, V>(location, { sizeBytes: 4 * 2 ** 20, ...options });
  onTestFinished(() => database.close());
  await database.open();
  return database;
}
