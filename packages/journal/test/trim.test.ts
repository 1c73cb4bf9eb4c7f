// store.trim(): memory that the data no longer needs goes back to the system, and nothing else changes.

import { ShmStoreError } from '@mofo/shm-store';
import { afterEach, describe, expect, test } from 'vitest';
import { list } from '../src/collections/list.ts';
import { destroyStore, listStores, text } from '../src/index.ts';
import { openStore, type Store } from '../src/store.ts';
import { checkHeap, ownedBlocks } from './support/check-heap.ts';

const MIB = 2 ** 20;
const roots = { lines: list(text()), kept: list(text()) };
const name = `test-${process.pid}-trim`;
let store: Store<typeof roots> | undefined;

afterEach(() => {
  store?.close();
  store = undefined;
  destroyStore(name, { force: true });
});

function open(): Store<typeof roots> {
  store = openStore({ name, sizeBytes: 64 * MIB, root: roots });
  return store;
}

function fill(target: Store<typeof roots>, lines: number): void {
  for (let batch = 0; batch < lines; batch += 500)
    target.transaction(() => {
      for (let k = 0; k < 500; k++) target.root.lines.push(`${'x'.repeat((k * 37) % 3000)} ${k}`);
    });
}

function problemsOf(target: Store<typeof roots>): string[] {
  const { problems, live } = checkHeap(new Uint8Array(target.native.windows[0] as ArrayBuffer));
  const owned = ownedBlocks(target.memory, problems);
  for (const block of live) if (!owned.has(block)) problems.push(`block ${block} leaked`);
  return problems;
}

function backedBytes(): number {
  return listStores().find((info) => info.name === name)!.backedBytes;
}

describe('store.trim()', () => {
  test('returns what deleted data took, keeps the rest, and the store grows again', () => {
    const target = open();
    for (let k = 0; k < 100; k++) target.root.kept.push(`kept ${k}`);
    fill(target, 6000);
    const full = target.status.reservedBytes;
    expect(full).toBeGreaterThan(8 * MIB);
    target.transaction(() => target.root.lines.clear());
    expect(target.status.reservedBytes).toBe(full);
    const before = backedBytes();
    const report = target.trim();
    expect(report.result).toBe('done');
    expect(report.freedBytes).toBeGreaterThan(full);
    expect(backedBytes()).toBe(before - report.freedBytes);
    expect(target.status.reservedBytes).toBe(report.reservedBytes);
    expect(report.reservedBytes).toBeLessThan(full / 2);
    expect(problemsOf(target)).toEqual([]);
    expect(target.root.kept.toArray()).toEqual(Array.from({ length: 100 }, (_, k) => `kept ${k}`));
    fill(target, 6000);
    expect(target.root.lines.length).toBe(6000);
    expect(problemsOf(target)).toEqual([]);
  });

  test('with another handle open, only lowers the end of the heap', () => {
    const target = open();
    fill(target, 2000);
    target.transaction(() => target.root.lines.clear());
    const other = openStore({ name, root: roots });
    const reserved = target.status.reservedBytes;
    expect(target.trim()).toMatchObject({ result: 'attached', freedBytes: 0, reservedBytes: reserved });
    expect(problemsOf(target)).toEqual([]);
    other.root.lines.push('still works');
    expect(target.root.lines.toArray()).toEqual(['still works']);
    other.close();
  });

  test('is refused where it would change the bounds under a reader', () => {
    const target = open();
    const codeOf = (body: () => unknown): unknown => {
      try {
        body();
      } catch (error) {
        if (error instanceof ShmStoreError) return error.code;
        throw error;
      }
      return 'none';
    };
    expect(codeOf(() => target.transaction(() => target.trim()))).toBe('IN_TRANSACTION');
    expect(codeOf(() => target.read(() => target.trim()))).toBe('IN_TRANSACTION');
  });
});
