// The bench `store`: the journalled tree in shared memory beside lmdb and Map. Wall time per operation.
//
//   batch group, one process:   add all (batches of 1,000) → get all → scan → mix (delete an old key, add a new one) → delete all
//   commit group, one process:  add most in batches, then one transaction each: add the rest → mix → delete

import type { Bench, Group, MeasureContext, Measured } from '../framework/bench.ts';
import type { KeyKind, ValueKind } from './data.ts';
import { openLmdb } from './lmdb-peer.ts';
import { openMap } from './map-peer.ts';
import { openMofo } from './mofo-peer.ts';
import type { OpenPeer, Peer } from './peer.ts';
import { makeWorkload, requireEqual, timeEach, timeGets, timeInBatches, timeScan } from './workload.ts';

const ENTRIES = { full: 1_000_000, quick: 2_000 };
const COMMITS = { full: 100_000, quick: 200 };

const openers: Readonly<Record<string, OpenPeer>> = { mofo: openMofo, lmdb: openLmdb, map: openMap };

/** Combinations that say something; the others differ from one of these in what is known already. */
const combinations: readonly (readonly [KeyKind, ValueKind])[] = [
  ['int-random', 'number'],
  ['int-random', 'record5'],
  ['int-random', 'bytes100'],
  ['int-sequential', 'number'],
  ['string20', 'number'],
  ['string20', 'record5'],
];

/** Measures the store. */
export const storeBench: Bench = {
  name: 'store',
  summary: 'journalled tree in shared memory beside lmdb and Map, ns per operation',
  rounds: { full: 5, quick: 1 },
  limitMs: 300_000,
  groups: [...combinations.map(batchGroup), ...combinations.map(commitGroup), updateFieldGroup()],
};

function batchGroup([keys, values]: readonly [KeyKind, ValueKind]): Group {
  const kinds = `${keys}.${values}`;
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
    subjects: ['mofo', 'lmdb', 'map'],
    measure: (context) =>
      withPeer(context, keys, values, (peer) => {
        const work = makeWorkload(keys, values, sizeOf(ENTRIES, context));
        const { others, order, valueAt } = work;
        const result: Measured[] = [];
        const add = timeInBatches(peer, work.keys, (key, entry) => peer.set(key, valueAt(entry)));
        result.push({ case: `add.batch1000.${kinds}`, value: add });
        requireEqual('size after adding', peer.size, work.keys.length);
        if (withMemory) result.push({ case: `memory.${kinds}`, value: peer.usedBytes() / work.keys.length });
        result.push({ case: `get.${kinds}`, value: timeGets(peer, work) });
        result.push({ case: `scan.${kinds}`, value: timeScan(peer, work) });
        const mix = timeInBatches(peer, others, (key, entry) => {
          peer.delete(order[entry] as never);
          peer.set(key, valueAt(entry));
        });
        result.push({ case: `mix.batch1000.${kinds}`, value: mix / 2 });
        requireEqual('size after mixing', peer.size, work.keys.length);
        const left = [...order.slice(others.length), ...others];
        result.push({ case: `delete.batch1000.${kinds}`, value: timeInBatches(peer, left, (key) => peer.delete(key)) });
        requireEqual('size after deleting', peer.size, 0);
        return result;
      }),
  };
}

function commitGroup([keys, values]: readonly [KeyKind, ValueKind]): Group {
  const kinds = `${keys}.${values}`;
  return {
    name: `commit.${kinds}`,
    cases: [`add.commit.${kinds}`, `mix.commit.${kinds}`, `delete.commit.${kinds}`].map(nsPerOperation),
    // Map has no commits.
    subjects: ['mofo', 'lmdb'],
    measure: (context) =>
      withPeer(context, keys, values, (peer) => {
        const count = sizeOf(COMMITS, context);
        const work = makeWorkload(keys, values, sizeOf(ENTRIES, context));
        const { order, others, valueAt } = work;
        const first = work.keys.length - count;
        timeInBatches(peer, work.keys.slice(0, first), (key, entry) => peer.set(key, valueAt(entry)));
        const add = timeEach(work.keys.slice(first), (key, entry) => peer.set(key, valueAt(first + entry)));
        requireEqual('size after adding', peer.size, work.keys.length);
        timeGets(peer, work);
        const mix = timeEach(others.slice(0, count), (key, entry) => {
          peer.delete(order[entry] as never);
          peer.set(key, valueAt(entry));
        });
        const remove = timeEach(order.slice(count, 2 * count), (key) => peer.delete(key));
        requireEqual('size after deleting', peer.size, work.keys.length - count);
        return [
          { case: `add.commit.${kinds}`, value: add },
          { case: `mix.commit.${kinds}`, value: mix / 2 },
          { case: `delete.commit.${kinds}`, value: remove },
        ];
      }),
  };
}

/** One field of a record found by its key. */
function updateFieldGroup(): Group {
  return {
    name: 'update-field.record5',
    cases: [nsPerOperation('update-field.record5')],
    subjects: ['mofo', 'lmdb', 'map'],
    measure: (context) =>
      withPeer(context, 'int-random', 'record5', (peer) => {
        const count = sizeOf(ENTRIES, context);
        const work = makeWorkload('int-random', 'record5', count);
        // Of their own, for Map keeps the objects that it is given.
        timeInBatches(peer, work.keys, (key, entry) => peer.set(key, { ...(work.valueAt(entry) as object) } as never));
        const update = timeInBatches(peer, work.order, (key, entry) => peer.updateAmount(key, entry));
        const amounts = peer.scan((value) => (value as { amount: number }).amount);
        requireEqual('sum of the changed fields', amounts.sum, (count * (count - 1)) / 2);
        return [{ case: 'update-field.record5', value: update }];
      }),
  };
}

function nsPerOperation(name: string): { name: string; unit: string } {
  return { name, unit: 'ns/op' };
}

function sizeOf(sizes: { readonly full: number; readonly quick: number }, { quick }: MeasureContext): number {
  return quick ? sizes.quick : sizes.full;
}

function withPeer(
  context: MeasureContext,
  keys: KeyKind,
  values: ValueKind,
  measure: (peer: Peer) => Measured[],
): Measured[] {
  const open = openers[context.subject];
  if (open === undefined) throw new Error(`The store bench has no subject "${context.subject}".`);
  const peer = open(context, keys, values);
  try {
    return measure(peer);
  } finally {
    peer.close();
  }
}
