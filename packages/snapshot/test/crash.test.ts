// Coherence and crashes, with real processes: every image has the right sum, whoever writes meanwhile and whoever is killed when.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { destroyStore, openStore } from '@mofo/journal';
import { MAIN_LAST_TRANSACTION_ID, MAIN_STORE_ID } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeHead } from '../src/image-header.ts';
import { openSnapshots, restoreStore, verifyImage } from '../src/index.ts';
import {
  type Bank,
  bankRoot,
  destroyTestStores,
  imageSum,
  openBank,
  SUM,
  sumOf,
  transfer,
  uniqueName,
} from './support/bank.ts';
import { type Program, startProgram } from './support/run-program.ts';

let directory = '';
let name = '';
let store: Bank;
let programs: Program[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-crash-'));
  name = uniqueName();
  store = openBank(name);
  programs = [];
});
afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()));
  store.close();
  destroyTestStores();
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a process that transfers without end, and waits until it does. */
async function startWriter(seed: number): Promise<Program> {
  const writer = startProgram('transfer-forever.mjs', [name, String(seed)]);
  programs.push(writer);
  await writer.next();
  return writer;
}

test('40 snapshots under two writing processes: every image has the right sum, and none is missing a transfer of the one before', async () => {
  await startWriter(1);
  await startWriter(2);
  const snapshots = openSnapshots(store, { directory, keep: 100 });
  let transfers = -1;
  let pages = 0;
  for (let i = 0; i < 40; i++) {
    const taken = await snapshots.take();
    const image = await imageSum(taken.file);
    expect(image).toMatchObject({ sum: SUM, size: 100 });
    expect(image.transfers).toBeGreaterThanOrEqual(transfers);
    ({ transfers } = image);
    pages += taken.pagesCopied;
  }
  // Otherwise the writers did not write, and the test showed nothing.
  expect(transfers).toBeGreaterThan(1000);
  expect(pages).toBeGreaterThan(80);
});

test('planted bug: pages copied without the write lock give a wrong sum, and the check sees it', async () => {
  // Many accounts, so that they lie on several pages; the copy is made by hand, page by page, and a transfer happens between two pages.
  store.transaction(() => {
    for (let i = 0; i < 100; i++) store.root.accounts.delete(`account-${i}`);
    for (let i = 0; i < 2000; i++) store.root.accounts.set(`account-${i}`, 100);
  });
  const bytes = store.status.reservedBytes;
  const main = new Uint8Array(store.native.windows[0] as ArrayBuffer, 0, bytes);
  const copy = Buffer.alloc(bytes);
  for (let page = 0; page < bytes; page += 4096) {
    copy.set(main.subarray(page, page + 4096), page);
    transfer(store, (page * 31) % 2000, (page * 17 + 999) % 2000, 7);
  }
  const head = encodeHead(
    {
      name,
      storeId: copy.toString('hex', MAIN_STORE_ID, MAIN_STORE_ID + 16),
      sizeBytes: 2 ** 20,
      reservedBytes: bytes,
      transactionId: copy.readDoubleLE(MAIN_LAST_TRANSACTION_ID),
      createdAt: 0,
      timeline: 0,
      epoch: 1,
      commitSequence: 0,
    },
    Uint32Array.of(crc32(copy)),
  );
  const file = join(directory, 'torn.mofo');
  writeFileSync(file, Buffer.concat([head, Buffer.alloc(65536 - head.length), copy]));
  await verifyImage(file);
  expect((await imageSum(file)).sum).not.toBe(200_000);
  expect(sumOf(store.root.accounts)).toBe(200_000);
});

describe('a taker that is killed', () => {
  test.each(['copy', 'write', 'sync', 'rename'])(
    'at %s leaves the older image, a store that goes on, and a lock that is free',
    async (phase) => {
      // 12 MiB are three chunks, so that writing has a middle.
      store.close();
      destroyStore(name);
      store = openBank(name, 16 * 2 ** 20);
      store.native.transaction(() => {
        store.native.reserveMain((12 * 2 ** 20) / 16);
        return 0;
      });
      const snapshots = openSnapshots(store, { directory });
      const before = await snapshots.take();
      transfer(store, 1, 2, 30);
      const taker = startProgram('take-and-stop.mjs', [name, directory, phase]);
      programs.push(taker);
      expect(await taker.next()).toEqual({ phase });
      await expect(snapshots.take()).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING' });
      await taker.kill();
      expect(readdirSync(directory).filter((file) => file.endsWith('.tmp'))).toHaveLength(1);
      expect((await snapshots.newestGood())?.id).toBe(before.id);
      transfer(store, 3, 4, 30);
      const after = await snapshots.take();
      expect(await imageSum(after.file)).toEqual({ sum: SUM, transfers: 2, size: 100 });
      expect(readdirSync(directory).sort()).toEqual([`${before.id}.mofo`, `${after.id}.mofo`]);
      const read = (segment: string): Buffer =>
        readFileSync(`/dev/shm/mofo.${name}.${segment}`).subarray(0, store.status.reservedBytes);
      expect((await snapshots.take()).pagesCopied).toBe(0);
      expect(read('backup').equals(read('main'))).toBe(true);
    },
  );

  test('at any moment of copying and writing, 20 times under a writer: the next image is right', async () => {
    await startWriter(3);
    const snapshots = openSnapshots(store, { directory, keep: 100 });
    for (let round = 0; round < 20; round++) {
      const taker = startProgram('take-and-stop.mjs', [name, directory, 'race']);
      programs.push(taker);
      await taker.next();
      // Announced just before the copy: the kill lands somewhere in what follows, later each round.
      const until = performance.now() + round * 0.3;
      while (performance.now() < until);
      await taker.kill();
      const taken = await snapshots.take();
      expect(await imageSum(taken.file)).toMatchObject({ sum: SUM, size: 100 });
    }
    for (const { file } of await snapshots.list()) expect((await imageSum(file)).sum).toBe(SUM);
    expect(readdirSync(directory).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  }, 60_000);
});

test('a restorer that is killed at any system call leaves the old store, none, or the restored one; and the next restore works', async () => {
  const preload = join(directory, 'cut-restore.so');
  execFileSync('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    preload,
    fileURLToPath(new URL('./programs/cut-restore.c', import.meta.url)),
    '-ldl',
  ]);
  const taken = await openSnapshots(store, { directory }).take();
  const outcomes: string[] = [];
  for (let cut = 1; cut < 300; cut++) {
    transfer(store, 1, 2, 30);
    store.close();
    const restorer = startProgram('restore-now.mjs', [taken.file, name], [], {
      LD_PRELOAD: preload,
      CUT_AT: String(cut),
    });
    const ending = await restorer.ended;
    try {
      store = openStore({ name, create: false, root: bankRoot() });
      outcomes.push(store.root.transfers.value === 0 ? 'restored' : 'old');
      expect(sumOf(store.root.accounts)).toBe(SUM);
    } catch (error) {
      expect(error).toMatchObject({ code: 'NOT_FOUND' });
      outcomes.push('none');
      await restoreStore({ file: taken.file, name });
      store = openStore({ name, create: false, root: bankRoot() });
    }
    // Nothing half made has a name, whatever the moment.
    expect(
      readdirSync('/dev/shm')
        .filter((file) => file.startsWith(`mofo.${name}.`))
        .sort(),
    ).toEqual(['backup', 'control', 'lock', 'main'].map((segment) => `mofo.${name}.${segment}`));
    if (ending === '0') break;
    expect(ending).toBe('SIGKILL');
  }
  // First the old store stands, then for a moment none, then the restored one; and never an earlier state after a later one.
  expect(outcomes.filter((outcome, index) => outcome !== outcomes[index - 1])).toEqual(['old', 'none', 'restored']);
}, 60_000);
