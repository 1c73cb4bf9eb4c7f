// Which versions must not be loaded again, in the store: all processes see it, and it is committed before the next task runs (R21). The
// registry on disk is told later by whoever has one; this is what counts until then.

import { json, type Store, type Tree, text, tree } from '@mofo/journal';
import { quarantineCountMax, quarantineKeyLengthMax, reasonLengthMax } from './constants.ts';

/** One version that must not be loaded. */
export interface QuarantinedVersion {
  readonly module: string;
  readonly hash: string;
  /** Why, for people. */
  readonly reason: string;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The process that it killed; 0: none. */
  readonly pid: number;
}

interface StoredEntry {
  readonly reason: string;
  readonly at: number;
  readonly pid: number;
}

/** The quarantined versions of a store: root `watchdog.quarantine`, a tree from `module@hash` to reason, time and pid. */
export class Quarantine {
  private readonly store: Store;
  private readonly entries: Tree<string, StoredEntry>;

  /** Makes the root if it is missing (one transaction). */
  constructor(store: Store) {
    this.store = store;
    this.entries = store.addRoots({ 'watchdog.quarantine': tree(text(), json<StoredEntry>()) })['watchdog.quarantine'];
  }

  /**
   * Puts a version into quarantine; it stays there, with its first reason, until `remove`. One transaction: when this returns, every
   * process sees it, and no death of a process undoes it. Joins the running transaction if there is one. Of more than 10,000 the oldest go.
   *
   * @param reason cut to 1,024 characters.
   * @param pid the process that the version killed, if it did.
   * @returns false when the version was in quarantine already.
   */
  add(module: string, hash: string, reason: string, pid = 0): boolean {
    const key = keyOf(module, hash);
    if (typeof reason !== 'string' || reason === '')
      throw new TypeError('a reason must be a string that says something');
    return this.store.transaction(() => {
      if (this.entries.has(key)) return false;
      if (this.entries.size >= quarantineCountMax) this.dropOldest();
      this.entries.set(key, { reason: reason.slice(0, reasonLengthMax), at: Date.now(), pid });
      return true;
    });
  }

  /** True if the version must not be loaded. */
  has(module: string, hash: string): boolean {
    return this.entries.has(keyOf(module, hash));
  }

  /** Why a version must not be loaded; undefined when it may be. */
  get(module: string, hash: string): QuarantinedVersion | undefined {
    const key = keyOf(module, hash);
    const entry = this.entries.get(key);
    return entry === undefined ? undefined : describe(key, entry);
  }

  /** All of them, by module and hash: one consistent moment. */
  list(): QuarantinedVersion[] {
    return this.store.read(() => [...this.entries].map(([key, entry]) => describe(key, entry)));
  }

  /** Lets a version be tried again, because somebody asked for it or a retry proved it innocent. False when it was not in quarantine. */
  remove(module: string, hash: string): boolean {
    return this.entries.delete(keyOf(module, hash));
  }

  private dropOldest(): void {
    let oldest: [string, StoredEntry] | undefined;
    for (const entry of this.entries) if (oldest === undefined || entry[1].at < oldest[1].at) oldest = entry;
    if (oldest !== undefined) this.entries.delete(oldest[0]);
  }
}

function keyOf(module: string, hash: string): string {
  if (typeof module !== 'string' || module === '' || typeof hash !== 'string' || hash === '' || hash.includes('@')) {
    throw new TypeError('a version is named by a module and a hash');
  }
  const key = `${module}@${hash}`;
  if (key.length > quarantineKeyLengthMax)
    throw new RangeError(`module@hash has more than ${quarantineKeyLengthMax} characters`);
  return key;
}

function describe(key: string, entry: StoredEntry): QuarantinedVersion {
  // Scoped names begin with an @ of their own.
  const at = key.lastIndexOf('@');
  return { module: key.slice(0, at), hash: key.slice(at + 1), reason: entry.reason, at: entry.at, pid: entry.pid };
}
