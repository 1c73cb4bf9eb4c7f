// Commits transactions of 1,000 operations, one after the other, for as long as it is let: 500 changed values, 250 new entries, 250 deleted ones.

import type { Key } from './data.ts';
import type { PartAssignment, PartHandler } from './part.ts';
import { GENERATION } from './reader-part.ts';
import { ENTRIES, sizeOf } from './sizes.ts';
import { openSubject } from './subjects.ts';
import { makeWorkload } from './workload.ts';

const CHANGED = 500;
const ADDED = 250;
/** How many transactions an added entry stays. */
const LAG = 2;

/** What the writer did. */
export interface WritingReport {
  readonly transactions: number;
  readonly elapsedMs: number;
  /** Entries more than at the beginning. */
  readonly added: number;
  /** Number of the entry that was changed last, and its value. */
  readonly lastEntry: number;
  readonly lastValue: number;
}

/** Starts the part. It answers `start` at once, `count` with the number of transactions so far and `stop` with a {@link WritingReport}. */
export async function startWriter({ subject, context }: PartAssignment): Promise<PartHandler> {
  const peer = await openSubject(subject, context, 'int-random', 'number');
  const { keys, others } = makeWorkload('int-random', 'number', sizeOf(ENTRIES, context));
  const rings = Math.floor(others.length / ADDED);
  let transactions = 0;
  let lastEntry = 0;
  let lastValue = 0;
  let startedAt = 0;
  let isRunning = false;

  const ring = (number: number): readonly Key[] => {
    const first = (number % rings) * ADDED;
    return others.slice(first, first + ADDED);
  };
  const transaction = (): void => {
    const first = (transactions * CHANGED) % keys.length;
    const generation = Math.floor((transactions * CHANGED) / keys.length) + 1;
    peer.batch(() => {
      for (let entry = first; entry < first + CHANGED; entry++)
        peer.set(keys[entry] as Key, entry + generation * GENERATION);
      for (const key of ring(transactions)) peer.set(key, 0);
      if (transactions >= LAG) for (const key of ring(transactions - LAG)) peer.delete(key);
    });
    lastEntry = first + CHANGED - 1;
    lastValue = lastEntry + generation * GENERATION;
    transactions++;
  };
  const goOn = (): void => {
    if (!isRunning) return;
    transaction();
    setImmediate(goOn);
  };
  return async ({ what }) => {
    if (what === 'count') return transactions;
    isRunning = what === 'start';
    if (isRunning) {
      startedAt = performance.now();
      setImmediate(goOn);
      return undefined;
    }
    const elapsedMs = performance.now() - startedAt;
    const added = Math.min(transactions, LAG) * ADDED;
    return { transactions, elapsedMs, added, lastEntry, lastValue } satisfies WritingReport;
  };
}
