// The work loads of the store bench. Each checks what it did: sizes, and the sum over everything that was read.

import { digest, type Key, type KeyKind, makeKeys, type Value, type ValueKind, valueMaker } from './data.ts';
import type { Peer } from './peer.ts';
import { seededRandom, shuffled } from './random.ts';

/** How many operations make one transaction. */
export const BATCH_SIZE = 1000;

/** Data of one measurement, all made beforehand. */
export interface Workload {
  /** First in the map, in the order in which they are added. */
  readonly keys: readonly Key[];
  /** The same in another order. */
  readonly order: readonly Key[];
  /** Not in the map at first. */
  readonly others: readonly Key[];
  readonly valueAt: (entry: number) => Value;
  /** Sum of `digest` over the values of all `keys`. */
  readonly sum: number;
}

/** Makes `count` entries and half as many further keys. */
export function makeWorkload(keyKind: KeyKind, valueKind: ValueKind, count: number): Workload {
  const all = makeKeys(keyKind, count + (count >> 1));
  const keys = all.slice(0, count);
  const valueAt = valueMaker(valueKind);
  let sum = 0;
  for (let entry = 0; entry < count; entry++) sum += digest(valueAt(entry));
  return { keys, order: shuffled(keys, seededRandom(7)), others: all.slice(count), valueAt, sum };
}

/** Runs `operation` for each of the keys, in transactions of {@link BATCH_SIZE}; ns per key. */
export async function timeInBatches(
  peer: Peer,
  keys: readonly Key[],
  operation: (key: Key, entry: number) => unknown,
): Promise<number> {
  const startedAt = performance.now();
  for (let first = 0; first < keys.length; first += BATCH_SIZE) {
    const done = peer.batch(() => {
      const end = Math.min(first + BATCH_SIZE, keys.length);
      for (let entry = first; entry < end; entry++) operation(keys[entry] as Key, entry);
    });
    if (peer.isAsync === true) await done;
  }
  return nsPer(keys.length, startedAt);
}

/** Runs `operation` for each of the keys, each by itself; ns per key. */
export async function timeEach(
  peer: Peer,
  keys: readonly Key[],
  operation: (key: Key, entry: number) => unknown,
): Promise<number> {
  if (peer.isAsync !== true) return timeSync(keys, operation);
  const startedAt = performance.now();
  for (let entry = 0; entry < keys.length; entry++) await operation(keys[entry] as Key, entry);
  return nsPer(keys.length, startedAt);
}

/** Runs `operation` for each of the keys, each by itself and each timed, which costs some 50 ns; ns of each. */
export async function sampleEach(
  peer: Peer,
  keys: readonly Key[],
  operation: (key: Key, entry: number) => unknown,
): Promise<number[]> {
  const samples: number[] = [];
  let before = performance.now();
  for (let entry = 0; entry < keys.length; entry++) {
    const done = operation(keys[entry] as Key, entry);
    if (peer.isAsync === true) await done;
    const after = performance.now();
    samples.push((after - before) * 1e6);
    before = after;
  }
  return samples;
}

/** Looks everything up in random order; ns per key. */
export async function timeGets(peer: Peer, { order, sum }: Workload): Promise<number> {
  let found = 0;
  let ns: number;
  if (peer.getMany === undefined) {
    ns = timeSync(order, (key) => {
      found += digest(peer.get(key) as Value);
    });
  } else {
    const startedAt = performance.now();
    for (let first = 0; first < order.length; first += BATCH_SIZE) {
      for (const value of await peer.getMany(order.slice(first, first + BATCH_SIZE))) found += digest(value as Value);
    }
    ns = nsPer(order.length, startedAt);
  }
  requireEqual('sum of all values looked up', found, sum);
  return ns;
}

function timeSync(keys: readonly Key[], operation: (key: Key, entry: number) => unknown): number {
  const startedAt = performance.now();
  for (let entry = 0; entry < keys.length; entry++) operation(keys[entry] as Key, entry);
  return nsPer(keys.length, startedAt);
}

/** Reads everything in the map's order; ns per entry. */
export function timeScan(scan: NonNullable<Peer['scan']>, { keys, sum }: Workload): number {
  const startedAt = performance.now();
  const found = scan(digest);
  const ns = nsPer(keys.length, startedAt);
  requireEqual('number of entries scanned', found.count, keys.length);
  requireEqual('sum of all values scanned', found.sum, sum);
  return ns;
}

/** Throws when a result is wrong: a figure of wrong work is none. */
export function requireEqual(what: string, found: number, expected: number): void {
  // Written so that NaN, which is nothing's equal, is wrong too.
  if (!(Math.abs(found - expected) <= 1e-9 * Math.abs(expected)))
    throw new Error(`Wrong ${what}: ${found} in place of ${expected}.`);
}

function nsPer(count: number, startedAt: number): number {
  return ((performance.now() - startedAt) * 1e6) / count;
}
