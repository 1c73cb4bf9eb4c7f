// Where a block starts is proved by its slab, never by its header: bytes in a blob can imitate a header perfectly (R2).

import { expect, test } from 'vitest';
import { isLiveHeader, writeLiveHeader } from '../src/heap/block-header.ts';
import { LAYOUT_BLOB } from '../src/layout.ts';
import { code, openStore } from './types-fixture.ts';

test.each([
  ['a small block', 200],
  ['a block of the largest size class', 8000],
  ['a large block', 30_000],
])('perfect headers inside %s prove nothing', (_, payloadBytes) => {
  const { memory, transactions } = openStore();
  const { door, heap } = memory;
  const block = transactions.transaction(() => {
    const made = heap.allocate(LAYOUT_BLOB, payloadBytes);
    for (let granule = made + 1; granule < made + Math.floor(payloadBytes / 16); granule++) {
      const i = door.own(made, granule, 1);
      writeLiveHeader(door.words, i, granule, LAYOUT_BLOB, 7, 1);
    }
    return made;
  });
  heap.prove(block);
  let forged = 0;
  for (let granule = block + 1; granule < block + Math.floor(payloadBytes / 16); granule++) {
    const i = door.at(granule);
    expect(isLiveHeader(door.words, i, granule)).toBe(true);
    expect(heap.isLive(granule, 7)).toBe(false);
    expect(() => heap.check(granule, LAYOUT_BLOB)).toThrow(code('CORRUPT'));
    expect(() => transactions.transaction(() => heap.free(granule))).toThrow(code('CORRUPT'));
    forged++;
  }
  expect(forged).toBeGreaterThan(10);
  expect(heap.isLive(block, heap.stampOf(block))).toBe(true);
});

test('any granule of the store is a block, or refused with a code', () => {
  const { memory, transactions, native } = openStore();
  const { heap } = memory;
  const blocks = new Set<number>();
  transactions.transaction(() => {
    for (const bytes of [16, 40, 300, 5000, 20_000, 16]) blocks.add(heap.allocate(LAYOUT_BLOB, bytes));
  });
  const proofOf = (granule: number): unknown => {
    try {
      heap.prove(granule);
      return 'block';
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  const end = (native.windows[0] as ArrayBuffer).byteLength / 16;
  for (const granule of [...Array(end + 2000).keys(), -1, -(2 ** 31), 2 ** 31 - 1]) {
    if (proofOf(granule | 0) !== (blocks.has(granule) ? 'block' : 'CORRUPT')) expect(granule).toBe('judged rightly');
  }
});
