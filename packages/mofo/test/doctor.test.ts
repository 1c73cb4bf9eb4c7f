// Each finding on a machine that has it, made of files; and this machine, by the real command.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Patient } from '../src/doctor/finding.ts';
import { examine } from '../src/doctor/index.ts';
import { runMofo } from './runtime/support/test-app.ts';

const MIB = 2 ** 20;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-doctor-'));
  put('proc/self/cgroup', '0::/\n');
  put('proc/meminfo', 'MemTotal:       16000000 kB\n');
  put('proc/self/limits', 'Max open files            65536                65536                files\n');
  put('proc/self/status', 'Name:\tnode\nNSpid:\t17\n');
  put('sys/devices/system/clocksource/clocksource0/current_clocksource', 'tsc\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function patient(over: Partial<Patient> = {}): Patient {
  const at = (name: string): string => join(folder, name);
  return {
    roots: {
      ...{ proc: at('proc'), sys: at('sys'), etc: at('etc'), run: at('run'), usrLib: at('usr/lib') },
      ...{ varLib: at('var/lib'), shm: '/dev/shm' },
    },
    storeBytes: MIB,
    heldBytes: 0,
    user: { uid: 1000, name: 'ann' },
    kernel: '6.6.0-13-generic',
    nodeVersion: 'v20.19.0',
    nodeFlags: ['--enable-source-maps'],
    ...over,
  };
}

function codes(over: Partial<Patient> = {}): string[] {
  return examine(patient(over)).map(({ code }) => code);
}

describe('the doctor', () => {
  it('finds nothing on a machine on which nothing hurts', () => {
    expect(codes()).toEqual([]);
  });

  it('gives each finding a remedy, warnings first', () => {
    put('proc/self/limits', 'Max open files            256                65536                files\n');
    const findings = examine(patient({ storeBytes: 2 ** 50 }));
    expect(findings.map(({ level }) => level)).toEqual(['warning', 'warning', 'note']);
    for (const { message, remedy } of findings) expect(`${message} ${remedy}`.length).toBeGreaterThan(60);
  });

  it.each([
    ['a /dev/shm smaller than store and backup', { storeBytes: 2 ** 50 }, 'SHM_SMALL'],
    ['a kernel without MADV_COLLAPSE', { kernel: '5.15.0' }, 'HUGE_PAGES_NONE'],
    ['a Node that is not tested', { nodeVersion: 'v18.20.4' }, 'NODE_OLD'],
    ['the inspector', { nodeFlags: ['--inspect=9229'] }, 'NODE_INSPECT'],
    ['a Node that compiles nothing', { nodeFlags: ['--jitless'] }, 'NODE_NO_JIT'],
  ] as const)('finds %s', (_name, over, code) => {
    expect(codes(over)).toContain(code);
  });

  it('finds that stores would live on a disk, or nowhere', () => {
    const { roots } = patient();
    expect(codes({ roots: { ...roots, shm: join(folder, 'none') } })).toEqual(['SHM_MISSING']);
    expect(codes({ roots: { ...roots, shm: '/proc' } })).toContain('SHM_NO_TMPFS');
  });

  it('takes what the store holds already for free', () => {
    const all = examine(patient({ storeBytes: 2 ** 50, heldBytes: 2 ** 51 })).map(({ code }) => code);
    expect(all).toContain('SHM_SMALL');
    expect(codes({ heldBytes: 2 * MIB })).toEqual([]);
  });

  it('finds the memory limit of the group, and of those above it', () => {
    put('proc/self/cgroup', '0::/system.slice/app.service\n');
    put('sys/fs/cgroup/system.slice/app.service/memory.max', 'max\n');
    put('sys/fs/cgroup/system.slice/memory.max', `${64 * MIB}\n`);
    expect(codes({ storeBytes: 32 * MIB })).toEqual([]);
    const [finding] = examine(patient({ storeBytes: 33 * MIB }));
    expect(finding).toMatchObject({
      code: 'MEMORY_SMALL',
      message: expect.stringContaining('/system.slice is 64 MiB'),
    });
  });

  it("finds that logind deletes the store at the user's last logout, unless it is told otherwise", () => {
    expect(codes()).not.toContain('REMOVE_IPC');
    put('run/systemd/users/1000', '');
    put('etc/systemd/logind.conf', '#RemoveIPC=no\n');
    expect(codes()).toEqual(['REMOVE_IPC']);
    expect(codes({ user: { uid: 33, name: 'www-data' } })).toEqual([]);
    put('usr/lib/systemd/logind.conf.d/10-vendor.conf', '[Login]\nRemoveIPC=no\n');
    expect(codes()).toEqual([]);
    put('etc/systemd/logind.conf.d/20-own.conf', '[Login]\nRemoveIPC=yes\n');
    expect(codes()).toEqual(['REMOVE_IPC']);
    put('var/lib/systemd/linger/ann', '');
    expect(codes()).toEqual([]);
  });

  it('finds few open files, process numbers of their own, and a slow clock', () => {
    put('proc/self/limits', 'Max open files            1024                65536                files\n');
    put('proc/self/status', 'NSpid:\t917\t1\n');
    put('sys/devices/system/clocksource/clocksource0/current_clocksource', 'hpet\n');
    expect(codes().sort()).toEqual(['CLOCK_SLOW', 'OPEN_FILES_FEW', 'PID_NAMESPACE']);
  });
});

describe('mofo doctor', () => {
  it('says nothing worse of this machine than it has, without an application too', async () => {
    const { code, value, stderr } = await runMofo(folder, ['doctor', '--json']);
    expect(stderr).toBe('');
    const warnings = value.findings.filter(({ level }: { level: string }) => level === 'warning');
    expect(code).toBe(warnings.length > 0 ? 5 : 0);
    for (const { code: finding, message, remedy } of value.findings)
      expect([finding, message, remedy]).toEqual([
        expect.stringMatching(/^[A-Z_]+$/),
        expect.any(String),
        expect.any(String),
      ]);
  });

  it('finds that the store of an application is larger than shared memory', async () => {
    mkdirSync(join(folder, 'modules'));
    writeFileSync(join(folder, 'modules/a.ts'), '');
    const config = { name: 'a', store: { name: `doctor-${process.pid}`, sizeBytes: '64GiB' } };
    writeFileSync(join(folder, 'mofo.config.json'), JSON.stringify(config));
    const { code, value } = await runMofo(folder, ['doctor', '--json']);
    const found = value.findings.map((finding: { code: string }) => finding.code);
    // 128 GiB with its backup: no machine that runs tests has that in /dev/shm.
    expect(found).toContain('SHM_SMALL');
    expect(code).toBe(5);
  });
});
