// Opening an existing store of 8 GiB in a fresh process, to the first value read. Another process has made and filled it and is gone by then.

import { readFileSync, statfsSync } from 'node:fs';
import { type Group, median } from '../framework/bench.ts';
import { BIG_STORE_BYTES, fillBigStore } from './big-store.ts';
import { startPart } from './part.ts';
import { sizeOf } from './sizes.ts';

const CASE = 'open.8gib';
const OPENINGS = { full: 15, quick: 2 };
const SPARE_BYTES = 3 * 2 ** 30;

/** Measures opening. */
export function openGroup(): Group {
  return {
    name: CASE,
    cases: [{ name: CASE, unit: 'ms' }],
    subjects: ['mofo', 'lmdb'],
    rounds: 2,
    impossible: (quick) => (quick ? undefined : whyImpossible()),
    measure: async (context) => {
      await fillBigStore(context.subject, context);
      const samples: number[] = [];
      for (let opening = 0; opening < sizeOf(OPENINGS, context); opening++) {
        const opener = await startPart('opener', context.subject, context);
        samples.push(await opener.ask<number>('open'));
        await opener.end();
      }
      return [{ case: CASE, value: median(samples), samples }];
    },
  };
}

/** A store holds main and backup: twice its size of memory. lmdb's file is as large as the store. */
function whyImpossible(): string | undefined {
  const needed = 2 * BIG_STORE_BYTES.full + SPARE_BYTES;
  const available = Number(/MemAvailable:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  if (available < needed) return `it needs ${gib(needed)} of memory, and ${gib(available)} are available.`;
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize < needed
    ? `it needs ${gib(needed)} in /dev/shm, and ${gib(bavail * bsize)} are free.`
    : undefined;
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
