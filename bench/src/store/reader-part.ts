// Looks entries up again and again for some time: alone, beside another reader, beside a writer. Every value is checked.

import type { Key } from './data.ts';
import type { PartAssignment, PartHandler } from './part.ts';
import type { Peer } from './peer.ts';
import { ENTRIES, sizeOf } from './sizes.ts';
import { openSubject } from './subjects.ts';
import { makeWorkload, requireEqual } from './workload.ts';

/** A writer changes values by multiples of this, so that a reader can still tell whose value it is. */
export const GENERATION: number = 2 ** 24;

/** Look-ups timed together. */
const CHUNK = 100;
/** Look-ups between two turns of the event loop: lmdb reads one snapshot per turn, and messages must arrive. */
const TURN = 1000;

/** What a reader did. */
export interface ReadingReport {
  readonly gets: number;
  readonly elapsedMs: number;
  /** ns per look-up, of each hundred. */
  readonly samples: readonly number[];
}

/** Look-ups in a random order that all readers of all subjects share. */
export interface Reading {
  readonly keys: readonly Key[];
  /** Entry numbers of `keys`: also their values, modulo {@link GENERATION}. */
  readonly entries: Float64Array;
}

/** Makes them. */
export function makeReading(context: { readonly quick: boolean }): Reading {
  const { keys, order } = makeWorkload('int-random', 'number', sizeOf(ENTRIES, context));
  const entryOf = new Map(keys.map((key, entry) => [key, entry]));
  return { keys: order, entries: Float64Array.from(order, (key) => entryOf.get(key) as number) };
}

/** Reads for `durationMs`, from position `first` on, wrapping around. */
export async function readFor(
  peer: Peer,
  { keys, entries }: Reading,
  durationMs: number,
  first: number,
): Promise<ReadingReport> {
  const samples: number[] = [];
  const startedAt = performance.now();
  let before = startedAt;
  let gets = 0;
  let at = first % keys.length;
  while (before - startedAt < durationMs) {
    for (let chunk = 0; chunk < TURN; chunk += CHUNK) {
      const end = at + CHUNK;
      let sum = 0;
      let expected = 0;
      for (; at < end; at++) {
        sum += (peer.get(keys[at] as Key) as number) % GENERATION;
        expected += entries[at] as number;
      }
      requireEqual('sum of the values looked up', sum, expected);
      if (at >= keys.length) at = 0;
      const after = performance.now();
      samples.push(((after - before) * 1e6) / CHUNK);
      before = after;
    }
    gets += TURN;
    await nextTurn();
  }
  return { gets, elapsedMs: before - startedAt, samples };
}

/** Starts the part. It answers `read` with a {@link ReadingReport}. */
export async function startReader({ subject, context }: PartAssignment): Promise<PartHandler> {
  const peer = await openSubject(subject, context, 'int-random', 'number');
  const reading = makeReading(context);
  // Compiled and mapped before anything is timed.
  await readFor(peer, reading, context.quick ? 1 : 300, 0);
  return async ({ durationMs = 0 }) => {
    const { gets, elapsedMs } = await readFor(peer, reading, durationMs, process.pid * 4_000);
    return { gets, elapsedMs, samples: [] };
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
