// lmdb without fsync, so that it promises what shared memory promises: survives the process, not the machine. Keys and values are encoded in its
// fastest way for their kind.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Key as LmdbKey, open, type RootDatabaseOptionsWithPath } from 'lmdb';
import type { MeasureContext } from '../framework/bench.ts';
import type { KeyKind, Record5, Value, ValueKind } from './data.ts';
import type { Peer } from './peer.ts';

const STRUCTURES_KEY = Symbol.for('structures');

/** Opens it. */
export function openLmdb({ directory, quick }: MeasureContext, keys: KeyKind, values: ValueKind): Peer {
  const path = join(directory, 'bench.mdb');
  const options: RootDatabaseOptionsWithPath = {
    path,
    noSync: true,
    mapSize: quick ? 2 ** 26 : 2 ** 32,
    ...(values === 'bytes100' ? { encoding: 'binary' } : {}),
    // Records: names of fields are stored once, under a symbol, which has no place among keys of the encoding uint32.
    ...(values === 'record5'
      ? { sharedStructuresKey: STRUCTURES_KEY }
      : keys === 'string20'
        ? {}
        : { keyEncoding: 'uint32' }),
  };
  const db = open<Value, LmdbKey>(options);
  return {
    batch: (body) => db.transactionSync(body),
    set: (key, value) => db.putSync(key, value),
    delete: (key) => db.removeSync(key),
    get: (key) => db.get(key),
    scan: (digest) => {
      let count = 0;
      let sum = 0;
      for (const { key, value } of db.getRange()) {
        if (key === STRUCTURES_KEY) continue;
        count++;
        sum += digest(value);
      }
      return { count, sum };
    },
    updateAmount: (key, amount) => {
      const record = db.get(key) as Record5;
      record.amount = amount;
      db.putSync(key, record);
    },
    get size() {
      const { entryCount } = db.getStats() as { entryCount: number };
      return values === 'record5' && db.get(STRUCTURES_KEY) !== undefined ? entryCount - 1 : entryCount;
    },
    usedBytes: () => statSync(path).size,
    close: () => void db.close(),
  };
}
