// The same work on a throw-away map before the one that counts, for every subject alike. Until a function has run some thousand times it is interpreted, then
// compiled, and compiled again where it was guessed wrong: of a million additions the first hundred thousand would decide the figure, and one would measure V8. What
// they cost is a figure of its own (`cold.`).

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MeasureContext } from '../framework/bench.ts';
import type { KeyKind, ValueKind } from './data.ts';
import type { Peer } from './peer.ts';
import { COMMITS, ENTRIES, type Size, sizeOf, WARM_UP_COMMITS, WARM_UP_ENTRIES } from './sizes.ts';
import { withPeer } from './with-peer.ts';

/** How much one pass of a measurement does. */
export interface Amounts {
  readonly entries: number;
  readonly commits: number;
}

/** What the two passes gave. */
export interface Passes<T> {
  /** From the first operation of the process on. */
  readonly cold: T;
  readonly warm: T;
}

/** Does the same twice in this process: a little of it with a map that is thrown away, then all of it with a new one. */
export async function measureTwice<T>(
  context: MeasureContext,
  keys: KeyKind,
  values: ValueKind,
  measure: (peer: Peer, amounts: Amounts) => Promise<T>,
): Promise<Passes<T>> {
  const amounts = (entries: Size, commits: Size): Amounts => ({
    entries: sizeOf(entries, context),
    commits: sizeOf(commits, context),
  });
  const directory = join(context.directory, 'warm-up');
  mkdirSync(directory);
  const apart = { ...context, directory, storeName: `${context.storeName}-warm-up` };
  const few = amounts(WARM_UP_ENTRIES, WARM_UP_COMMITS);
  const cold = await withPeer(apart, keys, values, (peer) => measure(peer, few));
  globalThis.gc?.();
  const warm = await withPeer(context, keys, values, (peer) => measure(peer, amounts(ENTRIES, COMMITS)));
  return { cold, warm };
}
