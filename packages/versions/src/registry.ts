// The handle that callers hold, as a contract. open-registry.ts implements it.
//
// Costs: reading calls read and check one file, 0.1 to 0.2 ms for a module with twenty versions. Changing calls are synchronous, for the
// runtime wants them done at exact points: about 0.3 ms of work and two fsyncs, 1 to 10 ms on common disks. They may wait for
// other processes' changes of the same module, blocking the thread, up to `lockTimeoutMs`. Changes of different modules never
// wait for each other.
//
// Every changing call is atomic and, when it returns, durable (process crash and power cut), and every process that reads from then
// on sees it. A process killed inside it leaves the registry as it was before or as it is after.
//
// Every call may throw REGISTRY_CORRUPT, FORMAT_UNKNOWN, IO_ERROR and CLOSED, every changing call also LOCK_TIMEOUT, NO_SPACE,
// READ_ONLY and DIRECTORY_MISSING, every call that names a module BAD_MODULE_NAME, every one that takes options
// UNKNOWN_OPTION. The lists below name what comes on top.

import type { ModuleHistoryEntry, Version, VersionKey } from './version.ts';

/** What `add` wants to know. */
export interface AddOptions {
  /** The bundle: what will be loaded. At most 64 MiB; strings are stored as UTF-8. */
  readonly bundle: string | Uint8Array;
  /** Path of the source it was built from; for people. */
  readonly source: string;
  /** Bundler with its version, and target: hashed together with the bundle. Default: empty. */
  readonly bundler?: string;
  /** Free words; for people. */
  readonly note?: string;
  /** Who adds it. Default: `pid <n>`. */
  readonly by?: string;
  /** Aborts before the entry is written; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Why and by whom a version moves on. */
export interface MarkOptions {
  /** Why, in words; kept in the history. Longer than 2,000 characters is cut. */
  readonly reason?: string;
  /** Who says so. Default: `pid <n>`. */
  readonly by?: string;
}

/** Which versions a revert may choose. */
export interface RevertOptions {
  /** Leaves out this version, for instance the stable one that is being reverted from. */
  readonly except?: VersionKey;
  /** Leaves out versions for which it says false, for instance those that do not know the store's layouts (rule R17). */
  readonly satisfying?: (version: Version) => boolean;
}

/** Options of calls that report a crash. */
export interface CrashOptions {
  /** Who reports it. Default: `pid <n>`. */
  readonly by?: string;
  /** Where it happened, as a stack of the source; cut at 2,000 characters. */
  readonly stack?: string;
}

/** Whose try. */
export interface TryOptions {
  /** Who loads the version, told from all others that ever did. Default: `pid <n>`. */
  readonly by?: string;
}

/** What `prune` leaves. */
export interface PruneOptions {
  /** How many superseded versions keep their bundles, those first that were stable most recently. */
  readonly keep: number;
  /** Full hashes that some process still runs: these only begin to drain. */
  readonly inUse?: readonly string[];
  /** Who prunes. Default: `pid <n>`. */
  readonly by?: string;
}

/** A registry of module versions on disk. Safe to use from several processes and threads at once. */
export interface Registry {
  /** Absolute path of the registry's directory. */
  readonly directory: string;
  /** `closed` after `close()`. */
  readonly status: 'open' | 'closed';

  /**
   * Stores a bundle and enters it as *staged*. The same bytes with the same bundler are the same version: they are entered once, and
   * a version that is there already comes back as it is, in whatever state; a purged one is staged anew.
   *
   * Asynchronous and off the event loop but for hashing (2 ms per MiB) and about 0.3 ms. Killed in between, it leaves at most a
   * file that nobody refers to, which the next `add` of the same bytes uses and the next purge removes.
   *
   * @throws VersionsError VERSION_UNSTABLE: these bytes are known to be unstable (`reason` says why). Their bundle is kept, so
   * that `retry` can give them another chance. BUNDLE_TOO_LARGE, REGISTRY_FULL.
   */
  add(module: string, options: AddOptions): Promise<Version>;

  /** Says that the version was bundled and its exports validated, nothing executed: staged → checked. @throws ILLEGAL_TRANSITION, UNKNOWN_VERSION */
  markChecked(version: VersionKey, options?: MarkOptions): Version;

  /**
   * Notes a crash of a version that keeps its state: a stable one may die once. Of eight reports the newest stay. Durable when it returns.
   *
   * @throws VersionsError UNKNOWN_VERSION
   */
  reportCrash(version: VersionKey, reason: string, options?: CrashOptions): Version;
  /**
   * Begins the probation of a version and spends a try for its load, in one change that is durable when the promise resolves and does not block the event loop for
   * the disk. The states and errors are those of `markProbation` and `spendTry` after each other.
   *
   * @throws (rejects) VersionsError NO_TRIES_LEFT, ILLEGAL_TRANSITION, UNKNOWN_VERSION: nothing was changed.
   */
  beginTry(version: VersionKey, options?: TryOptions): Promise<Version>;
  /**
   * Spends one try, durably, *before* the version is loaded (checked or probation): whatever the load does, the try is gone, unless it is given back.
   * One try per process that serves with the version.
   *
   * @returns the version with the tries that are left.
   * @throws VersionsError NO_TRIES_LEFT: nothing was changed; do not load it, run the last stable version. ILLEGAL_TRANSITION in other states;
   * UNKNOWN_VERSION.
   */
  spendTry(version: VersionKey, options?: TryOptions): Version;

  /**
   * Gives a try back, durably: the load for which `by` spent it ended well, that is, the process stopped in order, or whoever judged its death found another
   * cause. Only by whoever knows that: a try that nobody gives back counts, which is what ends a crash loop. Each is given back once; without one of
   * `by` nothing is changed.
   *
   * @throws VersionsError ILLEGAL_TRANSITION in states other than checked and probation; UNKNOWN_VERSION.
   */
  returnTry(version: VersionKey, options?: TryOptions): Version;

  /**
   * Says that the version runs on probation: checked → probation, or superseded or draining → probation with new tries (a
   * careful revert).
   *
   * @throws VersionsError ILLEGAL_TRANSITION, UNKNOWN_VERSION
   */
  markProbation(version: VersionKey, options?: MarkOptions): Version;

  /**
   * Says that the version earned it: probation → stable; or the way back of a revert: superseded or draining → stable for one that
   * was stable before. The module's stable version, if there is another, becomes superseded in the same change.
   *
   * @throws VersionsError ILLEGAL_TRANSITION, UNKNOWN_VERSION
   */
  markStable(version: VersionKey, options?: MarkOptions): Version;

  /** Says that another version took its place: staged, checked, probation or stable → superseded. @throws ILLEGAL_TRANSITION, UNKNOWN_VERSION */
  markSuperseded(version: VersionKey, options?: MarkOptions): Version;

  /** Chooses a superseded version for removal; those who run it finish. @throws ILLEGAL_TRANSITION, UNKNOWN_VERSION */
  markDraining(version: VersionKey, options?: MarkOptions): Version;

  /**
   * Makes the version unstable, from whatever state: unstable wins. Idempotent: any number of processes may report the same
   * version; the first makes the transition, others add their reason if it is a new one (at most eight are kept).
   *
   * @param reason what happened, for instance `SIGSEGV in task fees.collect #8812`.
   * @throws VersionsError UNKNOWN_VERSION
   */
  quarantine(version: VersionKey, reason: string, options?: CrashOptions): Version;

  /**
   * `quarantine` without blocking the event loop for the disk; the promise resolves when it is durable. For a takeover (rule R21): the
   * quarantine is committed in the store before the next task, and written here in the background. If the process dies before the
   * promise resolves and the store is lost too, what is lost is the reason: the try was spent before the load, so a version cannot
   * crash for ever. Whoever starts from a store merges the store's quarantines into the registry by content hash; unstable wins.
   */
  quarantineInBackground(version: VersionKey, reason: string, options?: { readonly by?: string }): Promise<Version>;

  /**
   * Gives a version another chance: unstable, or without a try left (checked, probation) → probation with new tries. The only way out of both, and an
   * operator's decision, or that of a developer who saves its source again, or of someone who found the verdict to be wrong (a poison task).
   *
   * @param by who decides; kept in the history.
   * @throws VersionsError BUNDLE_MISSING, ILLEGAL_TRANSITION, UNKNOWN_VERSION
   */
  retry(version: VersionKey, by: string, options?: { readonly reason?: string }): Version;

  /**
   * Deletes the bundle of a draining or unstable version. Hash, verdict and reason stay, so that an unstable bundle built again is known.
   * Killed in between, it leaves a file that the next purge removes.
   *
   * @throws VersionsError ILLEGAL_TRANSITION, UNKNOWN_VERSION
   */
  purge(version: VersionKey, options?: MarkOptions): Version;

  /**
   * Drains and purges superseded versions beyond `keep`, and unstable ones beyond the same number, oldest first, in one change.
   *
   * @returns the versions that it purged.
   */
  prune(module: string, options: PruneOptions): Version[];

  /**
   * The most recent stable version, by when it became stable: the one that is stable now, else the superseded one that was so last.
   * Never one that is unstable or purged. undefined if there is none.
   */
  latestStable(module: string): Version | undefined;

  /** The version that a revert goes to: like `latestStable`, among those that the options leave. */
  revertTarget(module: string, options?: RevertOptions): Version | undefined;

  /** All versions of a module, the newest first. Empty for a module that is not known. */
  list(module: string): Version[];

  /**
   * The version whose id is `id`, or whose hash begins with it. undefined if there is none.
   *
   * @param id 4 to 64 hexadecimal digits.
   * @throws VersionsError AMBIGUOUS_VERSION
   */
  get(module: string, id: string): Version | undefined;

  /** Every transition of a module's versions, oldest first. */
  history(module: string): ModuleHistoryEntry[];

  /** The names of all modules that have versions, sorted. */
  modules(): string[];

  /**
   * The bundle's bytes, verified against the hash. A copy of the caller's own.
   *
   * @throws VersionsError BUNDLE_CORRUPT: do not run it; add the same bundle again to repair it. BUNDLE_MISSING, UNKNOWN_VERSION
   */
  readBundle(version: VersionKey): Uint8Array;

  /** Closes the handle; idempotent. Nothing is held between calls, so nothing is lost by not calling it. Background calls finish. */
  close(): void;
  [Symbol.dispose](): void;
}
