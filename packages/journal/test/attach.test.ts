// Who attaches to a store that holds much sees little of it at first, and the rest when a read goes there.

import { bytes, f64 } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { destroyStore } from '../src/index.ts';
import { openStore } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';

const MIB = 2 ** 20;
const BLOBS = 100;
const root = { blobs: tree(f64(), bytes()), numbers: tree(f64(), f64()) };
let count = 0;
let name: string;

beforeEach(() => {
  name = `test-${process.pid}-attach-${count++}`;
});
afterEach(() => {
  destroyStore(name, { force: true });
});

describe('a store that is attached to', { timeout: 60_000 }, () => {
  test('shows the beginning of its heap, then what a read reaches, and everything to a transaction', () => {
    using writer = openStore({ name, sizeBytes: 256 * MIB, root });
    for (let n = 0; n < BLOBS; n++) writer.root.blobs.set(n, new Uint8Array(MIB - 4096).fill(n));
    // In blocks that were made last, behind all blobs.
    for (let n = 0; n < 1000; n++) writer.root.numbers.set(n, n * 3);
    using reader = openStore({ name, root });
    const shownBytes = (): number => reader.native.windows.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(reader.status.reservedBytes).toBeGreaterThan(BLOBS * MIB);
    expect(shownBytes()).toBe(16 * MIB);
    for (let n = BLOBS - 1; n >= 0; n--) expect(reader.root.blobs.get(n)?.[12345]).toBe(n);
    expect(shownBytes()).toBeGreaterThan(64 * MIB);
    expect(reader.root.numbers.get(999)).toBe(2997);

    using changer = openStore({ name, root });
    expect(changer.native.windows[0]?.byteLength).toBe(16 * MIB);
    changer.root.numbers.set(999, 1);
    changer.root.blobs.delete(50);
    expect(changer.native.windows[0]?.byteLength).toBeGreaterThanOrEqual(changer.status.reservedBytes);
    expect(reader.root.numbers.get(999)).toBe(1);
    expect(reader.root.blobs.get(50)).toBe(undefined);
    expect([...reader.root.numbers.values()].slice(0, 999)).toEqual(Array.from({ length: 999 }, (_, n) => n * 3));
  });

  test('says CORRUPT of a ref to what is not reserved, however little it shows', () => {
    using writer = openStore({ name, sizeBytes: 256 * MIB, root });
    for (let n = 0; n < 40; n++) writer.root.blobs.set(n, new Uint8Array(MIB - 4096));
    using reader = openStore({ name, root });
    const { door } = reader.memory;
    const reserved = reader.status.reservedBytes / 16;
    expect(() => door.at(reserved)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(reader.native.windows[0]?.byteLength).toBe(16 * MIB);
    expect(() => door.at(reserved - 1)).not.toThrow();
    expect(reader.native.windows[0]?.byteLength).toBeGreaterThanOrEqual(reserved * 16);
  });
});
