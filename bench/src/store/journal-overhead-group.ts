// What the redo journal costs: the time per add or delete in batches of 1,000 with the journal, less that of the same tree in the same kind of memory
// without it. Each side runs in a process of its own; the two take turns.

import { type Group, median } from '../framework/bench.ts';
import type { AddDeleteReport } from './add-delete-part.ts';
import { type Part, startPart } from './part.ts';
import { nsPerOperation } from './sizes.ts';

const CASE = 'journal-overhead.batch1000.int-random.number';
const TURNS = 3;

/** Measures the journal's price. */
export function journalOverheadGroup(): Group {
  return {
    name: CASE,
    cases: [CASE, `${CASE}.journalled`, `${CASE}.plain`].map(nsPerOperation),
    subjects: ['mofo'],
    measure: async (context) => {
      const journalled = await startPart('journalled', context.subject, context);
      const plain = await startPart('plain', context.subject, { ...context, storeName: `${context.storeName}-plain` });
      const withJournal: number[] = [];
      const without: number[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        withJournal.push(await addAndDelete(journalled));
        without.push(await addAndDelete(plain));
      }
      await journalled.end();
      await plain.end();
      return [
        { case: CASE, value: median(withJournal) - median(without) },
        { case: `${CASE}.journalled`, value: median(withJournal) },
        { case: `${CASE}.plain`, value: median(without) },
      ];
    },
  };
}

async function addAndDelete(part: Part): Promise<number> {
  const { add, delete: remove } = await part.ask<AddDeleteReport>('add and delete');
  return (add + remove) / 2;
}
