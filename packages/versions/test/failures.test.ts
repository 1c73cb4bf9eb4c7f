// Bad disks and bad bytes: every failure has a code, leaves the registry as it was, and the next call works once the cause is gone.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FileSystem, Registry } from '../src/index.ts';
import { nodeFileSystem, openRegistry } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const withCode = (code: string): unknown => expect.objectContaining({ code });

/** A file system whose `call` fails with an error of the system from the `from`-th time on, until it is repaired. */
function failing(call: keyof FileSystem, code: string, from: number): { fileSystem: FileSystem; repair: () => void } {
  let count = 0;
  let isBroken = true;
  const wrapped = (...args: never[]): unknown => {
    count += 1;
    if (isBroken && count >= from) throw Object.assign(new Error(`${code}: injected`), { code });
    return (nodeFileSystem[call] as (...args: never[]) => unknown)(...args);
  };
  return { fileSystem: { ...nodeFileSystem, [call]: wrapped }, repair: () => (isBroken = false) };
}

async function prepared(): Promise<Registry> {
  const registry = openRegistry({ directory: temporaryDirectory() });
  registry.markChecked(await registry.add('fees', { bundle: 'a', source: 'fees.ts' }));
  return registry;
}

describe('a failing disk', () => {
  const cases: [keyof FileSystem, string, number, string][] = [
    ['openNew', 'ENOSPC', 1, 'NO_SPACE'],
    ['write', 'ENOSPC', 1, 'NO_SPACE'],
    ['write', 'EDQUOT', 1, 'NO_SPACE'],
    ['sync', 'EIO', 1, 'IO_ERROR'],
    ['symlink', 'EROFS', 1, 'READ_ONLY'],
    ['symlink', 'ENOSPC', 1, 'NO_SPACE'],
    ['link', 'ENOSPC', 1, 'NO_SPACE'],
    ['rename', 'EIO', 1, 'IO_ERROR'],
    ['rename', 'ENOSPC', 2, 'NO_SPACE'],
    ['openNew', 'EACCES', 1, 'READ_ONLY'],
    ['openNew', 'ENOENT', 1, 'DIRECTORY_MISSING'],
  ];
  test.each(cases)(
    '%s failing with %s (time %i on) is %s; nothing changes, and it goes on once repaired',
    async (call, system, from, code) => {
      const { directory } = await prepared();
      const { fileSystem, repair } = failing(call, system, from);
      const registry = openRegistry({ directory, fileSystem, lockTimeoutMs: 100 });
      const [version] = registry.list('fees');
      expect(() => registry.spendTry(version!)).toThrow(withCode(code));
      expect(registry.list('fees')).toEqual([version]);
      repair();
      expect(registry.spendTry(version!).triesLeft).toBe(2);
      expect(readdirSync(`${directory}/fees`).filter((name) => /claim|temporary/.test(name))).toEqual([]);
    },
  );

  test.each(['ENOSPC', 'EIO'])('a bundle that cannot be written (%s) is entered nowhere', async (system) => {
    const { directory } = await prepared();
    const { fileSystem, repair } = failing('writeNewFile', system, 1);
    const registry = openRegistry({ directory, fileSystem });
    const code = system === 'EIO' ? 'IO_ERROR' : 'NO_SPACE';
    await expect(registry.add('fees', { bundle: 'b', source: 'b.ts' })).rejects.toEqual(withCode(code));
    await expect(registry.quarantineInBackground(registry.list('fees')[0]!, 'x')).rejects.toEqual(withCode(code));
    expect(registry.list('fees').map(({ state }) => state)).toEqual(['checked']);
    repair();
    await registry.add('fees', { bundle: 'b', source: 'b.ts' });
    expect(registry.list('fees')).toHaveLength(2);
  });

  test('a missing directory is said, if it may not be made', () => {
    const directory = `${temporaryDirectory()}/not/there`;
    expect(() => openRegistry({ directory, create: false })).toThrow(withCode('DIRECTORY_MISSING'));
    expect(openRegistry({ directory }).modules()).toEqual([]);
  });

  test('a file in the place of the directory is said', () => {
    const directory = `${temporaryDirectory()}/file`;
    writeFileSync(directory, '');
    expect(() => openRegistry({ directory })).toThrow(withCode('DIRECTORY_MISSING'));
    expect(() => openRegistry({ directory: `${directory}/below` })).toThrow(
      expect.objectContaining({ code: expect.any(String) }),
    );
  });

  test('a registry that is removed while it is open is said, and made again by the next add', async () => {
    const registry = await prepared();
    const [version] = registry.list('fees');
    rmSync(registry.directory, { recursive: true });
    expect(registry.list('fees')).toEqual([]);
    expect(() => registry.spendTry(version!)).toThrow(withCode('UNKNOWN_VERSION'));
    await expect(registry.add('fees', { bundle: 'a', source: 'a.ts' })).rejects.toEqual(withCode('DIRECTORY_MISSING'));
    const again = openRegistry({ directory: registry.directory });
    expect((await again.add('fees', { bundle: 'a', source: 'a.ts' })).state).toBe('staged');
  });

  test.runIf(process.getuid?.() === 0)('a directory of another user can be read and not changed', async () => {
    const registry = await prepared();
    const [version] = registry.list('fees');
    process.setegid?.(65_534);
    process.seteuid?.(65_534);
    try {
      expect(() => registry.list('fees')).toThrow(withCode('READ_ONLY'));
      expect(() => registry.spendTry(version!)).toThrow(withCode('READ_ONLY'));
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
    expect(registry.spendTry(version!).triesLeft).toBe(2);
  });
});

describe('a damaged record', () => {
  test('any single changed bit, and any missing end, is told from a good one', async () => {
    const registry = await prepared();
    const path = `${registry.directory}/fees/record.jsonl`;
    const good = readFileSync(path);
    for (let index = 0; index < good.length; index += 1) {
      const bad = Buffer.from(good);
      bad[index]! ^= 1 << (index % 8);
      writeFileSync(path, bad);
      expect(() => registry.list('fees')).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(REGISTRY_CORRUPT|FORMAT_UNKNOWN)$/) }),
      );
      writeFileSync(path, good.subarray(0, index));
      expect(() => registry.list('fees')).toThrow(withCode('REGISTRY_CORRUPT'));
    }
    writeFileSync(path, good);
    expect(registry.list('fees')).toHaveLength(1);
  });

  test('stops changes as well, says where the generation before is, and copying that over works', async () => {
    const registry = await prepared();
    const [version] = registry.list('fees');
    const path = `${registry.directory}/fees/record.jsonl`;
    writeFileSync(path, 'garbage');
    const refusal = { code: 'REGISTRY_CORRUPT', message: expect.stringContaining(`${path}.bak`) };
    expect(() => registry.spendTry(version!)).toThrow(expect.objectContaining(refusal));
    await expect(registry.add('fees', { bundle: 'b', source: 'b' })).rejects.toMatchObject(refusal);
    expect(readFileSync(path, 'utf8')).toBe('garbage');
    cpSync(`${path}.bak`, path);
    expect(registry.list('fees').map(({ state }) => state)).toEqual(['staged']);
  });

  test('that is gone while its predecessor is there is not taken for an empty registry', async () => {
    const registry = await prepared();
    rmSync(`${registry.directory}/fees/record.jsonl`);
    expect(() => registry.list('fees')).toThrow(withCode('REGISTRY_CORRUPT'));
  });

  test('leaves the other modules alone', async () => {
    const registry = await prepared();
    await registry.add('accounts', { bundle: 'a', source: 'accounts.ts' });
    writeFileSync(`${registry.directory}/fees/record.jsonl`, '');
    expect(registry.list('accounts')).toHaveLength(1);
  });

  test('of a newer format is refused with a code and left alone', async () => {
    const registry = await prepared();
    const path = `${registry.directory}/fees/record.jsonl`;
    const newer = '{"magic":"mofo-versions","format":2,"else":"unknown"}\n\u0000\u0001';
    writeFileSync(path, newer);
    expect(() => registry.list('fees')).toThrow(withCode('FORMAT_UNKNOWN'));
    await expect(registry.add('fees', { bundle: 'b', source: 'b' })).rejects.toEqual(withCode('FORMAT_UNKNOWN'));
    expect(readFileSync(path, 'utf8')).toBe(newer);
  });

  test('about another module is refused', async () => {
    const registry = await prepared();
    mkdirSync(`${registry.directory}/other`);
    cpSync(`${registry.directory}/fees/record.jsonl`, `${registry.directory}/other/record.jsonl`);
    expect(() => registry.list('other')).toThrow(withCode('REGISTRY_CORRUPT'));
  });
});

describe('format 1', () => {
  test('a registry written by the first release opens, and can be changed', () => {
    const directory = temporaryDirectory();
    cpSync(fileURLToPath(new URL('./fixtures/format-1', import.meta.url)), directory, { recursive: true });
    const registry = openRegistry({ directory, create: false });
    expect(registry.modules()).toEqual(['fees']);
    expect(registry.list('fees').map(({ id, state, reason, triesSpent }) => [id, state, reason, triesSpent])).toEqual(
      fixture,
    );
    const stable = registry.latestStable('fees')!;
    expect(Buffer.from(registry.readBundle(stable)).toString()).toBe('exports.fee = (amount) => amount * 0.01;\n');
    registry.markSuperseded(stable);
    expect(registry.latestStable('fees')?.state).toBe('superseded');
  });
});

const fixture = [
  ['9a0274', 'staged', 'built from modules/fees.ts', 0],
  ['40ac54', 'unstable', 'SIGABRT in task fees.collect #8812', 2],
  ['1735d4', 'stable', 'passed its probation', 1],
  ['6c3fd7', 'purged', 'no longer needed', 1],
];
