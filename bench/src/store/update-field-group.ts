// One field of a record that is found by its key, in batches of 1,000.

import type { Group } from '../framework/bench.ts';
import type { Record5 } from './data.ts';
import type { Peer } from './peer.ts';
import { nsPerOperation } from './sizes.ts';
import { subjects } from './subjects.ts';
import { measureTwice } from './warm-up.ts';
import { makeWorkload, requireEqual, timeInBatches } from './workload.ts';

/** Measures changing one field. */
export function updateFieldGroup(): Group {
  return {
    name: 'update-field.record5',
    cases: [nsPerOperation('update-field.record5')],
    subjects,
    measure: async (context) => {
      const { warm } = await measureTwice(context, 'int-random', 'record5', (peer, { entries }) =>
        measureUpdates(peer, entries),
      );
      return [{ case: 'update-field.record5', value: warm }];
    },
  };
}

async function measureUpdates(peer: Peer, count: number): Promise<number> {
  const work = makeWorkload('int-random', 'record5', count);
  // Of their own, for Map keeps the objects that it is given.
  await timeInBatches(peer, work.keys, (key, entry) => peer.set(key, { ...(work.valueAt(entry) as Record5) }));
  const update = await timeInBatches(peer, work.order, (key, entry) => peer.updateAmount(key, entry));
  let sum = 0;
  if (peer.scan !== undefined) sum = peer.scan((value) => (value as Record5).amount).sum;
  else if (peer.getMany !== undefined)
    for (const value of await peer.getMany(work.keys)) sum += (value as Record5).amount;
  requireEqual('sum of the changed fields', sum, (count * (count - 1)) / 2);
  return update;
}
