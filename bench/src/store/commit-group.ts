// One process: add most entries in batches, then one transaction each: add the rest → mix (delete an old key, add a new one) → delete. The value is the
// mean over a loop; a fifth of the operations more are timed one by one for p50, p99 and max.

import type { Group, Measured } from '../framework/bench.ts';
import type { Key, KeyKind, ValueKind } from './data.ts';
import type { Peer } from './peer.ts';
import { nsPerOperation } from './sizes.ts';
import { committingSubjects } from './subjects.ts';
import { type Amounts, measureTwice } from './warm-up.ts';
import { makeWorkload, requireEqual, sampleEach, timeEach, timeGets, timeInBatches } from './workload.ts';

/** Measures single commits of one kind of keys and values. */
export function commitGroup(keyKind: KeyKind, valueKind: ValueKind, onDemand: boolean): Group {
  const kinds = `${keyKind}.${valueKind}`;
  return {
    name: `commit.${kinds}`,
    cases: [`add.commit.${kinds}`, `mix.commit.${kinds}`, `delete.commit.${kinds}`].map(nsPerOperation),
    subjects: committingSubjects,
    onDemand,
    measure: async (context) => {
      const { warm } = await measureTwice(context, keyKind, valueKind, (peer, amounts) =>
        measureCommits(peer, keyKind, valueKind, amounts),
      );
      return warm;
    },
  };
}

async function measureCommits(
  peer: Peer,
  keyKind: KeyKind,
  valueKind: ValueKind,
  { entries, commits: count }: Amounts,
): Promise<Measured[]> {
  const kinds = `${keyKind}.${valueKind}`;
  const work = makeWorkload(keyKind, valueKind, entries);
  const { keys, order, others, valueAt } = work;
  const first = keys.length - count;
  await timeInBatches(peer, keys.slice(0, first), (key, entry) => peer.set(key, valueAt(entry)));
  const add = await measureEach(peer, keys.slice(first), (key, entry) => peer.set(key, valueAt(first + entry)));
  requireEqual('size after adding', await peer.size(), keys.length);
  await timeGets(peer, work);
  // Each of the two operations is a commit of its own.
  const old = interleaved(order.slice(0, count), others.slice(0, count));
  const mix = await measureEach(peer, old, (key, entry) =>
    entry % 2 === 0 ? peer.delete(key) : peer.set(key, valueAt(entry)),
  );
  requireEqual('size after mixing', await peer.size(), keys.length);
  const remove = await measureEach(peer, order.slice(count, 2 * count), (key) => peer.delete(key));
  requireEqual('size after deleting', await peer.size(), keys.length - count);
  return [
    { case: `add.commit.${kinds}`, ...add },
    { case: `mix.commit.${kinds}`, ...mix },
    { case: `delete.commit.${kinds}`, ...remove },
  ];
}

async function measureEach(
  peer: Peer,
  keys: readonly Key[],
  operation: (key: Key, entry: number) => unknown,
): Promise<Pick<Measured, 'value' | 'samples'>> {
  // An even number, for operations that come in pairs.
  const looped = Math.floor(keys.length * 0.4) * 2;
  const value = await timeEach(peer, keys.slice(0, looped), operation);
  const samples = await sampleEach(peer, keys.slice(looped), (key, entry) => operation(key, looped + entry));
  return { value, samples };
}

function interleaved<T>(a: readonly T[], b: readonly T[]): T[] {
  return a.flatMap((one, index) => [one, b[index] as T]);
}
