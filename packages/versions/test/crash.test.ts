// A process is killed before every single call to the file system that a change makes, and half-way through its writes. Whoever opens
// the registry afterwards finds the change done or not begun, can go on at once, and leaves no litter behind.

import { cpSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Registry } from '../src/index.ts';
import { openRegistry } from '../src/index.ts';
import { ChildProgram } from './child-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What is compared: everything but times and who did it. */
function observe(directory: string): string {
  const registry = openRegistry({ directory, create: false });
  const versions = registry.list('fees').map((version) => {
    const { id, state, triesLeft, triesSpent, crashes } = version;
    return {
      id,
      state,
      triesLeft,
      triesSpent,
      crashes: crashes.map(({ reason }) => reason),
      bundle: bundleOf(registry, version),
    };
  });
  return JSON.stringify({ versions, history: registry.history('fees').map(({ id, from, to }) => [id, from, to]) });
}

function bundleOf(registry: Registry, version: { module: string; hash: string; state: string }): string {
  return version.state === 'purged' ? 'purged' : Buffer.from(registry.readBundle(version)).toString();
}

/** A registry with a version on probation, a stable one, and two that wait to be purged. */
async function prepare(directory: string): Promise<void> {
  const registry = openRegistry({ directory });
  for (const bundle of ['on probation', 'stable', 'old', 'older']) {
    const version = await registry.add('fees', { bundle, source: 'fees.ts' });
    if (bundle.startsWith('old')) {
      registry.markSuperseded(version);
      continue;
    }
    registry.markChecked(version);
    registry.spendTry(version);
    registry.markProbation(version);
    if (bundle === 'stable') registry.markStable(version);
  }
}

/** Kills one-change.mjs at every step of a change; returns what was found after each. */
async function killEverywhere(
  change: string,
  plant: string,
): Promise<{ before: string; after: string; found: string[] }> {
  const original = temporaryDirectory();
  await prepare(original);
  const whole = temporaryDirectory();
  cpSync(original, whole, { recursive: true });
  const output = await new ChildProgram('one-change.mjs', [whole, change, '-1', plant]).until((text) =>
    text.includes('\n'),
  );
  const stepCount = Number(/^done (\d+)/.exec(output)?.[1]);
  const found: string[] = [];
  for (let stop = 1; stop <= stepCount; stop += 1) {
    const directory = temporaryDirectory();
    cpSync(original, directory, { recursive: true });
    const child = new ChildProgram('one-change.mjs', [directory, change, String(stop), plant]);
    await child.until((text) => text.startsWith(`at ${stop} `));
    await child.kill();
    found.push(observe(directory));
    requireUsable(directory);
  }
  return { before: observe(original), after: observe(whole), found };
}

/** The next process goes on at once, whatever the dead one left, and clears it away. */
function requireUsable(directory: string): void {
  const registry = openRegistry({ directory, lockTimeoutMs: 1000 });
  for (const version of registry.list('fees').filter(({ state }) => state === 'stable')) {
    registry.quarantine(version, 'checked after the kill');
  }
  registry.prune('fees', { keep: 0 });
  expect(registry.latestStable('fees')).toBeUndefined();
  expect(readdirSync(`${directory}/fees`).sort()).toEqual(['bundles', 'record.jsonl', 'record.jsonl.bak']);
  const bundles = registry.list('fees').filter(({ state }) => state !== 'purged');
  expect(readdirSync(`${directory}/fees/bundles`).sort()).toEqual(bundles.map(({ hash }) => hash).sort());
}

describe('a kill before any call to the file system leaves the registry as it was or as it becomes', () => {
  test.each(['add', 'markStable', 'quarantineInBackground'])(
    'in %s',
    async (change) => {
      const { before, after, found } = await killEverywhere(change, 'none');
      expect(found.length).toBeGreaterThan(8);
      for (const state of found) expect([before, after]).toContain(state);
      expect(found[0]).toBe(before);
      expect(found.at(-1)).toBe(after);
      // Once done it stays done: there is one step at which the change happens.
      expect(found.lastIndexOf(before)).toBeLessThan(found.indexOf(after));
    },
    120_000,
  );

  test('in prune, which writes one entry and then deletes files', async () => {
    const { before, after, found } = await killEverywhere('prune', 'none');
    for (const state of found) expect([before, after]).toContain(state);
    expect(found.at(-1)).toBe(after);
  }, 120_000);

  test('a planted bug is caught: overwriting the record in place is found torn', async () => {
    await expect(killEverywhere('quarantine', 'write-in-place')).rejects.toMatchObject({ code: 'REGISTRY_CORRUPT' });
  }, 120_000);
});
