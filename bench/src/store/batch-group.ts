// One process: add all (batches of 1,000) → get all → scan → mix (delete an old key, add a new one) → delete all. Twice: see warm-up.ts.

import type { Group, MeasureContext, Measured } from '../framework/bench.ts';
import type { Key, KeyKind, ValueKind } from './data.ts';
import type { Peer } from './peer.ts';
import { nsPerOperation } from './sizes.ts';
import { measuresReads, subjects } from './subjects.ts';
import { measureTwice } from './warm-up.ts';
import { makeWorkload, requireEqual, timeGets, timeInBatches, timeScan } from './workload.ts';

const MEMORY_SUBJECTS = ['mofo', 'lmdb', 'map'];
/** Of these the first pass is reported too. */
const COLD_KINDS = ['int-random.number', 'string20.number'];

/** Measures batches, look-ups and scans of one kind of keys and values. */
export function batchGroup(keyKind: KeyKind, valueKind: ValueKind, onDemand: boolean): Group {
  const kinds = `${keyKind}.${valueKind}`;
  const coldCases = COLD_KINDS.includes(kinds) ? [`add.batch1000.${kinds}`, `get.${kinds}`, `scan.${kinds}`] : [];
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
      ...(hasMemoryCase(kinds) ? [{ name: `memory.${kinds}`, unit: 'bytes/entry' }] : []),
      ...coldCases.map((name) => nsPerOperation(`cold.${name}`)),
    ],
    subjects,
    onDemand,
    measure: async (context) => {
      const { cold, warm } = await measureTwice(context, keyKind, valueKind, (peer, { entries }) =>
        measureBatches(context, peer, keyKind, valueKind, entries),
      );
      const asCold = cold.filter((measured) => coldCases.includes(measured.case));
      return [...warm, ...asCold.map((measured) => ({ ...measured, case: `cold.${measured.case}` }))];
    },
  };
}

async function measureBatches(
  { subject }: MeasureContext,
  peer: Peer,
  keyKind: KeyKind,
  valueKind: ValueKind,
  entries: number,
): Promise<Measured[]> {
  const kinds = `${keyKind}.${valueKind}`;
  const work = makeWorkload(keyKind, valueKind, entries);
  const { keys, others, order, valueAt } = work;
  const result: Measured[] = [];
  const put = (key: Key, entry: number): unknown => peer.set(key, valueAt(entry));
  result.push({ case: `add.batch1000.${kinds}`, value: await timeInBatches(peer, keys, put) });
  requireEqual('size after adding', await peer.size(), keys.length);
  if (hasMemoryCase(kinds) && MEMORY_SUBJECTS.includes(subject) && peer.usedBytes !== undefined)
    result.push({ case: `memory.${kinds}`, value: peer.usedBytes() / keys.length });
  const get = await timeGets(peer, work);
  const scan = peer.scan && timeScan(peer.scan, work);
  if (measuresReads(subject)) {
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
}

function hasMemoryCase(kinds: string): boolean {
  return kinds === 'int-random.number';
}
