// Who takes part in the store bench, and in what.

import { isPackageInstalled } from '../peers/extra-packages.ts';
import { findRedisServer } from '../peers/redis-server.ts';
import type { KeyKind, ValueKind } from './data.ts';
import { openLmdb, openLmdbAsync } from './lmdb-peer.ts';
import { openMap } from './map-peer.ts';
import { openMofo } from './mofo-peer.ts';
import type { OpenPeer, Peer, PeerContext } from './peer.ts';
import { openRedis } from './redis-peer.ts';
import { openSqliteInMemory, openSqliteWal } from './sqlite-peer.ts';

const INSTALL_HINT = 'it is not installed; a full run (pnpm bench store, without --quick) installs it into bench/peers';

interface Subject {
  readonly open: OpenPeer;
  /** Commits each change by itself. */
  readonly commits: boolean;
  /** Its look-ups are its own, not those of another subject. */
  readonly reads: boolean;
  /** Why it cannot take part, if it cannot. */
  missing?(): string | undefined;
}

const ALL: Readonly<Record<string, Subject>> = {
  mofo: { open: openMofo, commits: true, reads: true },
  lmdb: { open: openLmdb, commits: true, reads: true },
  // Reads as lmdb does.
  'lmdb-async': { open: openLmdbAsync, commits: true, reads: false },
  'better-sqlite3-memory': { open: openSqliteInMemory, commits: true, reads: true, missing: missingSqlite },
  'better-sqlite3-wal': { open: openSqliteWal, commits: true, reads: true, missing: missingSqlite },
  'redis-pipeline': { open: openRedis, commits: true, reads: true, missing: missingRedis },
  // Has no commits.
  map: { open: openMap, commits: false, reads: true },
};

/** Every subject. */
export const subjects: readonly string[] = Object.keys(ALL);

/** Those that commit each change by itself. */
export const committingSubjects: readonly string[] = subjects.filter((name) => ALL[name]?.commits);

/** True if the subject's look-ups are measured. */
export function measuresReads(subject: string): boolean {
  return ALL[subject]?.reads === true;
}

/** Why a subject cannot take part here, if it cannot. */
export function missingSubject(subject: string): string | undefined {
  return ALL[subject]?.missing?.();
}

/** Opens a subject's map. */
export async function openSubject(
  subject: string,
  context: PeerContext,
  keys: KeyKind,
  values: ValueKind,
): Promise<Peer> {
  const known = ALL[subject];
  if (known === undefined) throw new Error(`The store bench has no subject "${subject}".`);
  return await known.open(context, keys, values);
}

function missingSqlite(): string | undefined {
  return isPackageInstalled('better-sqlite3') ? undefined : INSTALL_HINT;
}

function missingRedis(): string | undefined {
  if (!isPackageInstalled('@redis/client')) return INSTALL_HINT;
  return findRedisServer() === undefined
    ? 'there is no redis-server on the PATH; on Debian a full run (without --quick) unpacks one into bench/peers'
    : undefined;
}
