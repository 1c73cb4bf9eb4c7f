// The journalled tree in shared memory. Every change goes through the redo journal; nothing is on disk.

import { boolean, bytes, f64, openStore, struct, text, tree, u32 } from '@mofo/journal';
import type { Key, KeyKind, Record5, Value, ValueKind } from './data.ts';
import type { Peer, PeerContext } from './peer.ts';

const Record5Type = struct('Record5', { id: f64(), amount: f64(), rate: f64(), count: u32(), active: boolean() });

/** What the bench calls; the tree of each kind of key and value has it. */
interface AnyTree {
  set(key: Key, value: Value): unknown;
  delete(key: Key): unknown;
  get(key: Key): Value | undefined;
  forEach(body: (value: Value, key: Key) => void): void;
  readonly size: number;
}

/** Opens it. */
export function openMofo({ quick, storeName }: PeerContext, keys: KeyKind, values: ValueKind): Peer {
  const keyType = keys === 'string20' ? text() : f64();
  const valueType = values === 'number' ? f64() : values === 'record5' ? Record5Type : bytes();
  const type = tree(keyType as never, valueType as never);
  const store = openStore({ name: storeName, sizeBytes: quick ? 2 ** 26 : 2 ** 31, root: { entries: type } });
  const map = store.root.entries as unknown as AnyTree;
  const emptyBytes = store.status.reservedBytes;
  return {
    batch: (body) => store.transaction(body),
    set: (key, value) => map.set(key, value),
    delete: (key) => map.delete(key),
    get: (key) => map.get(key),
    scan: (digest) => {
      let count = 0;
      let sum = 0;
      map.forEach((value) => {
        count++;
        sum += digest(value);
      });
      return { count, sum };
    },
    updateAmount: (key, amount) => {
      (map.get(key) as Record5).amount = amount;
    },
    size: () => map.size,
    // Memory is reserved in steps, so this is a little more than what the entries take.
    usedBytes: () => store.status.reservedBytes - emptyBytes,
    close: () => store.close(),
  };
}
