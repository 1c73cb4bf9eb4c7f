// What the registry promises to one caller, claim by claim.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Registry, Version, VersionState } from '../src/index.ts';
import { openRegistry } from '../src/index.ts';
import { decodeRecord, encodeRecord } from '../src/record-file.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let clock = 0;

function open(directory: string = temporaryDirectory()): Registry {
  return openRegistry({ directory, now: () => (clock += 1000) });
}

const add = (registry: Registry, bundle: string): Promise<Version> =>
  registry.add('fees', { bundle, source: 'fees.ts' });

/** Adds a bundle and takes it along the shortest way to a state. */
async function inState(registry: Registry, bundle: string, state: VersionState): Promise<Version> {
  const version = await add(registry, bundle);
  if (state === 'staged') return version;
  registry.markChecked(version);
  if (state === 'checked') return registry.markChecked(version);
  registry.spendTry(version);
  if (state === 'unstable') return registry.quarantine(version, 'SIGSEGV in task fees.collect #8812');
  registry.markProbation(version);
  if (state === 'probation') return registry.markProbation(version);
  registry.markStable(version);
  if (state === 'stable') return registry.markStable(version);
  registry.markSuperseded(version);
  if (state === 'superseded') return registry.markSuperseded(version);
  registry.markDraining(version);
  return state === 'draining' ? registry.markDraining(version) : registry.purge(version);
}

describe('adding', () => {
  test('a version keeps what it was added with', async () => {
    const registry = open();
    const bundle = 'module.exports = 1;';
    const added = await registry.add('fees', {
      bundle,
      source: 'fees.ts',
      note: 'half price',
      bundler: 'rolldown 1.3.2 node20',
    });
    const { id, hash, state, source, note, bundler, sizeBytes, triesLeft, triesSpent, stableAt } = added;
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(id).toBe(hash.slice(0, 6));
    expect({ state, source, note, bundler, sizeBytes, triesLeft, triesSpent, stableAt }).toEqual({
      state: 'staged',
      source: 'fees.ts',
      note: 'half price',
      bundler: 'rolldown 1.3.2 node20',
      sizeBytes: bundle.length,
      triesLeft: 3,
      triesSpent: 0,
      stableAt: undefined,
    });
    expect(Buffer.from(registry.readBundle(added)).toString()).toBe(bundle);
  });

  test('the same bytes are the same version, whatever state it is in', async () => {
    const registry = open();
    const probation = await inState(registry, 'a', 'probation');
    expect(await add(registry, 'a')).toEqual(probation);
    expect(registry.list('fees')).toHaveLength(1);
  });

  test('the same bytes from another bundler are another version', async () => {
    const registry = open();
    const one = await registry.add('fees', { bundle: 'a', source: 'a.ts', bundler: 'rolldown 1' });
    const two = await registry.add('fees', { bundle: 'a', source: 'a.ts', bundler: 'rolldown 2' });
    expect(two.hash).not.toBe(one.hash);
  });

  test('two adds of the same bytes at once make one entry', async () => {
    const registry = open();
    const added = await Promise.all(Array.from({ length: 8 }, () => add(registry, 'a')));
    expect(new Set(added.map((version) => version.hash)).size).toBe(1);
    expect(registry.list('fees')).toHaveLength(1);
  });

  test('adds of different bytes at once are all entered', async () => {
    const registry = open();
    await Promise.all(Array.from({ length: 20 }, (_, index) => add(registry, `bundle ${index}`)));
    expect(registry.list('fees')).toHaveLength(20);
  });

  test('a bundle that the caller overwrites while it is stored is stored as it was given', async () => {
    const registry = open();
    const bundle = new Uint8Array(1000).fill(1);
    const adding = registry.add('fees', { bundle, source: 'a.ts' });
    bundle.fill(2);
    expect(registry.readBundle(await adding)).toEqual(Buffer.alloc(1000, 1));
  });

  test('bytes known to be unstable are refused, purged or not, and can be retried', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'unstable');
    await expect(add(registry, 'a')).rejects.toMatchObject({
      code: 'VERSION_UNSTABLE',
      reason: expect.stringMatching(/SIGSEGV/),
    });
    registry.purge(version);
    await expect(add(registry, 'a')).rejects.toMatchObject({
      code: 'VERSION_UNSTABLE',
      reason: expect.stringMatching(/SIGSEGV/),
    });
    expect(registry.get('fees', version.id)?.state).toBe('unstable');
    expect(registry.retry(version, 'an operator').state).toBe('probation');
  });

  test('an aborted add rejects with the reason and enters nothing', async () => {
    const registry = open();
    const controller = new AbortController();
    const adding = registry.add('fees', { bundle: 'a', source: 'a.ts', signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(adding).rejects.toThrow('changed my mind');
    expect(registry.list('fees')).toEqual([]);
  });
});

describe('short ids', () => {
  test('grow when another version of the module begins alike, and both are found', async () => {
    const { shortId } = await import('../src/content-hash.ts');
    const hash = 'a1f3d2'.padEnd(64, '0');
    expect(shortId(hash, ['b'.repeat(64)])).toBe('a1f3d2');
    expect(shortId(hash, ['a1f3d2'.padEnd(64, '1')])).toBe('a1f3d20');
    expect(shortId(hash, ['a1f3d2000'.padEnd(64, '1')])).toBe('a1f3d20000');
    expect(shortId(hash, [hash])).toBe('a1f3d2');
  });

  test('a prefix that fits several versions is refused, the exact id of one of them is not', async () => {
    const registry = open();
    await add(registry, 'a');
    const path = `${registry.directory}/fees/record.jsonl`;
    const record = decodeRecord(readFileSync(path), 'fees', path);
    const [version] = record.versions;
    const hashes = ['a1f3d2'.padEnd(64, '0'), 'a1f3d27'.padEnd(64, '1')];
    record.versions = hashes.map((hash, index) => ({ ...version!, hash, id: hash.slice(0, 6 + index) }));
    writeFileSync(path, encodeRecord(record));
    expect(registry.get('fees', 'a1f3d2')?.hash).toBe(hashes[0]);
    expect(registry.get('fees', 'a1f3d27')?.hash).toBe(hashes[1]);
    expect(() => registry.get('fees', 'a1f3')).toThrow(expect.objectContaining({ code: 'AMBIGUOUS_VERSION' }));
    expect(registry.get('fees', 'ffffffffffff')).toBeUndefined();
    expect(() => registry.get('fees', 'xyz')).toThrow(TypeError);
  });
});

describe('tries', () => {
  test('are spent one by one and run out', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'checked');
    expect([1, 2, 3].map(() => registry.spendTry(version).triesLeft)).toEqual([2, 1, 0]);
    expect(() => registry.spendTry(version)).toThrow(expect.objectContaining({ code: 'NO_TRIES_LEFT' }));
    expect(registry.get('fees', version.id)).toMatchObject({ triesLeft: 0, triesSpent: 3, state: 'checked' });
  });

  test('spent by one handle are seen by another', async () => {
    const directory = temporaryDirectory();
    const version = await inState(open(directory), 'a', 'checked');
    open(directory).spendTry(version);
    expect(open(directory).get('fees', version.id)?.triesLeft).toBe(2);
  });

  test('are given back when a load ended well, each once', async () => {
    const directory = temporaryDirectory();
    const registry = open(directory);
    const version = await inState(registry, 'a', 'checked');
    expect(registry.returnTry(version)).toMatchObject({ triesLeft: 3, triesSpent: 0 });
    for (let start = 0; start < 10; start++) {
      const by = `start ${start}`;
      expect(registry.spendTry(version, { by })).toMatchObject({ triesLeft: 2, openTries: [by] });
      expect(open(directory).returnTry(version, { by })).toMatchObject({ triesLeft: 3, openTries: [] });
      expect(registry.returnTry(version, { by }).triesLeft).toBe(3);
    }
    expect(open(directory).get('fees', version.id)).toMatchObject({ triesLeft: 3, triesSpent: 10 });
  });

  test('that nobody gives back count: nobody gives back what another spent', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'checked');
    registry.spendTry(version, { by: 'lost' });
    registry.spendTry(version, { by: 'stopped' });
    expect(registry.returnTry(version, { by: 'another' }).triesLeft).toBe(1);
    expect(registry.returnTry(version, { by: 'stopped' })).toMatchObject({ triesLeft: 2, openTries: ['lost'] });
    expect(registry.returnTry(version, { by: 'stopped' }).triesLeft).toBe(2);
  });

  test('are not given back to a version that was quarantined or became stable', async () => {
    const registry = open();
    const bad = await inState(registry, 'a', 'checked');
    registry.spendTry(bad);
    registry.quarantine(bad, 'crash in task');
    expect(() => registry.returnTry(bad)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
    expect(registry.retry(bad, 'an operator')).toMatchObject({ triesLeft: 3, openTries: [] });
    registry.spendTry(bad);
    expect(registry.markStable(bad)).toMatchObject({ triesLeft: 3, openTries: [] });
  });

  test('are new for a version that has none left after a retry, and only then', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'probation');
    expect(() => registry.retry(version, 'a developer')).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }),
    );
    registry.spendTry(version);
    registry.spendTry(version);
    const again = registry.retry(version, 'a developer', { reason: 'saved again' });
    expect(again).toMatchObject({ state: 'probation', triesLeft: 3, openTries: [], reason: 'saved again' });
  });

  test('are full again after a retry, a promotion, and a return to probation', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'unstable');
    expect(registry.retry(version, 'an operator')).toMatchObject({ triesLeft: 3, triesSpent: 1 });
    registry.spendTry(version);
    expect(registry.markStable(version).triesLeft).toBe(3);
    registry.markSuperseded(version);
    expect(registry.markProbation(version)).toMatchObject({ triesLeft: 3, triesSpent: 2 });
  });
});

describe('stability', () => {
  test('a module has one stable version: promoting another supersedes it', async () => {
    const registry = open();
    const one = await inState(registry, 'a', 'stable');
    const two = await inState(registry, 'b', 'stable');
    expect(registry.list('fees').map(({ id, state }) => [id, state])).toEqual([
      [two.id, 'stable'],
      [one.id, 'superseded'],
    ]);
  });

  test('a revert goes to the version that was stable last, by when it became so and not when it was built', async () => {
    const registry = open();
    const one = await inState(registry, 'a', 'stable');
    const two = await inState(registry, 'b', 'stable');
    const three = await inState(registry, 'c', 'stable');
    registry.markStable(one, { reason: 'an operator went back' });
    expect(registry.latestStable('fees')?.id).toBe(one.id);
    registry.quarantine(one, 'hang');
    expect(registry.latestStable('fees')?.id).toBe(three.id);
    registry.quarantine(three, 'hang');
    expect(registry.revertTarget('fees')?.id).toBe(two.id);
    registry.quarantine(two, 'hang');
    expect(registry.revertTarget('fees')).toBeUndefined();
  });

  test('a clock that goes backwards does not change what a revert goes to', async () => {
    let time = 1_000_000;
    const registry = openRegistry({ directory: temporaryDirectory(), now: () => (time -= 1000) });
    await inState(registry, 'a', 'stable');
    const two = await inState(registry, 'b', 'superseded');
    expect(registry.latestStable('fees')?.id).toBe(two.id);
  });

  test('a version that was superseded before it was ever stable is no target of a revert', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'probation');
    registry.markSuperseded(version);
    expect(registry.latestStable('fees')).toBeUndefined();
    expect(() => registry.markStable(version)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
  });

  test('the caller may leave out versions', async () => {
    const registry = open();
    const one = await inState(registry, 'a', 'stable');
    const two = await inState(registry, 'b', 'stable');
    expect(registry.revertTarget('fees', { except: two })?.id).toBe(one.id);
    expect(registry.revertTarget('fees', { satisfying: ({ id }) => id === one.id })?.id).toBe(one.id);
    expect(registry.revertTarget('fees', { satisfying: () => false })).toBeUndefined();
  });

  test('an illegal transition names both states and changes nothing', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'staged');
    expect(() => registry.markStable(version)).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_TRANSITION', from: 'staged', to: 'stable', hash: version.hash }),
    );
    expect(registry.list('fees')).toEqual([version]);
  });
});

describe('quarantine', () => {
  const states: VersionState[] = ['staged', 'checked', 'probation', 'stable', 'superseded', 'draining'];
  test.each(states)('makes a version that is %s unstable', async (state) => {
    const registry = open();
    const version = await inState(registry, 'a', state);
    expect(registry.quarantine(version, 'abort')).toMatchObject({
      state: 'unstable',
      reason: 'abort',
      stableAt: undefined,
    });
    expect(registry.latestStable('fees')).toBeUndefined();
  });

  test('of a purged version is remembered', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'purged');
    expect(registry.quarantine(version, 'late report').state).toBe('purged');
    await expect(add(registry, 'a')).rejects.toMatchObject({ code: 'VERSION_UNSTABLE', reason: 'late report' });
  });

  test('is idempotent; other reasons are added, a bounded number of them', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'unstable');
    const historyLength = registry.history('fees').length;
    registry.quarantine(version, version.reason);
    for (let index = 0; index < 20; index += 1) registry.quarantine(version, `report ${index}`);
    const after = registry.get('fees', version.id)!;
    expect(after.reason).toBe('SIGSEGV in task fees.collect #8812');
    expect(after.crashes.map(({ reason }) => reason)).toEqual([
      'SIGSEGV in task fees.collect #8812',
      ...Array.from({ length: 7 }, (_, index) => `report ${index}`),
    ]);
    expect(registry.history('fees')).toHaveLength(historyLength);
  });

  test('in the background is durable when it resolves, and the same reports at once make one transition', async () => {
    const directory = temporaryDirectory();
    const registry = open(directory);
    const version = await inState(registry, 'a', 'probation');
    const reports = Array.from({ length: 6 }, () => registry.quarantineInBackground(version, 'hang of 2000 ms'));
    for (const report of await Promise.all(reports)) expect(report.state).toBe('unstable');
    expect(open(directory).get('fees', version.id)?.crashes).toHaveLength(1);
    expect(registry.history('fees').filter(({ event }) => event === 'quarantine')).toHaveLength(1);
  });

  test('of a version that nobody added is refused', () => {
    const registry = open();
    const key = { module: 'fees', hash: '0'.repeat(64) };
    expect(() => registry.quarantine(key, 'x')).toThrow(expect.objectContaining({ code: 'UNKNOWN_VERSION' }));
  });
});

describe('purge', () => {
  test('deletes the bundle and keeps hash, state and reason', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'draining');
    expect(registry.purge(version)).toMatchObject({ state: 'purged', hash: version.hash });
    expect(readdirSync(`${registry.directory}/fees/bundles`)).toEqual([]);
    expect(() => registry.readBundle(version)).toThrow(expect.objectContaining({ code: 'BUNDLE_MISSING' }));
    expect(await add(registry, 'a')).toMatchObject({ state: 'staged', triesLeft: 3 });
    expect(registry.readBundle(version)).toEqual(Buffer.from('a'));
  });

  test('is refused for what may be running or wanted', async () => {
    const registry = open();
    for (const state of ['staged', 'checked', 'probation', 'stable', 'superseded'] as const) {
      const version = await inState(registry, state, state);
      expect(() => registry.purge(version)).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_TRANSITION', from: state }),
      );
    }
  });

  test('prune keeps the newest stable ones, and only drains what is in use', async () => {
    const registry = open();
    const versions: Version[] = [];
    for (const bundle of ['a', 'b', 'c', 'd', 'e']) versions.push(await inState(registry, bundle, 'stable'));
    const [a, b, c, d, e] = versions as [Version, Version, Version, Version, Version];
    const purged = registry.prune('fees', { keep: 1, inUse: [b.hash] });
    expect(purged.map(({ id }) => id).sort()).toEqual([a.id, c.id].sort());
    const states = new Map(registry.list('fees').map(({ id, state }) => [id, state]));
    expect([a, b, c, d, e].map(({ id }) => states.get(id))).toEqual([
      'purged',
      'draining',
      'purged',
      'superseded',
      'stable',
    ]);
    expect(readdirSync(`${registry.directory}/fees/bundles`).sort()).toEqual([b.hash, d.hash, e.hash].sort());
  });

  test('prune is content with a module that has nothing', () => {
    expect(open().prune('fees', { keep: 3 })).toEqual([]);
  });

  test('purged entries are bounded', async () => {
    const registry = open();
    for (let index = 0; index < 110; index += 1) {
      registry.markSuperseded(await add(registry, `bundle ${index}`));
      if (index % 55 === 54) registry.prune('fees', { keep: 0 });
    }
    expect(registry.list('fees')).toHaveLength(100);
  });
});

describe('bundles', () => {
  test('that were changed on disk are not handed out, and adding them again repairs them', async () => {
    const registry = open();
    const version = await inState(registry, 'some code', 'stable');
    writeFileSync(`${registry.directory}/fees/bundles/${version.hash}`, 'other code');
    expect(() => registry.readBundle(version)).toThrow(expect.objectContaining({ code: 'BUNDLE_CORRUPT' }));
    await add(registry, 'some code');
    expect(registry.readBundle(version)).toEqual(Buffer.from('some code'));
  });
});

describe('history', () => {
  test('tells each transition, from where, why, when and by whom', async () => {
    const registry = open();
    clock = 0;
    const version = await registry.add('fees', { bundle: 'a', source: 'fees.ts', by: 'dev' });
    registry.markChecked(version);
    registry.spendTry(version);
    registry.quarantine(version, 'crashed while loading', { by: 'clone' });
    registry.retry(version, 'an operator', { reason: 'disk was full' });
    expect(registry.history('fees').map(({ from, to, reason, at, by }) => [from, to, reason, at, by])).toEqual([
      [undefined, 'staged', 'built from fees.ts', 1000, 'dev'],
      ['staged', 'checked', 'its exports are valid', 2000, `pid ${process.pid}`],
      ['checked', 'unstable', 'crashed while loading', 3000, 'clone'],
      ['unstable', 'probation', 'disk was full', 4000, 'an operator'],
    ]);
  });

  test('is bounded: the beginning and the newest entries stay', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'unstable');
    for (let index = 0; index < 40; index += 1) {
      registry.retry(version, 'an operator');
      registry.quarantine(version, `crash ${index}`);
    }
    const history = registry.history('fees');
    expect(history).toHaveLength(50);
    expect([history[0]?.event, history.at(-1)?.reason]).toEqual(['add', 'crash 39']);
    expect(registry.get('fees', version.id)?.crashes.at(-1)?.reason).toBe('crash 39');
  });

  test('a reason of any length is kept, cut', async () => {
    const registry = open();
    const version = await inState(registry, 'a', 'probation');
    expect(registry.quarantine(version, 'x'.repeat(100_000)).reason).toHaveLength(2000);
  });
});

describe('the handle', () => {
  test('modules are told apart by case and listed', async () => {
    const registry = open();
    for (const name of ['fees', 'Fees', 'core', 'a-b']) await registry.add(name, { bundle: name, source: 'x.ts' });
    expect(registry.modules()).toEqual(['Fees', 'a-b', 'core', 'fees']);
    expect(registry.list('Fees')).toHaveLength(1);
  });

  test.each(['', '../etc', 'a.b', 'a/b', '1st', 'a'.repeat(65), 'ä', '_fees'])(
    'refuses %j as a name of a module',
    async (name) => {
      const registry = open();
      await expect(registry.add(name, { bundle: '', source: '' })).rejects.toMatchObject({ code: 'BAD_MODULE_NAME' });
      expect(() => registry.list(name)).toThrow(expect.objectContaining({ code: 'BAD_MODULE_NAME' }));
    },
  );

  test('unknown options are refused with a code', async () => {
    const registry = open();
    const unknown = expect.objectContaining({ code: 'UNKNOWN_OPTION' });
    expect(() => openRegistry({ directory: registry.directory, trys: 3 } as never)).toThrow(unknown);
    await expect(registry.add('fees', { bundle: '', source: '', nota: '' } as never)).rejects.toEqual(unknown);
    const version = await add(registry, 'a');
    expect(() => registry.markChecked(version, { because: 'x' } as never)).toThrow(unknown);
    expect(() => registry.prune('fees', { keep: 1, force: true } as never)).toThrow(unknown);
  });

  test('wrong arguments are TypeErrors and RangeErrors', async () => {
    const registry = open();
    expect(() => openRegistry({ directory: 'x', tries: 0 })).toThrow(RangeError);
    expect(() => openRegistry({ directory: 'x', lockTimeoutMs: 1.5 })).toThrow(RangeError);
    expect(() => registry.quarantine({ module: 'fees', hash: 'a1f3d2' }, 'x')).toThrow(TypeError);
    await expect(registry.add('fees', { bundle: 7 as never, source: '' })).rejects.toThrow(TypeError);
    await expect(registry.add('fees', { bundle: '', source: 'x'.repeat(1001) })).rejects.toThrow(RangeError);
    const tooLarge = new Uint8Array(64 * 2 ** 20 + 1);
    await expect(registry.add('fees', { bundle: tooLarge, source: '' })).rejects.toMatchObject({
      code: 'BUNDLE_TOO_LARGE',
    });
  });

  test('close is idempotent and final', async () => {
    const registry = open();
    await add(registry, 'a');
    registry.close();
    registry[Symbol.dispose]();
    expect(registry.status).toBe('closed');
    expect(() => registry.list('fees')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(add(registry, 'b')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('one change is one new file: the generation before is kept beside it', async () => {
    const registry = open();
    const version = await add(registry, 'a');
    const path = `${registry.directory}/fees/record.jsonl`;
    const before = readFileSync(path);
    registry.markChecked(version);
    expect(readFileSync(`${path}.bak`)).toEqual(before);
    expect(readdirSync(`${registry.directory}/fees`).sort()).toEqual(['bundles', 'record.jsonl', 'record.jsonl.bak']);
  });
});

describe('beginTry', () => {
  test('begins the probation and spends the try in one change', async () => {
    const registry = open();
    const checked = registry.markChecked(await add(registry, 'bundle'));
    const generation = registry.history('fees').at(-1)?.generation as number;
    const begun = await registry.beginTry(checked, { by: 'main' });
    expect(begun).toMatchObject({ state: 'probation', triesLeft: checked.triesLeft - 1, openTries: ['main'] });
    expect(registry.history('fees').at(-1)?.generation).toBe(generation + 1);
    expect(registry.returnTry(begun, { by: 'main' }).triesLeft).toBe(checked.triesLeft);
  });

  test('of a version without tries, or one that may not be tried, changes nothing', async () => {
    const registry = open();
    const version = registry.markChecked(await add(registry, 'bundle'));
    for (let load = 0; load < version.triesLeft; load += 1) await registry.beginTry(version);
    const before = registry.get('fees', version.id);
    await expect(registry.beginTry(version)).rejects.toMatchObject({ code: 'NO_TRIES_LEFT' });
    expect(registry.get('fees', version.id)).toEqual(before);
    const bad = registry.quarantine(await add(registry, 'bad'), 'it crashed');
    await expect(registry.beginTry(bad)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    expect(registry.get('fees', bad.id)).toEqual(bad);
  });
});

describe('reportCrash', () => {
  test('keeps the state, the newest eight reports, and their stacks', async () => {
    const registry = open();
    const version = await inState(registry, 'bundle', 'stable');
    for (let crash = 1; crash <= 10; crash += 1)
      registry.reportCrash(version, `crash ${crash}`, { by: 'launcher', stack: `Error\n    at fees.ts:${crash}` });
    const { state, stableAt, crashes } = open(registry.directory).get('fees', version.id) as Version;
    expect({ state, stableAt }).toEqual({ state: 'stable', stableAt: version.stableAt });
    expect(crashes.map(({ reason }) => reason)).toEqual([3, 4, 5, 6, 7, 8, 9, 10].map((crash) => `crash ${crash}`));
    expect(crashes.at(-1)?.stack).toBe('Error\n    at fees.ts:10');
  });
});
