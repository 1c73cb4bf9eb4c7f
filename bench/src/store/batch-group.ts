// One process: add all (batches of 1,000) → get all → scan → mix (delete an old key, add a new one) → delete all.

import type { Group, Measured } from '../framework/bench.ts';
import type { Key, KeyKind, ValueKind } from './data.ts';
import { ENTRIES, nsPerOperation, sizeOf } from './sizes.ts';
import { measuresReads, subjects } from './subjects.ts';
import { withPeer } from './with-peer.ts';
import { makeWorkload, requireEqual, timeGets, timeInBatches, timeScan } from './workload.ts';

const MEMORY_SUBJECTS = ['mofo', 'lmdb', 'map'];

/** Measures batches, look-ups and scans of one kind of keys and values. */
export function batchGroup(keyKind: KeyKind, valueKind: ValueKind, onDemand: boolean): Group {
  const kinds = `${keyKind}.${valueKind}`;
  const withMemory = kinds === 'int-random.number';
  return {
    name: `batch1000.${kinds}`,
    cases: [
      ...[
        `add.batch1000.${kinds}`,
        `get.${kinds}`,
        `scan.${kinds}`,
        `mix.batch1000.${kinds}`,
        `delete.batch1000.${kinds}`,
      ].map(nsPerOperation),
      ...(withMemory ? [{ name: `memory.${kinds}`, unit: 'bytes/entry' }] : []),
    ],
    subjects,
    onDemand,
    measure: async (context) =>
      await withPeer(context, keyKind, valueKind, async (peer) => {
        const work = makeWorkload(keyKind, valueKind, sizeOf(ENTRIES, context));
        const { keys, others, order, valueAt } = work;
        const result: Measured[] = [];
        const put = (key: Key, entry: number): unknown => peer.set(key, valueAt(entry));
        result.push({ case: `add.batch1000.${kinds}`, value: await timeInBatches(peer, keys, put) });
        requireEqual('size after adding', await peer.size(), keys.length);
        if (withMemory && MEMORY_SUBJECTS.includes(context.subject) && peer.usedBytes !== undefined)
          result.push({ case: `memory.${kinds}`, value: peer.usedBytes() / keys.length });
        const get = await timeGets(peer, work);
        const scan = peer.scan && timeScan(peer.scan, work);
        if (measuresReads(context.subject)) {
          result.push({ case: `get.${kinds}`, value: get });
          if (scan !== undefined) result.push({ case: `scan.${kinds}`, value: scan });
        }
        const mix = await timeInBatches(peer, others, (key, entry) => {
          peer.delete(order[entry] as Key);
          peer.set(key, valueAt(entry));
        });
        result.push({ case: `mix.batch1000.${kinds}`, value: mix / 2 });
        requireEqual('size after mixing', await peer.size(), keys.length);
        const left = [...order.slice(others.length), ...others];
        const remove = await timeInBatches(peer, left, (key) => peer.delete(key));
        result.push({ case: `delete.batch1000.${kinds}`, value: remove });
        requireEqual('size after deleting', await peer.size(), 0);
        return result;
      }),
  };
}
