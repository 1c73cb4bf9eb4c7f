// SQLite through better-sqlite3, in memory and in a file (of a file system in memory) with a write-ahead log and without fsync. Statements are prepared once; a record is a row
// with five columns, so that one field can be changed by itself.

import { join } from 'node:path';
import { importPackage } from '../peers/extra-packages.ts';
import type { Key, KeyKind, Record5, Value, ValueKind } from './data.ts';
import type { OpenPeer, Peer } from './peer.ts';

/** What is used of better-sqlite3, which brings no types. */
interface Statement {
  run(...parameters: unknown[]): { readonly changes: number };
  get(...parameters: unknown[]): unknown;
  iterate(): IterableIterator<unknown>;
  pluck(): Statement;
}
interface Database {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  pragma(pragma: string): void;
  close(): void;
}
interface BetterSqlite3 {
  readonly default: new (path: string) => Database;
}

const COLUMNS: Readonly<Record<ValueKind, readonly string[]>> = {
  number: ['value REAL'],
  bytes100: ['value BLOB'],
  record5: ['id REAL', 'amount REAL', 'rate REAL', 'count INTEGER', 'active INTEGER'],
};

/** All pages fit: by default it would keep 2 MB. */
const CACHE = 'cache_size = -524288';

/** Opens it in memory. */
export const openSqliteInMemory: OpenPeer = async (_context, keys, values) =>
  await openSqlite(':memory:', [], keys, values);

/** Opens it in a file. */
export const openSqliteWal: OpenPeer = async ({ directory }, keys, values) =>
  await openSqlite(join(directory, 'bench.sqlite'), ['journal_mode = WAL', 'synchronous = OFF', CACHE], keys, values);

async function openSqlite(path: string, pragmas: readonly string[], keys: KeyKind, values: ValueKind): Promise<Peer> {
  const { default: open } = await importPackage<BetterSqlite3>('better-sqlite3');
  const db = new open(path);
  for (const pragma of pragmas) db.pragma(pragma);
  const columns = COLUMNS[values];
  // An integer key is the number of the row itself; a text key the key of the table's own tree.
  const [key, suffix] =
    keys === 'string20' ? ['key TEXT PRIMARY KEY', 'WITHOUT ROWID'] : ['key INTEGER PRIMARY KEY', ''];
  db.exec(`CREATE TABLE entries (${key}, ${columns.join(', ')}) ${suffix}`);
  const names = columns.map((column) => column.split(' ')[0] as string);
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const insert = db.prepare(`INSERT OR REPLACE INTO entries VALUES (?${', ?'.repeat(names.length)})`);
  const remove = db.prepare('DELETE FROM entries WHERE key = ?');
  const isRecord = values === 'record5';
  const plucked = (statement: Statement): Statement => (isRecord ? statement : statement.pluck());
  const select = plucked(db.prepare(`SELECT ${names.join(', ')} FROM entries WHERE key = ?`));
  const scan = plucked(db.prepare(`SELECT ${names.join(', ')} FROM entries ORDER BY key`));
  const count = db.prepare('SELECT count(*) FROM entries').pluck();
  const update = isRecord ? db.prepare('UPDATE entries SET amount = ? WHERE key = ?') : undefined;
  return {
    batch: (body) => {
      begin.run();
      try {
        body();
      } catch (error) {
        rollback.run();
        throw error;
      }
      return commit.run();
    },
    set: isRecord
      ? (at: Key, value: Value) => {
          const { id, amount, rate, count: counted, active } = value as Record5;
          return insert.run(at, id, amount, rate, counted, active ? 1 : 0);
        }
      : (at: Key, value: Value) => insert.run(at, value),
    delete: (at) => remove.run(at),
    get: (at) => select.get(at) as Value | undefined,
    scan: (digest) => {
      let found = 0;
      let sum = 0;
      for (const value of scan.iterate()) {
        found++;
        sum += digest(value as Value);
      }
      return { count: found, sum };
    },
    updateAmount: (at, amount) => update?.run(amount, at),
    size: () => count.get() as number,
    close: () => db.close(),
  };
}
