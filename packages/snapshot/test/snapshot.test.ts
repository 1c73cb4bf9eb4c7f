// Taking, listing, keeping: the ordinary life of snapshots, and everything that is refused.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPrivateStore, Store } from '@mofo/journal';
import { processStartTime } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSnapshots, type TakeProgress } from '../src/index.ts';
import { type Bank, codeOf, destroyTestStores, imageSum, openBank, SUM, transfer, uniqueName } from './support/bank.ts';

let directory = '';
let name = '';
let store: Bank;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-snapshot-'));
  name = uniqueName();
  store = openBank(name);
});
afterEach(() => {
  store.close();
  destroyTestStores();
  rmSync(directory, { recursive: true, force: true });
});

/** Backup and main below the bound of refs. */
function segments(): { main: Buffer; backup: Buffer } {
  const bytes = store.status.reservedBytes;
  const read = (segment: string): Buffer => readFileSync(`/dev/shm/mofo.${name}.${segment}`).subarray(0, bytes);
  return { main: read('main'), backup: read('backup') };
}

describe('copying main to the backup', () => {
  test('makes backup equal to main byte for byte, and copies only what changed', async () => {
    expect(store.native.lockBackup()).toBe(true);
    const first = store.native.copyToBackup();
    expect(first.pagesCopied).toBeGreaterThan(2);
    let { main, backup } = segments();
    expect(backup.equals(main)).toBe(true);
    expect(store.native.copyToBackup()).toMatchObject({ pagesCopied: 0, epoch: first.epoch + 1 });
    transfer(store, 1, 2, 30);
    ({ main, backup } = segments());
    expect(backup.equals(main)).toBe(false);
    const third = store.native.copyToBackup();
    expect(third.pagesCopied).toBeGreaterThan(0);
    expect(third.pagesCopied).toBeLessThan(first.pagesCopied + 1);
    ({ main, backup } = segments());
    expect(backup.equals(main)).toBe(true);
  });

  test('a page state of 0 means equal in a store that was just made, whatever has been reserved since', () => {
    const bare = openBank(uniqueName(), 16 * 2 ** 20);
    bare.native.transaction(() => {
      bare.native.reserveMain(2 ** 19);
      return 0;
    });
    bare.native.lockBackup();
    bare.native.copyToBackup();
    const read = (segment: string): Buffer =>
      readFileSync(`/dev/shm/mofo.${bare.name}.${segment}`).subarray(0, bare.status.reservedBytes);
    expect(read('backup').equals(read('main'))).toBe(true);
    bare.close();
  });

  test('is refused without the lock of the backup and inside a transaction', () => {
    const codes: string[] = [];
    const attempt = (body: () => unknown): void => {
      try {
        body();
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    };
    attempt(() => store.native.copyToBackup());
    attempt(() => store.native.writeBackup(1, 0, 0, 4096));
    store.native.lockBackup();
    attempt(() => store.transaction(() => store.native.copyToBackup()));
    attempt(() => store.native.writeBackup(99_999, 0, 0, 4096));
    attempt(() => store.native.writeBackup(1, 0, 0, 2 ** 40));
    expect(codes).toEqual([
      'BACKUP_NOT_LOCKED',
      'BACKUP_NOT_LOCKED',
      'IN_TRANSACTION',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
    ]);
  });
});

describe('take', () => {
  test('gives an image of that moment and tells its progress', async () => {
    const snapshots = openSnapshots(store, { directory });
    const progress: TakeProgress[] = [];
    transfer(store, 1, 2, 30);
    const taken = await snapshots.take({ onProgress: (step) => progress.push(step) });
    transfer(store, 3, 4, 30);
    expect(taken.header).toMatchObject({
      name,
      sizeBytes: 2 ** 20,
      timeline: 0,
      reservedBytes: store.status.reservedBytes,
    });
    expect(progress.map(({ phase }) => phase)).toEqual(['copy', 'write', 'sync', 'rename', 'done']);
    expect(await imageSum(taken.file)).toEqual({ sum: SUM, transfers: 1, size: 100 });
    expect(readdirSync(directory)).toEqual([`${taken.id}.mofo`]);
    expect(await snapshots.verify(taken.id)).toEqual(taken.header);
    expect((await snapshots.newestGood())?.id).toBe(taken.id);
  });

  test('leaves holes where there is nothing, in the file and in memory', async () => {
    const large = openBank(uniqueName(), 64 * 2 ** 20);
    large.native.transaction(() => {
      large.native.reserveMain(2 ** 21);
      return 0;
    });
    const backed = (): number[] =>
      ['main', 'backup'].map((segment) => statSync(`/dev/shm/mofo.${large.name}.${segment}`).blocks);
    const before = backed();
    const { file, header } = await openSnapshots(large, { directory }).take();
    // Between slab table and heap there is no memory, and reading must not make any.
    expect(backed()).toEqual(before);
    expect(statSync(file).size).toBe(header.fileBytes);
    expect(header.reservedBytes).toBeGreaterThanOrEqual(32 * 2 ** 20);
    expect(statSync(file).blocks * 512).toBeLessThan(2 * 2 ** 20);
    expect((await imageSum(file)).sum).toBe(SUM);
    large.close();
  });

  test('ids sort by age, also when the clock stands still or is set back', async () => {
    let now = Date.UTC(2026, 10, 24, 12);
    const snapshots = openSnapshots(store, { directory, now: () => now });
    const ids = [(await snapshots.take()).id, (await snapshots.take()).id];
    now -= 3_600_000;
    ids.push((await snapshots.take()).id);
    now += 7_200_000;
    ids.push((await snapshots.take()).id);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(4);
    expect((await snapshots.list()).map(({ id }) => id)).toEqual([...ids].reverse());
  });

  test('is refused while another one runs, in this handle and in another', async () => {
    const other = openBank(name);
    const snapshots = openSnapshots(store, { directory });
    const first = snapshots.take();
    expect(await codeOf(snapshots.take())).toBe('SNAPSHOT_RUNNING');
    expect(await codeOf(openSnapshots(other, { directory }).take())).toBe('SNAPSHOT_RUNNING');
    await first;
    await openSnapshots(other, { directory }).take();
    other.close();
  });

  test.each(['copy', 'write', 'sync', 'rename'])(
    'aborted at %s leaves nothing, and the next one works',
    async (phase) => {
      const snapshots = openSnapshots(store, { directory });
      const before = await snapshots.take();
      const abort = new AbortController();
      const onProgress = (step: TakeProgress): void => {
        if (step.phase === phase) abort.abort();
      };
      expect(await codeOf(snapshots.take({ signal: abort.signal, onProgress }))).toBe('ABORTED');
      expect(readdirSync(directory)).toEqual([`${before.id}.mofo`]);
      expect(await imageSum((await snapshots.take()).file)).toMatchObject({ sum: SUM });
    },
  );

  test('a listener that throws ends it with its own error', async () => {
    const snapshots = openSnapshots(store, { directory });
    const onProgress = (): never => {
      throw new Error('mine');
    };
    await expect(snapshots.take({ onProgress })).rejects.toThrow('mine');
    expect(readdirSync(directory)).toEqual([]);
    await snapshots.take();
  });

  test('refuses a missing directory, a file in its place, a closed handle and unknown options', async () => {
    const missing = openSnapshots(store, { directory: join(directory, 'missing') });
    expect(await codeOf(missing.take())).toBe('DIRECTORY_MISSING');
    expect(await codeOf(missing.list())).toBe('DIRECTORY_MISSING');
    writeFileSync(join(directory, 'file'), '');
    expect(await codeOf(openSnapshots(store, { directory: join(directory, 'file') }).take())).toBe('DIRECTORY_MISSING');
    expect(await codeOf(openSnapshots(store, { directory: '/proc/self' }).take())).toMatch(
      /^DIRECTORY_(MISSING|READ_ONLY)$/,
    );
    const closed = openSnapshots(store, { directory });
    closed.close();
    closed.close();
    expect(await codeOf(closed.take())).toBe('CLOSED');
    expect(await codeOf(openSnapshots(store, { directory }).take({ signals: 1 } as never))).toBe('UNKNOWN_OPTION');
    expect(() => openSnapshots(store, { directory, keeps: 1 } as never)).toThrow(/no option "keeps"/);
    expect(() => openSnapshots(store, { directory, keep: 0 })).toThrow(RangeError);
    expect(() => openSnapshots(new Store('p', openPrivateStore({ sizeBytes: 2 ** 20 })), { directory })).toThrow(
      /private memory/,
    );
  });

  test('ends with a code when the store is closed meanwhile', async () => {
    const other = openBank(name, 2 ** 20);
    const taking = openSnapshots(other, { directory }).take({
      onProgress: ({ phase }) => {
        if (phase === 'write') other.close();
      },
    });
    expect(await codeOf(taking)).toBe('CLOSED');
    expect(readdirSync(directory)).toEqual([]);
    await openSnapshots(store, { directory }).take();
  });
});

describe('keeping', () => {
  test('removes what is older than the newest `keep`', async () => {
    const snapshots = openSnapshots(store, { directory, keep: 2 });
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await snapshots.take()).id);
    expect((await snapshots.list()).map(({ id }) => id)).toEqual([ids[3], ids[2]]);
  });

  test('never removes the newest good one, nor a refused file', async () => {
    const many = openSnapshots(store, { directory, keep: 10 });
    const files: string[] = [];
    for (let i = 0; i < 4; i++) files.push((await many.take()).file);
    // The three newest are damaged behind everybody's back: one in a chunk, so that its head still looks right, two in the head.
    flip(files[3] as string, 65536 + 9000);
    flip(files[2] as string, 30);
    flip(files[1] as string, 65536 + 9000);
    const few = openSnapshots(store, { directory, keep: 1 });
    const removed = await few.prune();
    expect(removed).toHaveLength(1);
    expect(existsSync(files[0] as string)).toBe(true);
    expect(existsSync(files[1] as string)).toBe(false);
    expect(existsSync(files[2] as string)).toBe(true);
    expect((await few.newestGood())?.file).toBe(files[0]);
    expect((await few.list()).find(({ file }) => file === files[2])).toMatchObject({
      header: undefined,
      problem: 'IMAGE_CORRUPT',
    });
  });

  test('leaves the images of other stores in the directory alone', async () => {
    const other = openBank(uniqueName());
    const theirs = await openSnapshots(other, { directory, keep: 1 }).take();
    const snapshots = openSnapshots(store, { directory, keep: 1 });
    await snapshots.take();
    const last = await snapshots.take();
    expect((await snapshots.list()).map(({ id }) => id)).toEqual([last.id]);
    expect(existsSync(theirs.file)).toBe(true);
    other.close();
  });

  test('removes temporary files of dead processes only', async () => {
    const moment = '20260101T000000000Z';
    const stale = `${moment}.${process.pid}-1.tmp`;
    const living = `${moment}.${process.pid}-${processStartTime(process.pid)}.tmp`;
    for (const file of [stale, living, 'notes.tmp']) writeFileSync(join(directory, file), 'x');
    await openSnapshots(store, { directory }).prune();
    expect(readdirSync(directory).sort()).toEqual([living, 'notes.tmp'].sort());
  });
});

function flip(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] as number) ^ 0x10;
  writeFileSync(file, bytes);
}
