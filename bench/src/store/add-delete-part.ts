// Adds and deletes all entries in batches, with the journal or without. First once untimed: then memory is reserved, mapped and the code compiled, and
// what is left between the two is the journal.

import { openMofo } from './mofo-peer.ts';
import type { PartAssignment, PartHandler } from './part.ts';
import type { Peer } from './peer.ts';
import { openPlain } from './plain-peer.ts';
import { ENTRIES, sizeOf } from './sizes.ts';
import { makeWorkload, requireEqual, timeGets, timeInBatches } from './workload.ts';

/** ns per operation. */
export interface AddDeleteReport {
  readonly add: number;
  readonly delete: number;
}

/** Starts the part with the journal. */
export async function startJournalled({ context }: PartAssignment): Promise<PartHandler> {
  return await start(openMofo(context, 'int-random', 'number'), context);
}

/** Starts the part without a journal. */
export async function startPlain({ context }: PartAssignment): Promise<PartHandler> {
  return await start(openPlain(context), context);
}

/** It answers `add and delete` with an {@link AddDeleteReport}. */
async function start(peer: Peer, context: { readonly quick: boolean }): Promise<PartHandler> {
  const work = makeWorkload('int-random', 'number', sizeOf(ENTRIES, context));
  const addAndDelete = async (): Promise<AddDeleteReport> => {
    const add = await timeInBatches(peer, work.keys, (key, entry) => peer.set(key, entry));
    requireEqual('size after adding', await peer.size(), work.keys.length);
    await timeGets(peer, work);
    const remove = await timeInBatches(peer, work.order, (key) => peer.delete(key));
    requireEqual('size after deleting', await peer.size(), 0);
    return { add, delete: remove };
  };
  await addAndDelete();
  return addAndDelete;
}
