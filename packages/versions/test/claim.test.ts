// The lock: stepped over when its owner is dead, never taken from one who lives, and no wait without an end.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { tryClaim } from '../src/claim.ts';
import type { Registry, Version } from '../src/index.ts';
import { nodeFileSystem, openRegistry } from '../src/index.ts';
import { livenessOf, ownIdentity } from '../src/thread-identity.ts';
import { ChildProgram } from './child-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const [host, boot, namespace] = ownIdentity().split(',') as [string, string, string];

async function prepare(lockTimeoutMs = 10_000): Promise<{ registry: Registry; version: Version }> {
  const registry = openRegistry({ directory: temporaryDirectory(), lockTimeoutMs });
  const version = await registry.add('fees', { bundle: 'a', source: 'fees.ts' });
  return { registry, version: registry.markChecked(version) };
}

/** Starts a process that stops for ever while it holds the claim. */
async function holder(directory: string): Promise<ChildProgram> {
  for (let stop = 1; ; stop += 1) {
    const child = new ChildProgram('one-change.mjs', [directory, 'spendTry', String(stop), 'none']);
    await child.until((text) => text.startsWith('at '));
    if (readdirSync(`${directory}/fees`).some((name) => name.startsWith('claim-'))) return child;
    await child.kill();
  }
}

describe('liveness', () => {
  test('of the calling thread is self, of its process with another thread or start time dead', () => {
    const [pid, tid, start] = ownIdentity().split(',').slice(3) as [string, string, string];
    expect(livenessOf(ownIdentity())).toBe('self');
    expect(livenessOf([host, boot, namespace, pid, tid, Number(start) + 1].join(','))).toBe('dead');
    expect(livenessOf([host, boot, namespace, pid, 2 ** 22 + 1, start].join(','))).toBe('dead');
  });

  test('of a process of before the reboot is dead, of another host or container unknown, of nonsense unknown', () => {
    expect(livenessOf([host, 'another-boot', namespace, 1, 1, 1].join(','))).toBe('dead');
    expect(livenessOf(['another-host', boot, namespace, 1, 1, 1].join(','))).toBe('unknown');
    expect(livenessOf([host, boot, '4026532999', 1, 1, 1].join(','))).toBe('unknown');
    for (const nonsense of ['', ',,,,,', 'a,b,c,d,e,f', `${host},${boot},${namespace},-1,-1,0`]) {
      expect(livenessOf(nonsense)).toBe('unknown');
    }
    expect(hostname()).toBe(decodeURIComponent(host));
  });

  test('of a child is alive while it runs, also when it is stopped, and dead once it was killed', async () => {
    const { registry } = await prepare();
    const child = await holder(registry.directory);
    const claim = readdirSync(`${registry.directory}/fees`).find((name) => name.startsWith('claim-'))!;
    const identity = readlinkSync(`${registry.directory}/fees/${claim}`);
    expect(identity.split(',')[3]).toBe(String(child.process.pid));
    expect(livenessOf(identity)).toBe('alive');
    child.process.kill('SIGSTOP');
    expect(livenessOf(identity)).toBe('alive');
    await child.kill();
    expect(livenessOf(identity)).toBe('dead');
  });
});

describe('a claim', () => {
  test('of a living process is waited for and then named in a coded error; once it is killed the change goes through', async () => {
    const { registry, version } = await prepare();
    const child = await holder(registry.directory);
    const impatient = openRegistry({ directory: registry.directory, lockTimeoutMs: 60 });
    const refusal = { code: 'LOCK_TIMEOUT', message: expect.stringContaining(`pid ${child.process.pid} `) };
    expect(() => impatient.spendTry(version)).toThrow(expect.objectContaining(refusal));
    await expect(impatient.quarantineInBackground(version, 'x')).rejects.toMatchObject(refusal);
    expect(impatient.get('fees', version.id)).toEqual(version);
    await child.kill();
    expect(impatient.spendTry(version).triesLeft).toBe(2);
  });

  test('of a terminated worker is stepped over although its process lives', async () => {
    const { registry } = await prepare();
    const child = await holder(registry.directory);
    const stop = /^at (\d+)/.exec(child.output)![1]!;
    await child.kill();
    for (const name of readdirSync(`${registry.directory}/fees`)) {
      if (name.startsWith('claim-')) unlinkSync(`${registry.directory}/fees/${name}`);
    }
    const program = new ChildProgram('worker-in-change.mjs', [registry.directory, 'spendTry', stop]);
    const output = await program.until((text) => text.includes('after'));
    expect(output).toContain('while it lived: LOCK_TIMEOUT, after: 1 spent');
  });

  test.each([1, 2, 7])('is granted after %i dead owners of the same generation', async (deadCount) => {
    const { registry, version } = await prepare();
    const dead = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
    for (let number = 1; number <= deadCount; number += 1) {
      symlinkSync([host, boot, namespace, dead, dead, 12].join(','), `${registry.directory}/fees/claim-3.${number}`);
    }
    expect(registry.spendTry(version).triesLeft).toBe(2);
    expect(readdirSync(`${registry.directory}/fees`).sort()).toEqual(
      ['bundles', 'record.jsonl', 'record.jsonl.bak', ...claims(deadCount)].sort(),
    );
    openRegistry({ directory: registry.directory }).spendTry(version); // a new handle clears away what the dead left
    expect(readdirSync(`${registry.directory}/fees`).sort()).toEqual(['bundles', 'record.jsonl', 'record.jsonl.bak']);
  });

  test('of another container is not taken, but said', async () => {
    const { registry, version } = await prepare(60);
    symlinkSync([host, boot, '4026532999', 1, 1, 12].join(','), `${registry.directory}/fees/claim-3.1`);
    expect(() => registry.spendTry(version)).toThrow(expect.objectContaining({ code: 'LOCK_TIMEOUT' }));
  });

  test('of a generation that has passed is void, and its maker removes it', () => {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/fees`);
    expect(tryClaim(nodeFileSystem, `${directory}/fees`, 4, () => 5)).toEqual({ kind: 'moved' });
    expect(readdirSync(`${directory}/fees`)).toEqual([]);
  });

  test('is void if a lower one, thought dead, was taken anew in between', () => {
    const directory = temporaryDirectory();
    const path = `${directory}/claim-5.1`;
    symlinkSync([host, 'another-boot', namespace, 1, 1, 1].join(','), path);
    const fileSystem = {
      ...nodeFileSystem,
      symlink(text: string, newPath: string) {
        nodeFileSystem.symlink(text, newPath);
        // Its owner had released it before he died, and a living one was quicker.
        nodeFileSystem.unlink(path);
        nodeFileSystem.symlink([host, boot, namespace, 1, 1, 1].join(','), path);
      },
    };
    expect(tryClaim(fileSystem, directory, 4, () => 4)).toEqual({ kind: 'moved' });
    expect(readdirSync(directory)).toEqual(['claim-5.1']);
  });
});

function claims(count: number): string[] {
  // Swept once per handle, at its first change; the handle of the test has made that one already.
  return Array.from({ length: count }, (_, index) => `claim-3.${index + 1}`);
}
