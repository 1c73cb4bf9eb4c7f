// Native regions: an addon's raw pointers work in every process and thread, at the recorded address or not at all; and what an addon does wrong has a message,
// never a crash.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN_BASE_ADDRESS, MAIN_REGIONS, ShmStoreError } from '@mofo/shm-store';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { destroyStore } from '../src/index.ts';
import { openStore, type Store } from '../src/store.ts';
import { checkHeap } from './support/check-heap.ts';
import { ChildProgram } from './support/child-program.ts';
import { buildWordList, loadWordList, type WordList } from './support/word-list.ts';

const MIB = 2 ** 20;
const KILL_COUNT = 12;
const roots = { total: counter() };
const name = `test-${process.pid}-regions`;

let folder = '';
let addon = '';
let wordList: WordList;
let store: Store<typeof roots>;
const children = new Set<ChildProgram>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-regions-'));
  addon = buildWordList(folder);
  wordList = loadWordList(addon);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  children.clear();
  store?.close();
  destroyStore(name, { force: true });
});

function open(): Store<typeof roots> {
  store = openStore({ name, sizeBytes: 4 * MIB, root: roots });
  return store;
}

function start(...args: string[]): ChildProgram {
  const child = new ChildProgram('word-list.mjs', args);
  children.add(child);
  return child;
}

function codeOf(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    if (error instanceof ShmStoreError) return error.code;
    throw error;
  }
  return 'none';
}

/** Makes the region "words" and inserts into it. */
function makeWords(...words: string[]): { handle: object; block: number; sizeBytes: number } {
  const region = open().regions.create('words', 100_000);
  store.transaction(() => {
    for (const word of words) wordList.insert(region.handle, word);
  });
  return region;
}

describe('a region', () => {
  test('is made, listed, found again and removed, with its memory', () => {
    const { regions } = open();
    const before = checkHeap(new Uint8Array(store.native.windows[0] as ArrayBuffer)).live;
    const made = regions.create('graph', 20_000);
    expect(made.sizeBytes).toBe(32_768 - 4096);
    expect(regions.create('tiny ü', 1).sizeBytes).toBe(16_384 - 4096);
    expect(regions.list().map((region) => region.name)).toEqual(['graph', 'tiny ü']);
    expect(regions.open('graph')).toMatchObject({ name: 'graph', sizeBytes: made.sizeBytes, block: made.block });
    regions.remove('graph');
    regions.remove('tiny ü');
    expect(regions.list()).toEqual([]);
    const { live, problems } = checkHeap(new Uint8Array(store.native.windows[0] as ArrayBuffer));
    expect([[...live], problems]).toEqual([[...before], []]);
  });

  test('is made by the transaction it is made in, or not at all', () => {
    const { regions } = open();
    let handle: object = {};
    const planned = new Error('planned');
    const attempt = (): void =>
      store.transaction(() => {
        ({ handle } = regions.create('graph', 1));
        throw planned;
      });
    expect(attempt).toThrow(planned);
    expect(regions.list()).toEqual([]);
    expect(() => wordList.words(handle)).toThrow('was removed');
  });

  test.each<[string, (regions: Store['regions']) => unknown, string]>([
    ['of a name that is there', (regions) => regions.create('there', 1), 'REGION_EXISTS'],
    ['that is not there', (regions) => regions.open('missing'), 'REGION_NOT_FOUND'],
    ['to remove that is not there', (regions) => regions.remove('missing'), 'REGION_NOT_FOUND'],
    ['without a name', (regions) => regions.create('', 1), 'INVALID_ARGUMENT'],
    ['of a long name', (regions) => regions.create('x'.repeat(129), 1), 'INVALID_ARGUMENT'],
    ['of half a character', (regions) => regions.create('\ud800', 1), 'INVALID_ARGUMENT'],
    ['of no size', (regions) => regions.create('x', 0), 'INVALID_ARGUMENT'],
    ['of half a byte', (regions) => regions.create('x', 1.5), 'INVALID_ARGUMENT'],
    ['larger than a window', (regions) => regions.create('x', 2 ** 32), 'INVALID_ARGUMENT'],
    ['larger than the store', (regions) => regions.create('x', 8 * MIB), 'STORE_FULL'],
  ])('%s is refused: %s', (_, body, code) => {
    const { regions } = open();
    regions.create('there', 1);
    expect(codeOf(() => body(regions))).toBe(code);
    expect(regions.list().map((region) => region.name)).toEqual(['there']);
  });

  test('32 are the most', () => {
    const { regions } = open();
    for (let k = 0; k < 32; k++) regions.create(`region ${k}`, 1);
    expect(codeOf(() => regions.create('one more', 1))).toBe('TOO_MANY_REGIONS');
    regions.remove('region 7');
    expect(regions.create('one more', 1).name).toBe('one more');
  });

  test('of which the table says nonsense is CORRUPT, and its handle is refused', () => {
    const { handle } = makeWords('a');
    const words = new Uint32Array(store.native.windows[0] as ArrayBuffer, MAIN_REGIONS, 4);
    const whole = [...words];
    for (const [index, value] of [
      [0, 5],
      [0, 0xffffffff],
      [1, 12345],
      [2, 0xffffffff],
    ] as const) {
      words.set(whole);
      words[index] = value;
      expect(codeOf(() => store.regions.list())).toBe('CORRUPT');
      expect(() => wordList.words(handle)).toThrow('was removed');
    }
    words.set(whole);
    expect(wordList.words(handle)).toEqual(['a']);
  });
});

describe('an addon', () => {
  test('finds its pointers again in another process and in a worker thread of it', async () => {
    makeWords('one', 'two');
    const address = String(wordList.address(store.regions.open('words').handle));
    const child = start('in-worker', name, addon);
    expect(await child.next()).toEqual({ words: ['two', 'one'], address });
    expect(await child.next()).toEqual({ words: ['two', 'one'], address });
    expect(await child.ended).toBe('0');
  });

  test.each<[string, () => unknown, string]>([
    ['any object', () => wordList.words({}), 'not the handle'],
    ['no object', () => wordList.words(7 as never), 'not the handle'],
    ['the store', () => wordList.words(store.native), 'not the handle'],
    ['a write outside a transaction', () => wordList.insert(store.regions.open('words').handle, 'x'), 'only inside'],
    [
      'a write in a read section',
      () => store.read(() => wordList.insert(store.regions.open('words').handle, 'x')),
      'only inside',
    ],
  ])('is told of %s', (_, body, message) => {
    makeWords('a');
    expect(body).toThrow(message);
    expect(wordList.words(store.regions.open('words').handle)).toEqual(['a']);
  });

  test('is refused a range beyond the region, a region that was removed, and a store that was closed', () => {
    const { handle } = makeWords('a');
    const fill = (): void =>
      store.transaction(() => {
        for (;;) wordList.insert(handle, 'x'.repeat(1000));
      });
    expect(fill).toThrow('out of the native region');
    expect(wordList.words(handle).at(-1)).toBe('a');
    store.regions.remove('words');
    expect(() => wordList.words(handle)).toThrow('was removed');
    const next = store.regions.create('words', 1);
    expect(() => wordList.words(handle)).toThrow('was removed');
    store.close();
    expect(() => wordList.words(next.handle)).toThrow('was closed');
  });

  test('that is killed at any moment leaves a list that the next one reads', { timeout: 120_000 }, async () => {
    const { handle } = makeWords();
    let before = 0;
    for (let kill = 0; kill < KILL_COUNT; kill++) {
      const child = start('insert', name, addon);
      await child.next();
      const target = before + 200 + kill * 37;
      while (child.isRunning && store.transaction(() => wordList.words(handle).length) < Math.min(target, 2000)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await child.kill();
      const words = store.transaction(() => wordList.words(handle));
      expect(words.length).toBeGreaterThanOrEqual(before);
      expect(words.every((word) => /^word \d+ \d+$/.test(word))).toBe(true);
      before = words.length;
    }
    expect(before).toBeGreaterThan(200);
  });
});

describe('the address', () => {
  test('is the recorded one in every process, or the store is refused', async () => {
    makeWords('a');
    const base = new BigUint64Array(store.native.windows[0] as ArrayBuffer, MAIN_BASE_ADDRESS, 1)[0] as bigint;
    const child = start('occupied', name, addon, String(base));
    expect(await child.next()).toEqual({ code: 'ADDRESS_TAKEN' });
    await child.ended;
    store.regions.remove('words');
    const again = start('occupied', name, addon, String(base));
    expect(await again.next()).toEqual({ code: 'none' });
    await again.ended;
  });

  test('may not be said to be of no matter', () => {
    makeWords('a');
    expect(codeOf(() => openStore({ name, exactAddress: false }))).toBe('ADDRESS_REQUIRED');
    const other = openStore({ name });
    expect(wordList.words(other.regions.open('words').handle)).toEqual(['a']);
    other.close();
  });
});

describe('a copy for a snapshot', () => {
  function differingBytes(block: number, sizeBytes: number): number {
    const { native } = store;
    if (!native.lockBackup()) throw new Error('somebody reads the backup');
    native.copyToBackup();
    native.unlockBackup();
    const first = block * 16 + 4096;
    const main = readFileSync(`/dev/shm/mofo.${name}.main`).subarray(first, first + sizeBytes);
    const backup = readFileSync(`/dev/shm/mofo.${name}.backup`).subarray(first, first + sizeBytes);
    return main.reduce((sum, byte, k) => sum + (byte === backup[k] ? 0 : 1), 0);
  }

  test('holds what was written in transactions', () => {
    const { block, sizeBytes, handle } = makeWords('one');
    expect(differingBytes(block, sizeBytes)).toBe(0);
    store.transaction(() => wordList.insert(handle, 'two'));
    expect(differingBytes(block, sizeBytes)).toBe(0);
  });

  test('planted bug: bytes written without asking for them are missing', () => {
    const { block, sizeBytes } = makeWords('one');
    expect(differingBytes(block, sizeBytes)).toBe(0);
    new Uint8Array(store.native.windows[0] as ArrayBuffer)[block * 16 + 4096 + 9000] = 1;
    expect(differingBytes(block, sizeBytes)).toBe(1);
  });
});
