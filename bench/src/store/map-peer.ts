// JavaScript's own Map: no transactions, no order of keys, gone with the process. The yardstick, not a rival.

import type { Key, Record5, Value } from './data.ts';
import type { Peer } from './peer.ts';

/** Opens it. */
export function openMap(): Peer {
  const map = new Map<Key, Value>();
  const emptyBytes = heapBytes();
  return {
    batch: (body) => body(),
    set: (key, value) => map.set(key, value),
    delete: (key) => map.delete(key),
    get: (key) => map.get(key),
    scan: (digest) => {
      let count = 0;
      let sum = 0;
      for (const [, value] of map) {
        count++;
        sum += digest(value);
      }
      return { count, sum };
    },
    updateAmount: (key, amount) => {
      (map.get(key) as Record5).amount = amount;
    },
    size: () => map.size,
    usedBytes: () => heapBytes() - emptyBytes,
    close: () => {},
  };
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
