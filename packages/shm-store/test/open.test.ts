// Opening, refusing, replacing and destroying stores, one process or a few.
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ShmStoreError } from '../src/errors.ts';
import {
  CONTROL_FORMAT,
  CONTROL_LAYOUT_HASH,
  CONTROL_LIBC_HASH,
  CONTROL_MAGIC,
  CONTROL_PID_NAMESPACE,
  CONTROL_READY,
  CONTROL_RESERVED_GRANULES,
  CONTROL_RETIRED,
  CONTROL_SIZE,
  CONTROL_SLOT_COUNT,
  CONTROL_SLOTS,
  CONTROL_STORE_ID,
  FORMAT_VERSION,
  LAYOUT_HASH,
  LAYOUT_USER_FIRST,
  MAIN_BASE_ADDRESS,
  MAIN_BYTE_ORDER,
  MAIN_FORMAT,
  MAIN_HEAP,
  MAIN_LAYOUT_HASH,
  MAIN_MAGIC,
  MAIN_NEXT_LAYOUT_ID,
  MAIN_SIZE,
  MAIN_STAMP_COUNTER,
  MAIN_STORE_ID,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_PID,
  SLOT_RUNNING,
  SLOT_STATE,
} from '../src/layout.ts';
import type { NativeStore } from '../src/native-binding.ts';
import { destroyStore, findStore, listStores, type OpenSegmentsOptions, openSegments } from '../src/open.ts';
import { startProgram } from './support/run-program.ts';
import { destroyTestStores, filesOf, filesThere, uniqueName } from './support/test-stores.ts';

const MIB = 2 ** 20;

let name = '';
beforeEach(() => {
  name = uniqueName();
});
afterEach(destroyTestStores);

function codeOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof ShmStoreError) return error.code;
    throw error;
  }
  return 'none';
}

function make(sizeBytes = MIB): NativeStore {
  return openSegments({ name, sizeBytes });
}

/** Overwrites bytes of one of the store's files. */
function patch(file: 'main' | 'backup' | 'control', at: number, bytes: Uint8Array): void {
  const fd = openSync(filesOf(name)[file], 'r+');
  writeSync(fd, bytes, 0, bytes.byteLength, at);
  closeSync(fd);
}

const u32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const f64 = (value: number): Uint8Array => new Uint8Array(new Float64Array([value]).buffer);

describe('options', () => {
  test.each(['', '.', '..', 'a.b', '-a', '_a', 'a/b', 'a b', 'ä', 'a\0b', 'a'.repeat(65)])(
    'name %j is INVALID_NAME',
    (bad) => {
      expect(codeOf(() => openSegments({ name: bad, sizeBytes: MIB }))).toBe('INVALID_NAME');
      expect(codeOf(() => destroyStore(bad))).toBe('INVALID_NAME');
    },
  );

  test.each([
    0,
    1,
    MIB - 16384,
    MIB + 1,
    MIB + 4096,
    2 ** 36 + 16384,
    2 ** 60,
    -MIB,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('size %d is INVALID_SIZE', (sizeBytes) => {
    expect(codeOf(() => openSegments({ name, sizeBytes }))).toBe('INVALID_SIZE');
    expect(filesThere(name)).toEqual([]);
  });

  test('to create without a size is INVALID_SIZE', () => {
    expect(codeOf(() => openSegments({ name, create: true }))).toBe('INVALID_SIZE');
  });

  test('unknown options are refused', () => {
    expect(codeOf(() => openSegments({ name, sizeBytes: MIB, size: 1 } as OpenSegmentsOptions))).toBe('UNKNOWN_OPTION');
    expect(codeOf(() => destroyStore(name, { forced: true } as object))).toBe('UNKNOWN_OPTION');
  });

  test.each([[{ name: 5 }], [{ name: 'a', sizeBytes: '1MiB' }], [{ name: 'a', sizeBytes: MIB, create: 1 }]])(
    '%j is INVALID_ARGUMENT',
    (options) => {
      expect(codeOf(() => openSegments(options as unknown as OpenSegmentsOptions))).toBe('INVALID_ARGUMENT');
    },
  );

  test('every message says what happened, and what to do on a line of its own', () => {
    try {
      openSegments({ name });
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).toMatch(/^there is no store "test-.*"\.\n {2}Nothing was created\. Pass create/);
      expect(String(error)).toContain('ShmStoreError [NOT_FOUND]');
    }
  });
});

describe('a new store', () => {
  test('has the bytes of the layout table', () => {
    const store = make(64 * MIB);
    const main = new DataView(store.windows[0]!);
    const control = new DataView(store.control);
    expect(Buffer.from(store.windows[0]!, MAIN_MAGIC, 8).toString()).toBe('MOFOMAIN');
    expect(main.getUint32(MAIN_FORMAT, true)).toBe(FORMAT_VERSION);
    expect(main.getUint32(MAIN_BYTE_ORDER, true)).toBe(0x01020304);
    expect(main.getFloat64(MAIN_SIZE, true)).toBe(64 * MIB);
    expect(main.getUint32(MAIN_LAYOUT_HASH, true)).toBe(LAYOUT_HASH);
    expect(main.getBigUint64(MAIN_BASE_ADDRESS, true) % 4096n).toBe(0n);
    expect(main.getUint32(MAIN_NEXT_LAYOUT_ID, true)).toBe(LAYOUT_USER_FIRST);
    expect(main.getUint32(MAIN_STAMP_COUNTER, true)).toBe(0);
    // 4,096 slabs have a table of 64 KiB behind the first page: the heap begins in slab 5.
    expect([...new Uint32Array(store.windows[0]!, MAIN_HEAP, 4)]).toEqual([5, 5, 4096, 0]);
    expect(Buffer.from(store.control, CONTROL_MAGIC, 8).toString()).toBe('MOFOCTRL');
    expect(control.getFloat64(CONTROL_SIZE, true)).toBe(64 * MIB);
    expect(control.getUint32(CONTROL_READY, true)).toBe(1);
    expect(control.getUint32(CONTROL_RESERVED_GRANULES, true)).toBe((5 * 16384 + MIB) / 16);
    expect(Buffer.from(store.control, CONTROL_STORE_ID, 16)).toEqual(Buffer.from(store.windows[0]!, MAIN_STORE_ID, 16));
    expect(control.getUint32(CONTROL_SLOTS + SLOT_STATE, true)).toBe(1);
    expect(control.getUint32(CONTROL_SLOTS + SLOT_PID, true)).toBe(process.pid);
    expect(store).toMatchObject({ slot: 0, created: true });
    expect(store).toMatchObject({ journalCapacityBytes: 128 * MIB, undoCapacityBytes: 64 * MIB });
    expect([store.journal.byteLength, store.undo.byteLength]).toEqual([4 * MIB, 4 * MIB]);
    expect(store.windows.map(({ byteLength }) => byteLength)).toEqual([16 * MIB]);
    expect(store.control.byteLength).toBe(4096 + SLOT_COUNT * SLOT_BYTES + 16384);
    store.close();
    const { main: path, backup, control: controlPath } = filesOf(name);
    for (const file of [path, backup, controlPath]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(backup).subarray(0, 4096)).toEqual(readFileSync(path).subarray(0, 4096));
  });

  test('is attached to by the next opener, which sees what was written, in a slot of its own', () => {
    const first = make();
    new Uint8Array(first.windows[0]!)[20000] = 7;
    const second = openSegments({ name });
    const third = openSegments({ name, sizeBytes: MIB });
    expect(new Uint8Array(second.windows[0]!)[20000]).toBe(7);
    expect([second.created, third.created]).toEqual([false, false]);
    expect([first.slot, second.slot, third.slot]).toEqual([0, 1, 2]);
    second.close();
    expect(openSegments({ name }).slot).toBe(1);
  });

  test('of another size than the existing one is SIZE_MISMATCH', () => {
    make().close();
    expect(codeOf(() => openSegments({ name, sizeBytes: 2 * MIB }))).toBe('SIZE_MISMATCH');
  });

  test('is not made when it may not be: NOT_FOUND, and nothing is left behind', () => {
    expect(codeOf(() => openSegments({ name }))).toBe('NOT_FOUND');
    expect(codeOf(() => openSegments({ name, sizeBytes: MIB, create: false }))).toBe('NOT_FOUND');
    expect(filesThere(name)).toEqual([]);
  });

  test('is mapped once in a process: a second handle shares the mapping, also at the recorded address', async () => {
    const attached = () => listStores().find((info) => info.name === name)?.attached;
    const store = make();
    const again = openSegments({ name, exactAddress: true });
    expect(attached()).toHaveLength(2);
    again.close();
    expect(attached()).toHaveLength(1);
    store.close();
  });

  test('is closed as often as one likes', () => {
    const store = make();
    store.close();
    store.close();
    expect(codeOf(() => store.transaction(() => 0))).toBe('CLOSED');
  });

  test('is not closed inside its own transaction', () => {
    const store = make();
    store.transaction(() => {
      expect(codeOf(() => store.close())).toBe('IN_TRANSACTION');
      return 0;
    });
    store.close();
  });
});

describe('what is refused before it is touched', () => {
  const cases: [string, string, () => void][] = [
    ['another magic in control', 'FORMAT_UNKNOWN', () => patch('control', CONTROL_MAGIC, Buffer.from('MOFOXXXX'))],
    ['another magic in main', 'FORMAT_UNKNOWN', () => patch('main', MAIN_MAGIC, Buffer.from('MOFOXXXX'))],
    ['another format in control', 'FORMAT_UNKNOWN', () => patch('control', CONTROL_FORMAT, u32(FORMAT_VERSION + 1))],
    ['another format in main', 'FORMAT_UNKNOWN', () => patch('main', MAIN_FORMAT, u32(FORMAT_VERSION + 1))],
    [
      'the other byte order in control',
      'WRONG_BYTE_ORDER',
      () => patch('control', CONTROL_FORMAT, u32(FORMAT_VERSION * 2 ** 24)),
    ],
    ['the other byte order in main', 'WRONG_BYTE_ORDER', () => patch('main', MAIN_BYTE_ORDER, u32(0x04030201))],
    ['no byte order at all', 'STORE_DAMAGED', () => patch('main', MAIN_BYTE_ORDER, u32(0))],
    ['another layout in control', 'LAYOUT_MISMATCH', () => patch('control', CONTROL_LAYOUT_HASH, u32(LAYOUT_HASH ^ 1))],
    ['another layout in main', 'LAYOUT_MISMATCH', () => patch('main', MAIN_LAYOUT_HASH, u32(LAYOUT_HASH ^ 1))],
    ['another pid namespace', 'PID_NAMESPACE', () => patch('control', CONTROL_PID_NAMESPACE, f64(1))],
    ['another C library', 'LIBC_MISMATCH', () => patch('control', CONTROL_LIBC_HASH, u32(1))],
    ['main and control of two stores', 'STORE_DAMAGED', () => patch('main', MAIN_STORE_ID, u32(1))],
    ['an impossible size', 'STORE_DAMAGED', () => patch('control', CONTROL_SIZE, f64(Number.NaN))],
    ['another size in main', 'STORE_DAMAGED', () => patch('main', MAIN_SIZE, f64(2 * MIB))],
    ['more slots', 'STORE_DAMAGED', () => patch('control', CONTROL_SLOT_COUNT, u32(65))],
    [
      'more reserved than there is',
      'STORE_DAMAGED',
      () => patch('control', CONTROL_RESERVED_GRANULES, u32(MIB / 16 + 1)),
    ],
    ['a truncated main', 'STORE_DAMAGED', () => truncateSync(filesOf(name).main, MIB - 4096)],
    ['a truncated backup', 'STORE_DAMAGED', () => truncateSync(filesOf(name).backup, 0)],
    ['a truncated control', 'STORE_DAMAGED', () => truncateSync(filesOf(name).control, 8192)],
    ['files that others may open', 'UNSAFE_MODE', () => chmodSync(filesOf(name).main, 0o644)],
    ['a lock file that others may open', 'UNSAFE_MODE', () => chmodSync(filesOf(name).lock, 0o666)],
    ['main deleted', 'STORE_INCOMPLETE', () => rmSync(filesOf(name).main)],
    ['backup deleted', 'STORE_INCOMPLETE', () => rmSync(filesOf(name).backup)],
    ['control deleted', 'STORE_INCOMPLETE', () => rmSync(filesOf(name).control)],
  ];

  test.each(cases)('%s: %s', (_, code, damage) => {
    make().close();
    damage();
    const { main, backup, control } = filesOf(name);
    const contents = (): string[] =>
      [main, backup, control].map((file) => (existsSync(file) ? statSync(file).mtimeMs.toString() : ''));
    const before = contents();
    expect(codeOf(() => openSegments({ name }))).toBe(code);
    expect(codeOf(() => openSegments({ name, sizeBytes: MIB }))).toBe(code);
    expect(contents()).toEqual(before);
    expect(codeOf(() => destroyStore(name))).toBe(code);
    if (code === 'UNSAFE_MODE') return;
    expect(destroyStore(name, { force: true })).toBe(true);
    expect(filesThere(name)).toEqual([]);
    make().close();
  });

  test.skipIf(process.getuid?.() !== 0)('the files of another user, also for root and by force', () => {
    make().close();
    chownSync(filesOf(name).control, 12345, 12345);
    expect(codeOf(() => openSegments({ name }))).toBe('NOT_OWNER');
    expect(codeOf(() => destroyStore(name, { force: true }))).toBe('NOT_OWNER');
    expect(listStores().some((store) => store.name === name)).toBe(false);
    expect(filesThere(name)).toEqual(['main', 'backup', 'control', 'lock']);
  });

  test('a symbolic link', () => {
    symlinkSync('/etc/hostname', filesOf(name).control);
    expect(codeOf(() => openSegments({ name, sizeBytes: MIB }))).toBe('FORMAT_UNKNOWN');
    rmSync(filesOf(name).control);
  });

  test('a file of another program under the name', () => {
    writeFileSync(filesOf(name).control, 'precious', { mode: 0o600 });
    expect(codeOf(() => openSegments({ name, sizeBytes: MIB }))).toBe('FORMAT_UNKNOWN');
    expect(readFileSync(filesOf(name).control, 'utf8')).toBe('precious');
  });
});

describe('what is replaced', () => {
  test.each<[string, () => void]>([
    ['an empty control segment', () => truncateSync(filesOf(name).control, 0)],
    ['a control segment that is not ready', () => patch('control', CONTROL_READY, u32(0))],
    ['a retired store', () => patch('control', CONTROL_RETIRED, u32(1))],
    [
      'a retired store without main',
      () => {
        patch('control', CONTROL_RETIRED, u32(1));
        rmSync(filesOf(name).main);
      },
    ],
  ])('%s', (_, leave) => {
    const old = make();
    const oldId = Buffer.from(old.windows[0]!, MAIN_STORE_ID, 16).toString('hex');
    old.close();
    leave();
    expect(listStores().find((store) => store.name === name)?.state).not.toBe('ready');
    const store = make();
    expect(store.created).toBe(true);
    expect(Buffer.from(store.windows[0]!, MAIN_STORE_ID, 16).toString('hex')).not.toBe(oldId);
    store.close();
  });
});

describe('destroying', () => {
  test('removes everything, and an absent store is no error', () => {
    make().close();
    expect(destroyStore(name)).toBe(true);
    expect(filesThere(name)).toEqual([]);
    expect(destroyStore(name)).toBe(false);
    expect(filesThere(name)).toEqual([]);
  });

  test('tells those who are attached: RETIRED; they open the next one', () => {
    const old = make();
    expect(destroyStore(name)).toBe(true);
    expect(codeOf(() => old.transaction(() => 0))).toBe('RETIRED');
    const store = make();
    expect(store.created).toBe(true);
    store.transaction(() => 0);
    expect(codeOf(() => old.transaction(() => 0))).toBe('RETIRED');
    old.close();
    store.close();
  });

  test('is STORE_BUSY while a living process holds the write lock, unless forced', async () => {
    const store = make();
    const program = startProgram('hold-transaction.mjs', [name]);
    try {
      await program.next();
      expect(codeOf(() => destroyStore(name))).toBe('STORE_BUSY');
      expect(filesThere(name)).toHaveLength(4);
      expect(destroyStore(name, { force: true })).toBe(true);
      expect(filesThere(name)).toEqual([]);
    } finally {
      await program.kill();
    }
    expect(codeOf(() => store.transaction(() => 0))).toBe('RETIRED');
    store.close();
  });

  test('is not kept by a dead process that held it', async () => {
    make().close();
    const program = startProgram('hold-transaction.mjs', [name]);
    await program.next();
    await program.kill();
    expect(destroyStore(name)).toBe(true);
  });
});

describe('slots', () => {
  test('64 are given, then TOO_MANY_PROCESSES; those of the dead are given again', async () => {
    make().close();
    const program = startProgram('many-slots.mjs', [name]);
    expect(await program.next()).toEqual({ count: 64, code: 'TOO_MANY_PROCESSES' });
    expect(codeOf(() => openSegments({ name }))).toBe('TOO_MANY_PROCESSES');
    await program.kill();
    const info = listStores().find((store) => store.name === name)!;
    expect(info.attached.map(({ alive }) => alive)).toEqual(Array(64).fill(false));
    const again = startProgram('many-slots.mjs', [name]);
    expect(await again.next()).toEqual({ count: 64, code: 'TOO_MANY_PROCESSES' });
    again.child.stdin?.end();
    expect(await again.ended).toBe('0');
  });

  test('what a thread that died while it ran something left is taken last', async () => {
    const store = make();
    const program = startProgram('open-store.mjs', [name, '0']);
    const { slot } = (await program.next()) as { slot: number };
    new Uint32Array(store.control, CONTROL_SLOTS + slot * SLOT_BYTES + SLOT_RUNNING, 1)[0] = 1;
    await program.kill();
    const next = openSegments({ name });
    expect(next.slot).not.toBe(slot);
    expect(
      listStores()
        .find((info) => info.name === name)!
        .attached.some((attached) => attached.slot === slot && !attached.alive),
    ).toBe(true);
    next.close();
    const all = startProgram('many-slots.mjs', [name]);
    expect(await all.next()).toEqual({ count: 63, code: 'TOO_MANY_PROCESSES' });
    await all.kill();
    store.close();
  });

  test.each(['close', 'exit', 'nothing'])('are given back when a process ends by %s', async (ending) => {
    make().close();
    const program = startProgram('open-store.mjs', [name, '0', '0', ending]);
    await program.next();
    program.child.stdin?.end();
    expect(await program.ended).toBe('0');
    expect(
      listStores()
        .find((store) => store.name === name)
        ?.attached.filter(({ alive }) => alive),
    ).toEqual([]);
  });

  test.each(['exit', 'terminate', 'close'])('are given back when a worker ends by %s', async (ending) => {
    make().close();
    const program = startProgram('open-in-worker.mjs', [name, ending]);
    expect(await program.next()).toMatchObject({ slots: [0, 1] });
    expect(await program.next()).toEqual({ attached: 1 });
    expect(await program.ended).toBe('0');
    expect(listStores().find((store) => store.name === name)?.attached).toEqual([]);
  });

  test('a process that exits while a worker has the store open ends', async () => {
    make().close();
    const program = startProgram('open-in-worker.mjs', [name, 'main-exit']);
    await program.next();
    expect(await program.ended).toBe('0');
  });
});

describe('memory and listing', () => {
  test('a view stays readable after close, destroy and collection, and then the memory goes', async () => {
    const program = startProgram('views-stay.mjs', [name], { nodeArgs: ['--expose-gc'] });
    expect(await program.next()).toEqual({ text: 'MOFOMAIN', whileViewed: true, afterwards: false });
    expect(await program.ended).toBe('0');
  });

  test('no segment goes into a core dump', () => {
    const store = make();
    const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
    const ours = mappings.filter((mapping) => mapping.includes(`/mofo.${name}.`));
    expect(ours).toHaveLength(3);
    for (const mapping of ours) expect(mapping).toMatch(/^VmFlags:.* dd( |$)/m);
    store.close();
  });

  test('a list says name, state, sizes, who is attached', () => {
    const store = make(16 * MIB);
    const info = listStores().find((found) => found.name === name)!;
    expect(info).toMatchObject({ state: 'ready', sizeBytes: 16 * MIB, reservedBytes: 2 * 16384 + MIB, rolePid: 0 });
    expect(info.backedBytes).toBeGreaterThan(2 * MIB);
    expect(info.backedBytes).toBeLessThan(3 * MIB);
    expect(info.attached).toMatchObject([{ slot: 0, pid: process.pid, role: 'none', alive: true }]);
    store.close();
    patch('main', MAIN_LAYOUT_HASH, u32(1));
    expect(listStores().find((found) => found.name === name)?.state).toBe('foreign');
    rmSync(filesOf(name).control);
    expect(listStores().find((found) => found.name === name)?.state).toBe('incomplete');
  });

  test('one is found by its name as the list has it, and a name that is none is refused', () => {
    const listed = () => listStores().find((found) => found.name === name);
    expect(findStore(name)).toBeUndefined();
    const store = make(16 * MIB);
    expect(findStore(name)).toEqual(listed());
    expect(findStore(name)).toMatchObject({ state: 'ready', attached: [{ slot: 0, pid: process.pid }] });
    store.close();
    patch('main', MAIN_LAYOUT_HASH, u32(1));
    expect(findStore(name)).toEqual(listed());
    expect(findStore(name)?.state).toBe('foreign');
    expect(codeOf(() => findStore('../etc'))).toBe('INVALID_NAME');
    for (const bad of [undefined, 5, null, {}]) expect(codeOf(() => findStore(bad as never))).toBe('INVALID_ARGUMENT');
  });
});
