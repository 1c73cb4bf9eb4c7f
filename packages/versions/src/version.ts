// What callers see of a version: frozen snapshots of the registry at the moment of the call. They never change under the
// caller's hands; ask again to see what other processes have done since.

import type { VersionEvent, VersionState } from './state-machine.ts';

/** Names one version. Every `Version` is one, so are `{ module, hash }` pairs kept elsewhere (for instance in a store). */
export interface VersionKey {
  /** Name of the module. */
  readonly module: string;
  /** Full content hash, 64 hexadecimal digits. */
  readonly hash: string;
}

/** One report of a crash, hang or failure that made, or kept, a version unstable. */
export interface CrashReport {
  /** What happened, for instance `SIGSEGV in task fees.collect #8812`. */
  readonly reason: string;
  /** When it was reported, milliseconds since 1970. */
  readonly at: number;
  /** Who reported it, by default `pid <n>`. */
  readonly by: string;
  /** Where it happened, as a stack of the source; absent when there was none. */
  readonly stack?: string;
}

/** One transition of one version. */
export interface HistoryEntry {
  /** State before; undefined for the first entry of a version. */
  readonly from: VersionState | undefined;
  /** State after. */
  readonly to: VersionState;
  /** What made it. */
  readonly event: VersionEvent | 'add';
  /** Why, in words. */
  readonly reason: string;
  /** When, milliseconds since 1970. */
  readonly at: number;
  /** By whom, by default `pid <n>`. */
  readonly by: string;
  /** Generation of the module's record that the transition made; grows by one with every change, whatever the clock does. */
  readonly generation: number;
}

/** One transition with the version that it belongs to, as `registry.history()` lists them. */
export interface ModuleHistoryEntry extends HistoryEntry {
  /** Short id of the version. */
  readonly id: string;
  /** Full content hash of the version. */
  readonly hash: string;
}

/** A version as it was at the moment of the call. */
export interface Version extends VersionKey {
  /** Id shown to people: the first 6 hexadecimal digits of the hash, more when another version of the module has these. */
  readonly id: string;
  /** Where it is in its life; see the drawing in state-machine.ts. */
  readonly state: VersionState;
  /** Why it is in that state: the reason of the last transition. */
  readonly reason: string;
  /** Path of the source that it was built from, as given to `add`. */
  readonly source: string;
  /** Free words given to `add`. */
  readonly note: string | undefined;
  /** Bundler and target that were hashed together with the bundle. */
  readonly bundler: string;
  /** Size of the bundle in bytes. */
  readonly sizeBytes: number;
  /** When it was first added, milliseconds since 1970. */
  readonly addedAt: number;
  /** Loads that it may still try before it earned stable; none: it is passed over until a retry. */
  readonly triesLeft: number;
  /** Who spent the tries that are gone and may still be given back: loads that are under way, or ended in ways that nobody could clear them of. */
  readonly openTries: readonly string[];
  /** Loads tried so far, over its whole life. */
  readonly triesSpent: number;
  /** When it last became stable, milliseconds since 1970; undefined if it never did or was quarantined since. */
  readonly stableAt: number | undefined;
  /** What went wrong with it, oldest first. */
  readonly crashes: readonly CrashReport[];
}
