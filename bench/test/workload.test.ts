// A figure of wrong work is none: a subject that loses, invents or changes something is found out by the work loads themselves.

import { describe, expect, test } from 'vitest';
import type { Key, Value } from '../src/store/data.ts';
import { openMap } from '../src/store/map-peer.ts';
import type { Peer } from '../src/store/peer.ts';
import { makeReading, readFor } from '../src/store/reader-part.ts';
import { makeWorkload, requireEqual, timeEach, timeGets, timeInBatches, timeScan } from '../src/store/workload.ts';

const COUNT = 2_000;
const work = makeWorkload('int-random', 'number', COUNT);

async function filled(change: Partial<Peer> = {}): Promise<Peer> {
  const peer: Peer = { ...openMap(), ...change };
  await timeInBatches(peer, work.keys, (key, entry) => peer.set(key, work.valueAt(entry)));
  return peer;
}

describe('work loads', () => {
  test('give a time for right work', async () => {
    const peer = await filled();
    expect(await peer.size()).toBe(COUNT);
    expect(await timeGets(peer, work)).toBeGreaterThan(0);
    expect(timeScan(peer.scan as NonNullable<Peer['scan']>, work)).toBeGreaterThan(0);
    expect(await timeEach(peer, work.order, (key) => peer.delete(key))).toBeGreaterThan(0);
    expect(await peer.size()).toBe(0);
  });

  test('wait for asynchronous peers, batch by batch', async () => {
    const map = new Map<Key, Value>();
    let pending: (() => void)[] = [];
    let batches = 0;
    const peer: Peer = {
      ...openMap(),
      isAsync: true,
      batch: async (body) => {
        body();
        await new Promise((resolve) => setImmediate(resolve));
        for (const change of pending) change();
        pending = [];
        batches++;
      },
      set: (key, value) => pending.push(() => map.set(key, value)),
    };
    await timeInBatches(peer, work.keys, (key, entry) => peer.set(key, work.valueAt(entry)));
    expect({ batches, size: map.size }).toEqual({ batches: COUNT / 1000, size: COUNT });
  });

  test('find a lost value', async () => {
    const peer = await filled();
    const lossy = { ...peer, get: (key: Key) => (key === work.keys[77] ? 0 : peer.get(key)) };
    await expect(timeGets(lossy, work)).rejects.toThrow('Wrong sum of all values looked up');
    await expect(readFor(lossy, makeReading({ quick: true }), 50, 0)).rejects.toThrow(
      'Wrong sum of the values looked up',
    );
  });

  test('find a scan that misses an entry, or gives one twice', async () => {
    const peer = await filled();
    const scan = peer.scan as NonNullable<Peer['scan']>;
    expect(() => timeScan((digest) => ({ ...scan(digest), count: COUNT - 1 }), work)).toThrow(
      'Wrong number of entries',
    );
    expect(() => timeScan((digest) => ({ ...scan(digest), sum: scan(digest).sum + 5 }), work)).toThrow('Wrong sum');
  });

  test('take no size for another', () => {
    expect(() => requireEqual('size', 999_999, 1_000_000)).toThrow('Wrong size: 999999 in place of 1000000.');
    expect(() => requireEqual('size', 1, 0)).toThrow('Wrong size');
    expect(() => requireEqual('value', Number.NaN, 3)).toThrow('Wrong value');
  });
});
