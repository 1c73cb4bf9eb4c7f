// Bytes of an image are input: whatever is done to them, the file is refused with a code, and the older good one is offered.
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gunzipSync } from 'node:zlib';
import { destroyStore, JournalError, openStore, ShmStoreError } from '@mofo/journal';
import { FORMAT_VERSION, listStores } from '@mofo/shm-store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openImage, openSnapshots, restoreStore, SnapshotError, verifyImage } from '../src/index.ts';
import {
  bankRoot,
  codeOf,
  destroyTestStores,
  imageSum,
  openBank,
  SUM,
  sumOf,
  transfer,
  uniqueName,
} from './support/bank.ts';

let directory = '';
let original: Buffer;
let file = '';
let good = '';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-image-'));
  const store = openBank(uniqueName());
  const snapshots = openSnapshots(store, { directory });
  good = (await snapshots.take()).file;
  transfer(store, 1, 2, 30);
  file = (await snapshots.take()).file;
  original = readFileSync(file);
  store.close();
});
afterAll(() => {
  destroyTestStores();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => writeFileSync(file, original));

const IMAGE_CODES = [
  'NOT_AN_IMAGE',
  'FORMAT_UNKNOWN',
  'WRONG_BYTE_ORDER',
  'LAYOUT_MISMATCH',
  'IMAGE_TRUNCATED',
  'IMAGE_CORRUPT',
];

/** Changes header words and makes the header's checksum right again, as another program could. */
function forge(change: (view: DataView, bytes: Buffer) => void): void {
  const bytes = Buffer.from(original);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  change(view, bytes);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32(bytes.subarray(0, 4096)), true);
  writeFileSync(file, bytes);
}

describe('an image is refused', () => {
  test('truncated at every 1 KiB', async () => {
    const codes = new Set<string | undefined>();
    for (let size = Math.floor((original.length - 1) / 1024) * 1024; size >= 0; size -= 1024) {
      truncateSync(file, size);
      codes.add(await codeOf(verifyImage(file)));
    }
    expect([...codes].sort()).toEqual(['IMAGE_TRUNCATED', 'NOT_AN_IMAGE']);
    // Only the empty file does not even begin like an image.
    writeFileSync(file, original.subarray(0, 8));
    expect(await codeOf(verifyImage(file))).toBe('IMAGE_TRUNCATED');
  });

  test('with a byte too many', async () => {
    writeFileSync(file, Buffer.concat([original, Buffer.alloc(1)]));
    expect(await codeOf(verifyImage(file))).toBe('IMAGE_CORRUPT');
  });

  test('with a flipped bit anywhere: header, table, padding, data', async () => {
    const offsets = new Set<number>([4096, 4099, 4100, 65535, 65536, original.length - 1]);
    for (let offset = 0; offset < 4096; offset += offset < 256 ? 1 : 97) offsets.add(offset);
    for (let offset = 4096; offset < original.length; offset += 6113) offsets.add(offset);
    for (const offset of offsets) {
      const bytes = Buffer.from(original);
      bytes[offset] = (bytes[offset] as number) ^ (1 << (offset % 8));
      writeFileSync(file, bytes);
      expect(IMAGE_CODES, `offset ${offset}`).toContain(await codeOf(verifyImage(file)));
    }
  });

  test.each<[string, (view: DataView, bytes: Buffer) => void, string]>([
    ['of a later format', (view) => view.setUint32(8, 2, true), 'FORMAT_UNKNOWN'],
    ['of a store of a later format', (view) => view.setUint32(28, FORMAT_VERSION + 1, true), 'FORMAT_UNKNOWN'],
    ['of the other byte order', (view) => view.setUint32(12, 0x01020304, false), 'WRONG_BYTE_ORDER'],
    ['of another layout', (view) => view.setUint32(24, 1, true), 'LAYOUT_MISMATCH'],
    ['of an impossible size', (view) => view.setFloat64(48, Number.NaN, true), 'IMAGE_CORRUPT'],
    ['with an impossible bound', (view) => view.setFloat64(56, 2 ** 21, true), 'IMAGE_CORRUPT'],
    ['with an impossible transaction id', (view) => view.setFloat64(64, -1, true), 'IMAGE_CORRUPT'],
    ['with no chunks', (view) => view.setUint32(96, 0, true), 'IMAGE_CORRUPT'],
    ['with chunks of nothing', (view) => view.setUint32(92, 0, true), 'IMAGE_CORRUPT'],
    ['with too long a name', (view) => view.setUint32(100, 5000, true), 'IMAGE_CORRUPT'],
    ['whose header and superblock disagree', (view) => view.setUint32(80, 7, true), 'IMAGE_CORRUPT'],
    ['whose store id is another', (_view, bytes) => bytes.fill(1, 32, 48), 'IMAGE_CORRUPT'],
  ])('%s, although the checksum is right', async (_what, change, code) => {
    forge(change);
    expect(await codeOf(verifyImage(file))).toBe(code);
    expect(await codeOf(openImage(file))).toBe(code);
    expect(await codeOf(restoreStore({ file, name: uniqueName() }))).toBe(code);
    if (code === 'WRONG_BYTE_ORDER' || code === 'LAYOUT_MISMATCH')
      await expect(verifyImage(file)).rejects.toThrow(/XML/);
  });

  test('that is no file, a directory, or another file', async () => {
    expect(await codeOf(verifyImage(join(directory, 'none.mofo')))).toBe('NOT_FOUND');
    expect(await codeOf(verifyImage(directory))).toBe('NOT_AN_IMAGE');
    writeFileSync(file, 'hello');
    expect(await codeOf(verifyImage(file))).toBe('NOT_AN_IMAGE');
  });
});

describe('a damaged image', () => {
  beforeEach(() => {
    const bytes = Buffer.from(original);
    bytes.writeUInt8((bytes.readUInt8(70_000) ^ 1) & 0xff, 70_000);
    writeFileSync(file, bytes);
  });
  afterEach(destroyTestStores);

  test('is not restored; the newest good one is offered and nothing is made', async () => {
    const name = uniqueName();
    const error = (await restoreStore({ file, name }).catch((caught: unknown) => caught)) as SnapshotError;
    expect(error).toBeInstanceOf(SnapshotError);
    expect(error).toMatchObject({ code: 'IMAGE_CORRUPT', file, newestGood: good });
    expect(error.message).toContain(good);
    expect(listStores().some((info) => info.name === name)).toBe(false);
  });

  test('is skipped, and said to be, when the newest good one of a directory is asked for', async () => {
    const { header } = await verifyImage(good).then((verified) => ({ header: verified }));
    const restored = await restoreStore({ directory, name: header.name, force: true });
    expect(restored).toMatchObject({ file: good, skipped: [{ file, problem: 'IMAGE_CORRUPT' }] });
    const store = openStore({ name: header.name, create: false, root: bankRoot() });
    expect(sumOf(store.root.accounts)).toBe(SUM);
    store.close();
    destroyStore(header.name);
  });
});

describe('openImage', () => {
  test('reads the past and refuses to change it', async () => {
    const { view, header } = await openImage(file, { root: bankRoot() });
    expect(view.root.accounts.get('account-2')).toBe(130);
    expect(view.lastTransactionId).toBe(header.transactionId);
    expect((await imageSum(good)).transfers).toBe(0);
    expect(() => view.root.transfers.add(1)).toThrow(ShmStoreError);
  });

  test('needs neither the file nor the store afterwards', async () => {
    const { view } = await openImage(file, { root: bankRoot() });
    rmSync(file);
    expect(sumOf(view.root.accounts)).toBe(SUM);
  });

  test('refuses roots of another type and unknown options', async () => {
    const root = { accounts: bankRoot().transfers };
    await expect(openImage(file, { root })).rejects.toBeInstanceOf(JournalError);
    expect(await codeOf(openImage(file, { roots: {} } as never))).toBe('UNKNOWN_OPTION');
  });

  test('can be aborted', async () => {
    expect(await codeOf(openImage(file, { signal: AbortSignal.abort() }))).toBe('ABORTED');
    expect(await codeOf(restoreStore({ file, name: uniqueName(), signal: AbortSignal.abort() }))).toBe('ABORTED');
  });
});

describe('the fixture of format 3', () => {
  test('is opened and restored by this version', async () => {
    const fixture = join(directory, 'fixture.img');
    writeFileSync(fixture, gunzipSync(readFileSync(new URL('./fixtures/bank-format-3.mofo.gz', import.meta.url))));
    const { view, header } = await openImage(fixture, { root: bankRoot() });
    expect(header).toMatchObject({ name: 'fixture', sizeBytes: 2 ** 20, timeline: 0, epoch: 1 });
    expect(sumOf(view.root.accounts)).toBe(SUM);
    expect(view.root.transfers.value).toBe(3);
    const name = uniqueName();
    await restoreStore({ file: fixture, name });
    const store = openStore({ name, create: false, root: bankRoot() });
    transfer(store, 1, 2, 5);
    expect(sumOf(store.root.accounts)).toBe(SUM);
    expect(store.root.transfers.value).toBe(4);
    store.close();
  });

  test('of format 2, which was never released, is refused on purpose', async () => {
    const fixture = join(directory, 'older.img');
    writeFileSync(fixture, gunzipSync(readFileSync(new URL('./fixtures/bank-format-2.mofo.gz', import.meta.url))));
    expect(await codeOf(openImage(fixture, { root: bankRoot() }))).toBe('FORMAT_UNKNOWN');
    expect(await codeOf(restoreStore({ file: fixture, name: uniqueName() }))).toBe('FORMAT_UNKNOWN');
  });
});
