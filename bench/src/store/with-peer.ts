// A subject's map for the time of a measurement.

import type { MeasureContext } from '../framework/bench.ts';
import type { KeyKind, ValueKind } from './data.ts';
import type { Peer } from './peer.ts';
import { openSubject } from './subjects.ts';

/** Opens the map, measures, closes it. */
export async function withPeer<T>(
  context: MeasureContext,
  keys: KeyKind,
  values: ValueKind,
  measure: (peer: Peer) => Promise<T>,
): Promise<T> {
  const peer = await openSubject(context.subject, context, keys, values);
  try {
    return await measure(peer);
  } finally {
    await peer.close();
  }
}
