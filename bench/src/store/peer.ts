// What each subject of the store bench does, written once per subject; the work loads are the same code for all.

import type { MeasureContext } from '../framework/bench.ts';
import type { Key, KeyKind, Value, ValueKind } from './data.ts';

/** An ordered map as one subject has it. */
export interface Peer {
  /** True if changes are done only when the promise that they return is fulfilled. Otherwise what they return means nothing. */
  readonly isAsync?: boolean;
  /** One transaction around many calls; of an asynchronous peer done when the promise that it returns is fulfilled. */
  batch(body: () => void): unknown;
  /** In a batch, part of it; otherwise committed when it returns, or when its promise is fulfilled. */
  set(key: Key, value: Value): unknown;
  delete(key: Key): unknown;
  get(key: Key): Value | undefined;
  /** Look-ups that travel together, where single ones would mostly wait for each other. Used in place of `get`. */
  getMany?(keys: readonly Key[]): Promise<(Value | undefined)[]>;
  /** Reads all entries in the map's order: how many, and the sum of `digest` over all values. */
  scan?(digest: (value: Value) => number): { readonly count: number; readonly sum: number };
  /** Changes the field `amount` of a record to `amount`, in a batch. */
  updateAmount(key: Key, amount: number): unknown;
  size(): number | Promise<number>;
  /** Bytes that it takes in memory or in its file. */
  usedBytes?(): number;
  close(): unknown;
}

/** Opens a subject's map: empty, or with what another process of this run put into it. */
export type OpenPeer = (context: PeerContext, keys: KeyKind, values: ValueKind) => Peer | Promise<Peer>;

/** What a peer needs of its run. */
export type PeerContext = Pick<MeasureContext, 'quick' | 'directory' | 'storeName'>;
