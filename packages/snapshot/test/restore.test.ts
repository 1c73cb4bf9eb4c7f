// From an image back to a living store.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { destroyStore, openStore } from '@mofo/journal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSnapshots, restoreStore } from '../src/index.ts';
import {
  type Bank,
  bankRoot,
  codeOf,
  destroyTestStores,
  openBank,
  SUM,
  sumOf,
  transfer,
  uniqueName,
} from './support/bank.ts';
import { startProgram } from './support/run-program.ts';

let directory = '';
let name = '';
let store: Bank;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-restore-'));
  name = uniqueName();
  store = openBank(name);
});
afterEach(() => {
  store.close();
  destroyTestStores();
  rmSync(directory, { recursive: true, force: true });
});

/** Attaches to what is there. */
function attach(to: string): Bank {
  return openStore({ name: to, create: false, root: bankRoot() });
}

describe('restore', () => {
  test('after everything is gone: the data is back, on a new timeline, and work goes on', async () => {
    transfer(store, 1, 2, 30);
    const taken = await openSnapshots(store, { directory }).take();
    const lastId = taken.header.transactionId;
    transfer(store, 3, 4, 50);
    store.close();
    destroyStore(name);

    const restored = await restoreStore({ directory, name });
    expect(restored).toMatchObject({ name, id: taken.id, file: taken.file, timeline: 1, skipped: [] });
    store = attach(name);
    expect(store.root.transfers.value).toBe(1);
    expect(store.root.accounts.get('account-2')).toBe(130);
    expect(store.status.timeline).toBe(1);
    for (let i = 0; i < 200; i++) transfer(store, i % 100, (i * 7) % 100, i);
    expect(sumOf(store.root.accounts)).toBe(SUM);
    // Transaction ids go on, so no block of the new timeline can be taken for an old one.
    const again = await openSnapshots(store, { directory }).take();
    expect(again.header.transactionId).toBeGreaterThan(lastId);
    expect(again.header).toMatchObject({ storeId: taken.header.storeId, timeline: 1 });
  });

  test('twice, from an old image: every history has a timeline of its own', async () => {
    const snapshots = openSnapshots(store, { directory });
    const first = await snapshots.take();
    transfer(store, 1, 2, 30);
    const timelines: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { timeline } = await restoreStore({ file: first.file, name, force: true });
      timelines.push(timeline);
      store.close();
      store = attach(name);
      expect(store.root.transfers.value).toBe(0);
      transfer(store, 5, 6, 10);
      await openSnapshots(store, { directory }).take();
    }
    // Destroyed, so that only the images tell.
    store.close();
    destroyStore(name);
    timelines.push((await restoreStore({ file: first.file, name })).timeline);
    expect(timelines).toEqual([1, 2, 3, 4]);
    store = attach(name);
  });

  test('of an image of a store of the same name that was made anew has a timeline above those of both', async () => {
    const first = await openSnapshots(store, { directory }).take();
    for (let round = 0; round < 2; round++) await restoreStore({ file: first.file, name, force: true });
    store.close();
    store = attach(name);
    await openSnapshots(store, { directory }).take();
    store.close();
    destroyStore(name);
    // Another id, the same name, and timeline 0 again.
    store = openBank(name);
    const anew = await openSnapshots(store, { directory }).take();
    expect(anew.header).toMatchObject({ name, timeline: 0 });
    expect(anew.header.storeId).not.toBe(first.header.storeId);
    expect((await restoreStore({ file: anew.file, name, force: true })).timeline).toBe(3);
    store.close();
    store = attach(name);
  });

  test('leaves page states that are true: the next copy is small and backup equals main', async () => {
    const taken = await openSnapshots(store, { directory }).take();
    await restoreStore({ file: taken.file, name, force: true });
    store.close();
    store = attach(name);
    transfer(store, 1, 2, 3);
    const again = await openSnapshots(store, { directory }).take();
    expect(again.pagesCopied).toBeLessThan(8);
    const read = (segment: string): Buffer =>
      readFileSync(`/dev/shm/mofo.${name}.${segment}`).subarray(0, store.status.reservedBytes);
    expect(read('backup').equals(read('main'))).toBe(true);
  });

  test('does not touch an existing store unless forced; then who is attached gets RETIRED and attaches again', async () => {
    const taken = await openSnapshots(store, { directory }).take();
    transfer(store, 1, 2, 30);
    expect(await codeOf(restoreStore({ directory, name }))).toBe('STORE_EXISTS');
    transfer(store, 1, 2, 30);
    expect(store.root.transfers.value).toBe(2);
    await restoreStore({ directory, name, id: taken.id, force: true });
    let code = '';
    try {
      transfer(store, 1, 2, 30);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    expect(code).toBe('RETIRED');
    expect(await codeOf(openSnapshots(store, { directory }).take())).toBe('RETIRED');
    store.close();
    store = attach(name);
    expect(store.root.transfers.value).toBe(0);
    transfer(store, 1, 2, 30);
  });

  test('under another name makes a second store', async () => {
    const taken = await openSnapshots(store, { directory }).take();
    const copy = uniqueName();
    await restoreStore({ file: taken.file, name: copy });
    const second = attach(copy);
    transfer(second, 1, 2, 30);
    expect(store.root.transfers.value).toBe(0);
    expect(second.root.transfers.value).toBe(1);
    second.close();
  });

  test('refuses what it cannot do', async () => {
    expect(await codeOf(restoreStore({ directory, name }))).toBe('NO_SNAPSHOT');
    await openSnapshots(store, { directory }).take();
    await expect(restoreStore({ directory, name: uniqueName() })).rejects.toThrow(new RegExp(`images of ${name}`));
    expect(await codeOf(restoreStore({ directory, name, id: '../x' }))).toBe('NOT_FOUND');
    expect(await codeOf(restoreStore({ directory: join(directory, 'missing'), name }))).toBe('DIRECTORY_MISSING');
    expect(await codeOf(restoreStore({ directory, name, forced: true } as never))).toBe('UNKNOWN_OPTION');
    await expect(restoreStore({ name })).rejects.toThrow(TypeError);
    const { file } = await openSnapshots(store, { directory }).take();
    expect(await codeOf(restoreStore({ file, name: 'no name' }))).toBe('INVALID_NAME');
  });

  test('without room in /dev/shm is a code, and the old store lives on', async (context) => {
    if (spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm']).status !== 0) {
      console.warn('SKIPPED: no private mount namespace may be made here, so a full /dev/shm is not tried.');
      context.skip();
    }
    const { file } = await openSnapshots(store, { directory }).take();
    const program = startProgram('restore-on-small-shm.mjs', [file], ['unshare', '-m']);
    expect(await program.next()).toEqual({
      missing: 'SHM_FULL',
      leftMissing: [],
      forced: 'SHM_FULL',
      transfers: 1,
      sum: SUM,
    });
    expect(await program.ended).toBe('0');
  });

  test('on a full disk and on a read-only one a snapshot is a code, and the older ones stay', async (context) => {
    if (spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0) {
      console.warn('SKIPPED: no private mount namespace may be made here, so a full disk is not tried.');
      context.skip();
    }
    const program = startProgram('take-on-small-disk.mjs', [name], ['unshare', '-m']);
    expect(await program.next()).toEqual({ full: 'DISK_FULL', files: 1, readOnly: 'DIRECTORY_READ_ONLY', good: true });
    expect(await program.ended).toBe('0');
  });
});
