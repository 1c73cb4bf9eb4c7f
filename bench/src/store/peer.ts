// What each subject of the store bench does, written once per subject; the work loads are the same code for all.

import type { MeasureContext } from '../framework/bench.ts';
import type { Key, KeyKind, Value, ValueKind } from './data.ts';

/** An ordered map as one subject has it. */
export interface Peer {
  /** One transaction around many calls. */
  batch(body: () => void): void;
  /** In a batch, part of it; otherwise committed when it returns. */
  set(key: Key, value: Value): void;
  delete(key: Key): void;
  get(key: Key): Value | undefined;
  /** Reads all entries in the map's order: how many, and the sum of `digest` over all values. */
  scan(digest: (value: Value) => number): { readonly count: number; readonly sum: number };
  /** Changes the field `amount` of a record to `amount`, in a batch. */
  updateAmount(key: Key, amount: number): void;
  readonly size: number;
  /** Bytes that it takes in memory or in its file. */
  usedBytes(): number;
  close(): void;
}

/** Opens a subject's map, empty. */
export type OpenPeer = (context: MeasureContext, keys: KeyKind, values: ValueKind) => Peer;
