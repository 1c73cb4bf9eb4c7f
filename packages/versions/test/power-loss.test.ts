// The power is cut before every call that a change makes, and after its last: what a call reported is on the disk, what it did not
// report is there or not, and nothing is ever half there.

import { expect, test } from 'vitest';
import type { Registry, Version } from '../src/index.ts';
import { openRegistry } from '../src/index.ts';
import type { World } from './power-loss-disk.ts';
import { PowerCut, PowerLossDisk } from './power-loss-disk.ts';

const worlds: readonly World[] = [
  { keeps: 'synced' },
  { keeps: 'names' },
  ...[0.2, 0.4, 0.6, 0.8].map((share) => ({ keeps: 'some', share }) as const),
];

type Step = (registry: Registry) => unknown;

const only = (registry: Registry): Version => registry.list('fees').at(-1)!;

/** A life of a version; every step is durable before the next begins. */
const life: [string, Step][] = [
  ['add', (registry) => registry.add('fees', { bundle: 'some code', source: 'fees.ts' })],
  ['markChecked', (registry) => registry.markChecked(only(registry))],
  ['spendTry', (registry) => registry.spendTry(only(registry))],
  ['returnTry', (registry) => registry.returnTry(only(registry))],
  ['markProbation', (registry) => registry.markProbation(only(registry))],
  ['markStable', (registry) => registry.markStable(only(registry))],
  ['add another', (registry) => registry.add('fees', { bundle: 'other code', source: 'fees.ts' })],
  ['quarantineInBackground', (registry) => registry.quarantineInBackground(only(registry), 'hang')],
  ['quarantine, which is done already', (registry) => registry.quarantine(only(registry), 'hang')],
  ['retry', (registry) => registry.retry(only(registry), 'an operator')],
  ['quarantine', (registry) => registry.quarantine(only(registry), 'hang')],
  ['purge', (registry) => registry.purge(only(registry))],
];

function open(disk: PowerLossDisk): Registry {
  return openRegistry({ directory: '/registry', fileSystem: disk.fileSystem, now: () => 0, lockTimeoutMs: 50 });
}

/** What there is, and that each bundle that should be there can be read. */
function observe(disk: PowerLossDisk): string {
  const registry = open(disk);
  const versions = registry.list('fees');
  for (const version of versions) if (version.state !== 'purged') registry.readBundle(version);
  return JSON.stringify(versions.map(({ id, state, triesLeft, crashes }) => [id, state, triesLeft, crashes.length]));
}

async function disk(isSyncing: boolean, stepCount: number): Promise<PowerLossDisk> {
  const made = new PowerLossDisk(isSyncing);
  const registry = open(made);
  for (const [, step] of life.slice(0, stepCount)) await step(registry);
  return made;
}

/** Cuts the power everywhere in the step after the first `stepCount`; throws an assertion where something is lost or torn. */
async function cutEverywhere(isSyncing: boolean, stepCount: number): Promise<number> {
  const [name, step] = life[stepCount]!;
  const before = observe(await disk(true, stepCount));
  const after = observe(await disk(true, stepCount + 1));
  for (let call = 1; ; call += 1) {
    const cut = await disk(isSyncing, stepCount);
    const registry = open(cut);
    cut.cutBefore(call);
    let isDone = true;
    try {
      await step(registry);
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      isDone = false;
    }
    cut.cutBefore(Number.POSITIVE_INFINITY);
    for (const world of worlds) {
      const found = observe(cut.after(world));
      const allowed = isDone ? [after] : [before, after];
      expect(allowed, `${name}, cut before call ${call}, ${JSON.stringify(world)}`).toContain(found);
    }
    if (isDone) return call;
  }
}

test.each(life.map(([name], index) => [name, index] as const))(
  'a power cut anywhere in %s loses nothing that was reported',
  async (_, index) => {
    expect(await cutEverywhere(true, index)).toBeGreaterThan(3);
  },
);

test('a planted bug is caught: without syncs a power cut loses what was reported', async () => {
  await expect(cutEverywhere(false, 2)).rejects.toThrow();
});

test('what another process changed and had not synced yet is durable when a call has found it done', async () => {
  const made = await disk(true, 2);
  const version = only(open(made));
  // The other process renames its record into place and is stopped before it syncs the directory.
  const stopped = { ...made.fileSystem, syncDirectory: () => new Promise<void>(() => {}) };
  const other = openRegistry({ directory: '/registry', fileSystem: stopped });
  void other.quarantineInBackground(version, 'hang');
  await expect.poll(() => only(open(made)).state, { interval: 1 }).toBe('unstable');
  expect(only(open(made.after({ keeps: 'synced' }))).state).toBe('checked');
  open(made).quarantine(version, 'hang');
  expect(only(open(made.after({ keeps: 'synced' }))).state).toBe('unstable');
});
