// Reservation: what cannot be had is refused with a code, before anybody could touch it; never SIGBUS, never an out-of-memory kill.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ShmStoreError } from '../src/errors.ts';
import { CONTROL_RESERVED_GRANULES, CONTROL_SLOTS, SLOT_BYTES, SLOT_JOURNAL_RESERVED } from '../src/layout.ts';
import { loadNative } from '../src/native.ts';
import type { NativeStore } from '../src/native-binding.ts';
import { listStores, openSegments } from '../src/open.ts';
import { startProgram } from './support/run-program.ts';
import { destroyTestStores, uniqueName } from './support/test-stores.ts';

const MIB = 2 ** 20;

afterEach(destroyTestStores);

function codeOf(body: () => void): string {
  try {
    body();
  } catch (error) {
    if (error instanceof ShmStoreError) return error.code;
    throw error;
  }
  return 'none';
}

function reservedBytes(store: NativeStore): number {
  return new Uint32Array(store.control, CONTROL_RESERVED_GRANULES, 1)[0]! * 16;
}

describe('in a transaction', () => {
  test('main grows in steps up to its size and then says STORE_FULL', () => {
    const store = openSegments({ name: uniqueName(), sizeBytes: 4 * MIB });
    const first = reservedBytes(store);
    expect(first).toBe(16384 + MIB);
    store.transaction(() => {
      store.reserveMain(first / 16);
      expect(reservedBytes(store)).toBe(first);
      store.reserveMain(first / 16 + 1);
      expect(reservedBytes(store)).toBeGreaterThanOrEqual(2 * MIB);
      store.reserveMain((4 * MIB) / 16);
      expect(reservedBytes(store)).toBe(4 * MIB);
      expect(codeOf(() => store.reserveMain((4 * MIB) / 16 + 1))).toBe('STORE_FULL');
      expect(codeOf(() => store.reserveMain(2 ** 40))).toBe('STORE_FULL');
      return 0;
    });
    store.close();
  });

  test('journal and undo range grow to their ends and then say JOURNAL_FULL', () => {
    const store = openSegments({ name: uniqueName(), sizeBytes: MIB });
    const words = new Uint32Array(store.control, CONTROL_SLOTS + store.slot * SLOT_BYTES + SLOT_JOURNAL_RESERVED, 2);
    expect([...words]).toEqual([16, 16]);
    store.transaction(() => {
      store.reserveJournal(65537);
      expect(words[0]).toBe(32);
      store.reserveJournal(store.journalCapacityBytes);
      store.reserveUndo(store.undoCapacityBytes);
      expect([...words]).toEqual([(2 * MIB) / 4096, MIB / 4096]);
      expect(codeOf(() => store.reserveJournal(store.journalCapacityBytes + 1))).toBe('JOURNAL_FULL');
      expect(codeOf(() => store.reserveUndo(store.undoCapacityBytes + 1))).toBe('JOURNAL_FULL');
      return 0;
    });
    store.close();
  });

  test('the memory of a long journal is given back when the slot is claimed again', () => {
    const name = uniqueName();
    const keeper = openSegments({ name, sizeBytes: 16 * MIB });
    const backed = (): number => listStores().find((store) => store.name === name)!.backedBytes;
    const store = openSegments({ name });
    const before = backed();
    store.transaction(() => {
      store.reserveJournal(16 * MIB);
      expect(store.journal.byteLength).toBe(16 * MIB);
      return 0;
    });
    expect(backed()).toBeGreaterThanOrEqual(before + 15 * MIB);
    store.close();
    const next = openSegments({ name });
    expect(next.slot).toBe(store.slot);
    expect(backed()).toBe(before);
    next.close();
    keeper.close();
  });

  test.each([
    ['a negative number', -1],
    ['a fraction', 1.5],
    ['no number', 'many'],
    ['NaN', Number.NaN],
  ])('%s is INVALID_ARGUMENT', (_, value) => {
    const store = openSegments({ name: uniqueName(), sizeBytes: MIB });
    store.transaction(() => {
      expect(codeOf(() => store.reserveMain(value as number))).toBe('INVALID_ARGUMENT');
      return 0;
    });
    store.close();
  });

  test('outside of one everything is NO_TRANSACTION, after close CLOSED', () => {
    const store = openSegments({ name: uniqueName(), sizeBytes: MIB });
    for (const code of ['NO_TRANSACTION', 'CLOSED']) {
      expect(codeOf(() => store.reserveMain(1))).toBe(code);
      expect(codeOf(() => store.reserveJournal(1))).toBe(code);
      expect(codeOf(() => store.reserveUndo(1))).toBe(code);
      store.close();
    }
  });

  test('a store of 64 GiB reserves only the part of its slab table that is used, and shows no more than is reserved', () => {
    const name = uniqueName();
    const store = openSegments({ name, sizeBytes: 64 * 2 ** 30 });
    expect(store.windows.map(({ byteLength }) => byteLength)).toEqual([80 * MIB]);
    expect(reservedBytes(store)).toBeGreaterThan(64 * MIB);
    expect(listStores().find((info) => info.name === name)!.backedBytes).toBeLessThan(4 * MIB);
    store.close();
  });

  test('what another process reserved is shown when asked for, over the same memory, up to the end of the last window', () => {
    const store = openSegments({ name: uniqueName(), sizeBytes: 64 * 2 ** 30 });
    const first = store.windows;
    new Uint8Array(first[0]!)[4000] = 7;
    store.showMain(1);
    expect(store.windows).toBe(first);
    store.showMain((200 * MIB) / 16);
    expect(store.windows.map(({ byteLength }) => byteLength)).toEqual([320 * MIB]);
    expect(new Uint8Array(store.windows[0]!)[4000]).toBe(7);
    new Uint8Array(store.windows[0]!)[4000] = 8;
    expect(new Uint8Array(first[0]!)[4000]).toBe(8);
    store.showMain(2 ** 28 + 1);
    expect(store.windows.map(({ byteLength }) => byteLength)).toEqual([2 ** 32, 16 * MIB]);
    const [whole] = store.windows;
    store.showMain(2 ** 40);
    expect(store.windows).toHaveLength(16);
    expect(store.windows.every(({ byteLength }) => byteLength === 2 ** 32)).toBe(true);
    expect(store.windows[0]).toBe(whole);
    store.close();
  });
});

describe('huge pages', () => {
  /** Bytes of the store's main that this process has mapped by huge pages. */
  function hugeBytes(name: string): number {
    let isMain = false;
    let bytes = 0;
    for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
      if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isMain = line.endsWith(`mofo.${name}.main`);
      const match = isMain ? /^ShmemPmdMapped:\s+(\d+) kB$/.exec(line) : null;
      if (match !== null) bytes += Number(match[1]) * 1024;
    }
    return bytes;
  }

  function grow(hugePages?: boolean): { name: string; bytes: number; backed: number } {
    const name = uniqueName();
    const store = openSegments({ name, sizeBytes: 256 * MIB, ...(hugePages === undefined ? {} : { hugePages }) });
    store.transaction(() => {
      for (let at = MIB; at <= 64 * MIB; at += MIB) store.reserveMain(at / 16);
      new Uint8Array(store.windows[0]!).fill(1, 2 * MIB, 64 * MIB);
      return 0;
    });
    const bytes = hugeBytes(name);
    store.close();
    return { name, bytes, backed: listStores().find((info) => info.name === name)!.backedBytes };
  }

  test('back what is reserved from 8 MiB on, and take no more memory than 4 KiB pages do', (context) => {
    const small = grow(false);
    expect(small.bytes).toBe(0);
    const huge = grow();
    if (huge.bytes === 0) {
      console.warn('SKIPPED: this kernel gives no huge pages here (Linux before 6.1, or memory too fragmented).');
      context.skip();
    }
    expect(huge.bytes).toBeGreaterThanOrEqual(48 * MIB);
    expect(huge.backed).toBe(small.backed);
  });

  test('are on or off, and nothing else', () => {
    expect(codeOf(() => openSegments({ name: uniqueName(), sizeBytes: MIB, hugePages: 'yes' as never }))).toBe(
      'INVALID_ARGUMENT',
    );
  });
});

describe('on a small /dev/shm of its own', () => {
  const unshare = ['unshare', '-m'];
  let isPermitted = false;
  beforeAll(() => {
    isPermitted = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm']).status === 0;
    if (!isPermitted)
      console.warn('SKIPPED: no private mount namespace may be made here, so a full /dev/shm is not tried.');
  });

  test('a store that outgrows it gets SHM_FULL, keeps what it has, and every reserved byte can be written', async (context) => {
    if (!isPermitted) context.skip();
    const program = startProgram('full-shm.mjs', ['16'], { command: unshare });
    const report = await program.next();
    expect(await program.ended).toBe('0');
    expect(report).toMatchObject({ code: 'SHM_FULL', journalCode: 'SHM_FULL', undoCode: 'SHM_FULL' });
    expect(report.reservedBytes).toBeGreaterThanOrEqual(6 * MIB);
    expect(report.reservedBytes).toBeLessThan(8 * MIB);
    // Nothing that was refused stays allocated.
    expect(Number(report.freeBytes)).toBeLessThan(MIB);
  });

  test.for([
    ['without room for anything', '16', 'leave:0', 'SHM_FULL'],
    ['with room for the control segment only', '16', 'leave:200000', 'SHM_FULL'],
    ['with room for main but not for backup', '16', 'leave:2000000', 'SHM_FULL'],
    ['that is read-only', '16', 'ro', 'SHM_READ_ONLY'],
  ])('one %s refuses to make a store', async ([, size, mode, code], context) => {
    if (!isPermitted) context.skip();
    const program = startProgram('full-shm.mjs', [size!, mode!], { command: unshare });
    expect(await program.next()).toEqual({ openCode: code });
    expect(await program.ended).toBe('0');
  });
});

describe('memory limits', () => {
  let roots = '';
  afterEach(() => rmSync(roots, { recursive: true, force: true }));

  /** Writes the given kernel files below a folder of its own and asks what is available. */
  function availableWith(files: Readonly<Record<string, string>>): number {
    roots = mkdtempSync(join(tmpdir(), 'mofo-limits-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(roots, path)), { recursive: true });
      writeFileSync(join(roots, path), text);
    }
    return loadNative().availableMemoryBytes(join(roots, 'proc'), join(roots, 'cgroup'));
  }

  const meminfo = 'MemTotal:       10485760 kB\nMemFree:          10 kB\nMemAvailable:    8388608 kB\n';
  const machine = 8 * 2 ** 30 - 64 * MIB;
  const v1Unlimited = '9223372036854771712\n';

  test.each<[string, Record<string, string>, number]>([
    ['of the machine alone', { 'proc/meminfo': meminfo }, machine],
    [
      'of a small machine: the margin is 5 %',
      { 'proc/meminfo': 'MemTotal: 102400 kB\nMemAvailable: 51200 kB\n' },
      (51200 - 5120) * 1024,
    ],
    [
      'v2, unlimited',
      { 'proc/self/cgroup': '0::/a\n', 'cgroup/a/memory.max': 'max\n', 'cgroup/a/memory.current': '5\n' },
      machine,
    ],
    [
      'v2',
      {
        'proc/self/cgroup': '0::/a\n',
        'cgroup/a/memory.max': `${400 * MIB}\n`,
        'cgroup/a/memory.current': `${100 * MIB}\n`,
      },
      280 * MIB,
    ],
    [
      'v2, with page cache that can be dropped',
      {
        'proc/self/cgroup': '0::/a\n',
        'cgroup/a/memory.max': `${400 * MIB}`,
        'cgroup/a/memory.current': `${400 * MIB}`,
        'cgroup/a/memory.stat': `anon 5\nfile 1\ninactive_file ${50 * MIB}\nactive_file ${60 * MIB}\n`,
      },
      60 * MIB,
    ],
    [
      'v2, of a group above',
      {
        'proc/self/cgroup': '0::/a/b\n',
        'cgroup/a/b/memory.max': 'max',
        'cgroup/a/memory.max': `${2 ** 30}`,
        'cgroup/a/memory.current': '0',
      },
      2 ** 30 - Math.floor(2 ** 30 / 20),
    ],
    [
      'v2 in a container that sees only its own group at the root',
      { 'proc/self/cgroup': '0::/docker/4711\n', 'cgroup/memory.max': `${400 * MIB}`, 'cgroup/memory.current': '0' },
      380 * MIB,
    ],
    [
      'v1',
      {
        'proc/self/cgroup': '9:cpu,cpuacct:/x\n4:memory:/a\n0::/\n',
        'cgroup/memory/a/memory.limit_in_bytes': `${400 * MIB}\n`,
        'cgroup/memory/a/memory.usage_in_bytes': `${390 * MIB}\n`,
        'cgroup/memory/a/memory.stat': `inactive_file 7\ntotal_inactive_file ${30 * MIB}\n`,
      },
      20 * MIB,
    ],
    [
      'v1, unlimited',
      { 'proc/self/cgroup': '4:memory:/\n', 'cgroup/memory/memory.limit_in_bytes': v1Unlimited },
      machine,
    ],
    [
      'exhausted: usage above the limit',
      { 'proc/self/cgroup': '0::/a\n', 'cgroup/a/memory.max': '1000', 'cgroup/a/memory.current': '2000' },
      0,
    ],
    ['of files that make no sense', { 'proc/self/cgroup': 'x\n\n:::\n4:memory\n', 'cgroup/memory.max': '-5' }, machine],
  ])('%s', (_, files, expected) => {
    expect(availableWith({ 'proc/meminfo': meminfo, ...files })).toBe(expected);
  });

  test('a real cgroup refuses with OUT_OF_MEMORY before it kills', async (context) => {
    const group = `/sys/fs/cgroup/memory/mofo-test-${process.pid}`;
    try {
      mkdirSync(group);
      writeFileSync(`${group}/memory.limit_in_bytes`, String(200 * MIB));
    } catch (error) {
      console.warn(
        `SKIPPED: no memory cgroup can be made here (${(error as Error).message}); the limits were tried on files only.`,
      );
      context.skip();
    }
    try {
      const name = uniqueName();
      const program = startProgram('limited-group.mjs', [group, name]);
      const report = await program.next();
      program.child.stdin?.end();
      expect(await program.ended).toBe('0');
      expect(report.code).toBe('OUT_OF_MEMORY');
      expect(report.reservedBytes).toBeGreaterThan(20 * MIB);
      expect(report.reservedBytes).toBeLessThan(100 * MIB);
    } finally {
      destroyTestStores();
      rmdirSync(group);
    }
  });
});
