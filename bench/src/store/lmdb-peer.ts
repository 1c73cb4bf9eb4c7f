// lmdb without fsync and with its file in memory, so that it promises what shared memory promises: survives the process, not the machine. Keys and values are encoded in its
// fastest way for their kind. Twice: with synchronous transactions, and with its asynchronous writes, which a thread of its own commits.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Key as LmdbKey, open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import type { Key, KeyKind, Record5, Value, ValueKind } from './data.ts';
import type { Peer, PeerContext } from './peer.ts';

const STRUCTURES_KEY = Symbol.for('structures');

/** Opens it with `transactionSync` and `putSync`. */
export function openLmdb(context: PeerContext, keys: KeyKind, values: ValueKind): Peer {
  const { db, ...reads } = openDatabase(context, keys, values);
  return {
    ...reads,
    batch: (body) => db.transactionSync(body),
    set: (key, value) => db.putSync(key, value),
    delete: (key) => db.removeSync(key),
    updateAmount: (key, amount) => {
      const record = db.get(key) as Record5;
      record.amount = amount;
      return db.putSync(key, record);
    },
  };
}

/** Opens it with `put`: what one turn of the event loop asks for becomes one transaction. */
export function openLmdbAsync(context: PeerContext, keys: KeyKind, values: ValueKind): Peer {
  const { db, ...reads } = openDatabase(context, keys, values);
  // They are committed in the order in which they were asked for, so the last promise of a batch tells of all of them.
  let last: Promise<unknown> = Promise.resolve();
  const note = (promise: Promise<unknown>): Promise<unknown> => {
    last = promise;
    return promise;
  };
  return {
    ...reads,
    isAsync: true,
    batch: (body) => {
      body();
      return last;
    },
    set: (key, value) => note(db.put(key, value)),
    delete: (key) => note(db.remove(key)),
    updateAmount: (key, amount) => {
      const record = db.get(key) as Record5;
      record.amount = amount;
      return note(db.put(key, record));
    },
  };
}

type Reads = Required<Pick<Peer, 'get' | 'scan' | 'size' | 'usedBytes' | 'close'>>;

function openDatabase(
  { directory, quick }: PeerContext,
  keys: KeyKind,
  values: ValueKind,
): Reads & { readonly db: RootDatabase<Value, Key | symbol> } {
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
  const db = open<Value, LmdbKey>(options) as RootDatabase<Value, Key | symbol>;
  return {
    db,
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
    size: () => {
      const { entryCount } = db.getStats() as { entryCount: number };
      return values === 'record5' && db.get(STRUCTURES_KEY) !== undefined ? entryCount - 1 : entryCount;
    },
    usedBytes: () => statSync(path).size,
    close: () => db.close(),
  };
}
