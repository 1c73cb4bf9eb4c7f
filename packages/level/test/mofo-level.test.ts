// What is special to this database among those of Level: locations, sizes, limits, errors and their causes. The rest is the published suite's business.

import { openStore, text, tree } from '@mofo/journal';
import { describe, expect, test } from 'vitest';
import { MofoLevel, MofoLevelError, SNAPSHOT_COUNT_MAX } from '../src/index.ts';
import { makeLocation, openDatabase } from './support/database.ts';
import { countSnapshots } from './support/snapshot-count.ts';

/** The error's code and that of its cause. */
async function codesOf(call: Promise<unknown> | (() => unknown)): Promise<[unknown, unknown]> {
  try {
    await (typeof call === 'function' ? call() : call);
  } catch (error) {
    const { code, cause } = error as { code: unknown; cause?: { code: unknown } };
    return [code, cause?.code];
  }
  return [undefined, undefined];
}

describe('a location', () => {
  test.each(['', '/tmp/db', './db', '_a', '-a', 'ä', 'a b', 'a.b', 'x'.repeat(65), undefined, null, 5, {}])(
    'is refused: %j',
    async (location) => {
      expect(await codesOf(() => new MofoLevel(location as string))).toEqual(['LEVEL_INVALID_LOCATION', undefined]);
      expect(await codesOf(MofoLevel.destroy(location as string))).toEqual(['LEVEL_INVALID_LOCATION', undefined]);
    },
  );

  test('names what is stored: who opens it next has the data, also other packages', async () => {
    const location = makeLocation();
    const first = await openDatabase(location);
    expect(first.location).toBe(location);
    await first.put('a', '1');
    await first.close();
    const second = new MofoLevel(location);
    expect(await second.get('a')).toBe('1');
    await second.close();
    const store = openStore({ name: location, create: false, root: { mine: tree(text(), text()) } });
    store.root.mine.set('b', '2');
    expect(await (await openDatabase(location)).keys().all()).toEqual(['a']);
    store.close();
  });
});

describe('opening', () => {
  test.each([
    [0, 'INVALID_SIZE'],
    [-1, 'INVALID_SIZE'],
    [2 ** 20 + 1, 'INVALID_SIZE'],
    [2 ** 40, 'INVALID_SIZE'],
  ])('with sizeBytes %d is refused', async (sizeBytes, cause) => {
    const database = new MofoLevel(makeLocation(), { sizeBytes });
    const error = await database.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'LEVEL_DATABASE_NOT_OPEN',
      cause: { code: 'LEVEL_INVALID_OPTION', cause: { code: cause } },
    });
  });

  test('with another size than it has is refused, without one it is not', async () => {
    const location = makeLocation();
    await openDatabase(location);
    const error = await new MofoLevel(location, { sizeBytes: 2 ** 20 }).open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ cause: { code: 'LEVEL_INVALID_OPTION', cause: { code: 'SIZE_MISMATCH' } } });
    const other = new MofoLevel(location);
    await other.open();
    await other.close();
  });

  test('with createIfMissing: false asks for the database, not only for a store of that name', async () => {
    const location = makeLocation();
    const open = () => new MofoLevel(location, { createIfMissing: false }).open().catch((reason: unknown) => reason);
    expect(await open()).toMatchObject({ cause: { code: 'LEVEL_DATABASE_MISSING', cause: { code: 'NOT_FOUND' } } });
    const store = openStore({ name: location, sizeBytes: 2 ** 20 });
    expect(await open()).toMatchObject({ cause: { code: 'LEVEL_DATABASE_MISSING' } });
    await (await openDatabase(location, { sizeBytes: 2 ** 20, errorIfExists: true })).close();
    expect(await open()).toBe(undefined);
    store.close();
  });

  test('refuses a store whose roots are something else', async () => {
    const location = makeLocation();
    openStore({ name: location, sizeBytes: 2 ** 20, root: { 'level.entries': tree(text(), text()) } }).close();
    expect(await new MofoLevel(location).open().catch((reason: unknown) => reason)).toMatchObject({
      cause: { code: 'LEVEL_CORRUPTION', cause: { code: 'ROOT_MISMATCH' } },
    });
  });

  test('refuses a wrong implicitSnapshots', async () => {
    const options = { implicitSnapshots: 'no' as unknown as boolean };
    expect(await codesOf(() => new MofoLevel('a', options))).toEqual(['LEVEL_INVALID_OPTION', undefined]);
  });
});

describe('a key', () => {
  const longest = Buffer.alloc(1023, 0xff);

  test('may have 1,023 bytes, fewer if there are bytes 0 and 1; longer ones are refused everywhere', async () => {
    const database = await openDatabase();
    const buffers = { keyEncoding: 'buffer' } as object;
    await database.put(longest as unknown as string, 'v', buffers);
    await database.put(Buffer.alloc(511) as unknown as string, 'v', buffers);
    expect(await database.keys({ keyEncoding: 'hex' } as object).all()).toEqual([
      Buffer.alloc(511).toString('hex'),
      longest.toString('hex'),
    ]);
    const tooLong = 'x'.repeat(1024);
    const expected = ['LEVEL_INVALID_KEY', 'KEY_TOO_LONG'];
    expect(await codesOf(database.put(tooLong, 'v'))).toEqual(expected);
    expect(await codesOf(database.put('\0'.repeat(512), 'v'))).toEqual(expected);
    expect(await codesOf(database.get(tooLong))).toEqual(expected);
    expect(await codesOf(() => database.getSync(tooLong))).toEqual(expected);
    expect(await codesOf(database.getMany(['a', tooLong]))).toEqual(expected);
    expect(await codesOf(database.has(tooLong))).toEqual(expected);
    expect(await codesOf(database.clear({ gt: tooLong }))).toEqual(expected);
    const iterator = database.iterator({ gt: tooLong });
    expect(await codesOf(iterator.next())).toEqual(expected);
    await iterator.close();
    expect(
      await codesOf(
        database.batch([
          { type: 'put', key: 'b', value: 'v' },
          { type: 'del', key: tooLong },
        ]),
      ),
    ).toEqual(expected);
    expect(await database.get('b')).toBe(undefined);
    expect(countSnapshots(database.location)).toEqual({ snapshots: 0, kept: 0 });
  });

  test('sorts by its bytes, so text by code point', async () => {
    const database = await openDatabase();
    const keys = ['', '\0', '\u0001', 'a', 'a\0', 'ab', 'é', '\uff5e', '\u{1f600}'];
    await database.batch([...keys].reverse().map((key) => ({ type: 'put', key, value: key })));
    expect(await database.keys().all()).toEqual(keys);
    expect(await database.values({ reverse: true }).all()).toEqual([...keys].reverse());
  });
});

describe('a full store', () => {
  test('refuses the whole batch, keeps what it has, and takes more when there is room', async () => {
    const database = await openDatabase(makeLocation(), { sizeBytes: 2 ** 20 });
    const big = 'x'.repeat(300_000);
    await database.put('big', big);
    const puts = ['a', 'b', 'c', 'd'].map((key) => ({ type: 'put' as const, key, value: big }));
    expect(await codesOf(database.batch(puts))).toEqual(['LEVEL_STORE_FULL', 'STORE_FULL']);
    expect(await database.keys().all()).toEqual(['big']);
    await database.clear();
    await database.put('a', big);
    expect(await database.get('a')).toBe(big);
  });
});

describe('a store that is too full to pass on what a snapshot keeps', () => {
  test('lets it be closed all the same; older snapshots stay right, and all is freed later', async () => {
    const database = await openDatabase(makeLocation(), { sizeBytes: 2 ** 20 });
    const big = 'x'.repeat(200_000);
    await database.put('a', big);
    const older = database.snapshot();
    await database.put('b', 'small');
    const younger = database.snapshot();
    await database.del('a');
    let filled = 0;
    for (; filled < 1000; filled++) {
      const [code] = await codesOf(database.put(`fill ${filled}`, 'y'.repeat(20_000)));
      if (code === 'LEVEL_STORE_FULL') break;
      expect(code).toBe(undefined);
    }
    expect(filled).toBeLessThan(1000);
    await younger.close();
    expect(countSnapshots(database.location).snapshots).toBe(2);
    expect(await database.iterator({ snapshot: older }).all()).toEqual([['a', big]]);
    await older.close();
    expect(countSnapshots(database.location)).toMatchObject({ snapshots: 1 });
    // The next write that finds no room looks for what can be freed.
    await database.put('a', 'y'.repeat(100_000));
    expect(countSnapshots(database.location)).toEqual({ snapshots: 0, kept: 0 });
  });
});

describe('a database that was destroyed', () => {
  test('refuses changes and snapshots on handles that see the old one', async () => {
    const location = makeLocation();
    const database = await openDatabase(location, { sizeBytes: 2 ** 20 });
    await database.put('a', '1');
    expect(await MofoLevel.destroy(location)).toBe(true);
    expect(await MofoLevel.destroy(location)).toBe(false);
    expect(await codesOf(database.put('a', '2'))).toEqual(['LEVEL_DATABASE_NOT_OPEN', 'RETIRED']);
    expect((await codesOf(() => database.snapshot()))[0]).toBe('LEVEL_DATABASE_NOT_OPEN');
    expect(await database.get('a')).toBe('1');
    await database.close();
    await database.open();
    expect(await database.get('a')).toBe(undefined);
  });

  test('is not touched while a process is in the middle of a transaction', async () => {
    const location = makeLocation();
    const database = await openDatabase(location);
    const store = openStore({ name: location });
    let destroyed: Promise<unknown> = Promise.resolve();
    store.transaction(() => {
      destroyed = codesOf(MofoLevel.destroy(location));
    });
    expect(await destroyed).toEqual(['LEVEL_IO_ERROR', 'STORE_BUSY']);
    await database.put('a', '1');
    store.close();
  });

  test('can be closed with snapshots and iterators open', async () => {
    const database = await openDatabase();
    await database.put('a', '1');
    database.snapshot();
    await database.iterator().next();
    await MofoLevel.destroy(database.location);
    await database.close();
    expect(database.status).toBe('closed');
  });
});

describe('snapshots', () => {
  test('of another handle are refused', async () => {
    const location = makeLocation();
    const [one, other] = [await openDatabase(location), await openDatabase(location)];
    const snapshot = other.snapshot();
    const expected = ['LEVEL_NOT_SUPPORTED', undefined];
    expect(await codesOf(one.get('a', { snapshot }))).toEqual(expected);
    expect(await codesOf(one.clear({ snapshot }))).toEqual(expected);
    expect(await codesOf(() => one.iterator({ snapshot }))).toEqual(expected);
    await snapshot.close();
  });

  test(`are at most ${SNAPSHOT_COUNT_MAX}; those of one moment are one`, { timeout: 120_000 }, async () => {
    const database = await openDatabase(makeLocation(), { sizeBytes: 2 ** 24 });
    const iterators = Array.from({ length: 2 * SNAPSHOT_COUNT_MAX }, () => database.iterator());
    expect(countSnapshots(database.location).snapshots).toBe(1);
    await Promise.all(iterators.map((iterator) => iterator.close()));
    for (let k = 0; k < SNAPSHOT_COUNT_MAX; k++) {
      database.snapshot();
      await database.put('k', String(k));
    }
    expect(countSnapshots(database.location).snapshots).toBe(SNAPSHOT_COUNT_MAX);
    expect((await codesOf(() => database.iterator()))[0]).toBe('LEVEL_TOO_MANY_SNAPSHOTS');
    expect(await database.get('k')).toBe(String(SNAPSHOT_COUNT_MAX - 1));
    await database.close();
    expect(countSnapshots(database.location)).toEqual({ snapshots: 0, kept: 0 });
  });

  test('a snapshot that was taken away says so and reads nothing else', async () => {
    const database = await openDatabase();
    await database.put('a', '1');
    const snapshot = database.snapshot();
    const iterator = database.iterator({ snapshot });
    const store = openStore({ name: database.location, create: false });
    await database.put('a', '2');
    // As if this thread had been taken for dead.
    const { SnapshotTable } = await import('../src/snapshot-table.ts');
    const { openLevelStore } = await import('../src/open-level-store.ts');
    const opened = openLevelStore({
      location: database.location,
      sizeBytes: undefined,
      createIfMissing: true,
      errorIfExists: false,
    });
    const [id] = opened.roots.snapshots.keys();
    new SnapshotTable(opened.store, opened.roots).release({ id: id as number, commitCount: 0, users: 1 });
    expect((await codesOf(database.get('a', { snapshot })))[0]).toBe('LEVEL_SNAPSHOT_NOT_OPEN');
    expect((await codesOf(iterator.next()))[0]).toBe('LEVEL_SNAPSHOT_NOT_OPEN');
    opened.store.close();
    store.close();
  });
});

test('errors are of one class, with a name and a message that says what to do', () => {
  const error = new MofoLevelError('LEVEL_INVALID_KEY', 'text', { cause: 5 });
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    'MofoLevelError',
    'LEVEL_INVALID_KEY',
    'text',
    5,
  ]);
});
