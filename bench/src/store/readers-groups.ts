// Readers beside others: a second reader in a process of its own, and a writer of large transactions.

import { type Group, median } from '../framework/bench.ts';
import { startPart } from './part.ts';
import type { Peer } from './peer.ts';
import { makeReading, type ReadingReport, readFor } from './reader-part.ts';
import { ENTRIES, nsPerOperation, sizeOf } from './sizes.ts';
import { withPeer } from './with-peer.ts';
import { makeWorkload, requireEqual, timeInBatches } from './workload.ts';
import type { WritingReport } from './writer-part.ts';

const DURATION_MS = { full: 1_000, quick: 20 };
const SUBJECTS = ['mofo', 'lmdb'];
const KINDS = 'int-random.number';

/** Throughput of two reader processes over that of one. With two free cores and nothing shared it would be 2. */
export function twoReadersGroup(): Group {
  const name = `get-two-readers.${KINDS}`;
  return {
    name,
    cases: [{ name, unit: 'ratio' }],
    subjects: SUBJECTS,
    measure: async (context) =>
      await withPeer(context, 'int-random', 'number', async (peer) => {
        await fill(peer, context);
        const durationMs = sizeOf(DURATION_MS, context);
        const readers = await Promise.all(SUBJECTS.map(() => startPart('reader', context.subject, context)));
        const rates: number[] = [];
        const throughput = async (who: typeof readers): Promise<number> => {
          const reports = await Promise.all(who.map((reader) => reader.ask<ReadingReport>('read', durationMs)));
          return reports.reduce((sum, { gets, elapsedMs }) => sum + gets / elapsedMs, 0);
        };
        // Each reader alone before and after, for the machine's speed changes meanwhile.
        for (const reader of readers) rates.push(await throughput([reader]));
        const both = await throughput(readers);
        for (const reader of readers) rates.push(await throughput([reader]));
        for (const reader of readers) await reader.end();
        return [{ case: name, value: both / median(rates) }];
      }),
  };
}

/** Time of a look-up alone, and beside a writer of 1,000-operation transactions in another process. Samples: the mean of each hundred look-ups. */
export function besideWriterGroup(): Group {
  const alone = `get-alone.${KINDS}`;
  const beside = `get-beside-writer.${KINDS}`;
  return {
    name: beside,
    cases: [alone, beside].map(nsPerOperation),
    subjects: SUBJECTS,
    measure: async (context) =>
      await withPeer(context, 'int-random', 'number', async (peer) => {
        await fill(peer, context);
        const durationMs = sizeOf(DURATION_MS, context);
        const reading = makeReading(context);
        const writer = await startPart('writer', context.subject, context);
        const before = Number(await peer.size());
        await readFor(peer, reading, durationMs / 2, 0);
        const idle = await readFor(peer, reading, durationMs, 500_000);
        await writer.ask('start');
        let busy = await readFor(peer, reading, durationMs, 0);
        // On a busy machine a short time may pass without the writer.
        while ((await writer.ask<number>('count')) < 2) busy = await readFor(peer, reading, durationMs, 0);
        const { added, lastEntry, lastValue } = await writer.ask<WritingReport>('stop');
        await writer.end();
        const { keys } = makeWorkload('int-random', 'number', sizeOf(ENTRIES, context));
        requireEqual('value changed last', peer.get(keys[lastEntry] as number) as number, lastValue);
        requireEqual('size after writing', await peer.size(), before + added);
        return [
          { case: alone, value: nsPerGet(idle), samples: idle.samples },
          { case: beside, value: nsPerGet(busy), samples: busy.samples },
        ];
      }),
  };
}

async function fill(peer: Peer, context: { readonly quick: boolean }): Promise<void> {
  const { keys } = makeWorkload('int-random', 'number', sizeOf(ENTRIES, context));
  await timeInBatches(peer, keys, (key, entry) => peer.set(key, entry));
}

function nsPerGet({ gets, elapsedMs }: ReadingReport): number {
  return (elapsedMs * 1e6) / gets;
}
