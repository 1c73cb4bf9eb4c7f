// What the registry does to a module's record, without files and clocks: add, spend a try, move along the state machine, forget.
// Each function edits the record that it is given, which is the caller's own copy, and says whether there is anything to write.

import {
  crashReportCountMax,
  historyLengthMax,
  purgedHealthyCountMax,
  purgedUnstableCountMax,
  versionCountMax,
} from './constants.ts';
import { shortId } from './content-hash.ts';
import type { ModuleRecord, VersionRecord } from './record-file.ts';
import type { VersionEvent, VersionPast } from './state-machine.ts';
import { aimOf, nextState } from './state-machine.ts';
import { VersionsError } from './versions-error.ts';

/** Who changes a record, when and why. */
export interface Occasion {
  readonly reason: string;
  readonly by: string;
  readonly at: number;
  /** Tries that a version has when it is added, retried, promoted or taken up again. */
  readonly tries: number;
  /** Where a crash happened. */
  readonly stack?: string;
}

/** What `add` knows of a version. */
export interface NewVersion {
  readonly hash: string;
  readonly bundler: string;
  readonly sizeBytes: number;
  readonly source: string;
  readonly note: string | undefined;
}

/** The entry of a hash; throws UNKNOWN_VERSION. */
export function requireVersion(record: ModuleRecord, hash: string): VersionRecord {
  const version = record.versions.find((candidate) => candidate.hash === hash);
  if (version !== undefined) return version;
  const message =
    `module "${record.module}" has no version ${hash.slice(0, 12)}. Nothing was changed. ` +
    'Add its bundle first; registry.list() shows the versions there are.';
  throw new VersionsError('UNKNOWN_VERSION', message, { module: record.module, hash });
}

/** Enters a version; the same bytes are the same version, a purged one comes back. False: it was there, nothing changed. */
export function addVersion(record: ModuleRecord, added: NewVersion, occasion: Occasion): boolean {
  const known = record.versions.find((version) => version.hash === added.hash);
  if (known !== undefined) return known.state === 'purged' && rebuild(record, known, added, occasion);
  if (record.versions.length >= versionCountMax) {
    const message =
      `module "${record.module}" has ${record.versions.length} versions, the limit. Nothing was changed. ` +
      'Prune old ones: registry.prune(module, { keep: 20 }).';
    throw new VersionsError('REGISTRY_FULL', message, { module: record.module });
  }
  const version: VersionRecord = {
    hash: added.hash,
    id: shortId(
      added.hash,
      record.versions.map((other) => other.hash),
    ),
    bundler: added.bundler,
    sizeBytes: added.sizeBytes,
    source: added.source,
    ...(added.note === undefined ? {} : { note: added.note }),
    addedAt: occasion.at,
    state: 'staged',
    triesLeft: occasion.tries,
    triesSpent: 0,
    wasUnstable: false,
    crashes: [],
    history: [],
    historyDroppedCount: 0,
  };
  record.versions.push(version);
  remember(record, version, 'add', undefined, occasion);
  return true;
}

/** Takes one try for `by`; throws NO_TRIES_LEFT, or ILLEGAL_TRANSITION in a state in which nothing is tried. */
export function spendTry(record: ModuleRecord, version: VersionRecord, by: string): void {
  requireNext(record, version, 'try');
  if (version.triesLeft === 0) {
    const message =
      `${record.module}@${version.id} has no try left: its loads ended in ways that nobody could clear it of. Nothing was changed. ` +
      'Do not load it; run the last stable version. A retry gives it new tries.';
    throw new VersionsError('NO_TRIES_LEFT', message, {
      module: record.module,
      hash: version.hash,
      from: version.state,
    });
  }
  version.triesLeft -= 1;
  version.triesSpent += 1;
  version.openTries = [...(version.openTries ?? []), by];
}

/** Gives back a try that `by` spent: its load ended well, or its process died of something else. False: it has none, nothing to write; so each is given back once. */
export function returnTry(record: ModuleRecord, version: VersionRecord, by: string): boolean {
  requireNext(record, version, 'return');
  const { openTries = [] } = version;
  const index = openTries.indexOf(by);
  if (index < 0) return false;
  version.openTries = openTries.toSpliced(index, 1);
  version.triesLeft += 1;
  return true;
}

/** Moves a version by an event of the table; throws ILLEGAL_TRANSITION. False: it is there already, nothing to write. */
export function applyEvent(
  record: ModuleRecord,
  version: VersionRecord,
  event: VersionEvent,
  occasion: Occasion,
): boolean {
  const from = version.state;
  const to = requireNext(record, version, event);
  if (event === 'quarantine') return quarantine(record, version, occasion);
  if (to === from && event !== 'retry') return false;
  if (event === 'promote') {
    const previous = record.versions.find((other) => other.state === 'stable');
    if (previous !== undefined) {
      applyEvent(record, previous, 'supersede', {
        ...occasion,
        reason: `${version.id} became stable: ${occasion.reason}`,
      });
    }
    version.stableAt = occasion.at;
    version.stableGeneration = record.generation + 1;
  }
  // A version that earned stable, or is given a new chance, has all its tries; going on to load a checked one spends from the same.
  if (event === 'promote' || event === 'retry' || (event === 'begin' && from !== 'checked'))
    version.triesLeft = occasion.tries;
  if (to !== 'checked' && event !== 'begin') delete version.openTries;
  if (event === 'retry') version.wasUnstable = false;
  version.state = to;
  remember(record, version, event, from, occasion);
  if (event === 'purge') forget(record, version);
  return true;
}

/** Formerly stable versions that could run now, most recent first. A purged or unstable one is never among them. */
export function stableVersions(record: ModuleRecord): VersionRecord[] {
  return record.versions
    .filter(
      (version) => version.stableGeneration !== undefined && version.state !== 'purged' && version.state !== 'unstable',
    )
    .sort((one, other) => other.stableGeneration! - one.stableGeneration!);
}

/** Unstable wins: whatever the version was, it is unstable now, and no longer counts as formerly stable. */
function quarantine(record: ModuleRecord, version: VersionRecord, occasion: Occasion): boolean {
  const isNew = !version.wasUnstable;
  const isReported = version.crashes.some((crash) => crash.reason === occasion.reason);
  if (!isNew && (isReported || version.crashes.length >= crashReportCountMax)) return false;
  pushCrash(version, occasion);
  if (!isNew) return true;
  delete version.openTries;
  const from = version.state;
  delete version.stableAt;
  delete version.stableGeneration;
  version.wasUnstable = true;
  if (from !== 'purged') version.state = 'unstable';
  remember(record, version, 'quarantine', from, occasion);
  return true;
}

/** Notes a crash of a version that keeps its state. */
export function reportCrash(version: VersionRecord, occasion: Occasion): boolean {
  if (version.state === 'purged') return false;
  pushCrash(version, occasion);
  return true;
}

/** Full of reports, it drops the oldest for the one that counts now. */
function pushCrash(version: VersionRecord, { reason, at, by, stack }: Occasion): void {
  if (version.crashes.length >= crashReportCountMax) version.crashes.shift();
  version.crashes.push({ reason, at, by, ...(stack === undefined ? {} : { stack }) });
}

function rebuild(record: ModuleRecord, version: VersionRecord, added: NewVersion, occasion: Occasion): true {
  version.state = requireNext(record, version, 'rebuild');
  version.source = added.source;
  version.sizeBytes = added.sizeBytes;
  if (added.note !== undefined) version.note = added.note;
  version.triesLeft = occasion.tries;
  remember(record, version, 'rebuild', 'purged', occasion);
  return true;
}

function requireNext(record: ModuleRecord, version: VersionRecord, event: VersionEvent): VersionRecord['state'] {
  const to = nextState(version.state, event, pastOf(version));
  if (to !== undefined) return to;
  const aim = aimOf(event);
  const message =
    `${record.module}@${version.id} is ${version.state} and cannot go to ${aim} by "${event}". It stays ${version.state}. ` +
    (version.state === 'unstable'
      ? `It is unstable because: ${version.crashes.at(-1)?.reason ?? 'unknown'}. Only an explicit retry gives it another chance.`
      : 'The README draws which states follow which.');
  const details = { module: record.module, hash: version.hash, from: version.state, to: aim };
  throw new VersionsError('ILLEGAL_TRANSITION', message, details);
}

function pastOf(version: VersionRecord): VersionPast {
  return {
    wasStable: version.stableGeneration !== undefined,
    wasUnstable: version.wasUnstable,
    hasTries: version.triesLeft > 0,
  };
}

function remember(
  record: ModuleRecord,
  version: VersionRecord,
  event: VersionEvent | 'add',
  from: VersionRecord['state'] | undefined,
  { reason, at, by }: Occasion,
): void {
  const generation = record.generation + 1;
  version.history.push({
    ...(from === undefined ? {} : { from }),
    to: version.state,
    event,
    reason,
    at,
    by,
    generation,
  });
  if (version.history.length <= historyLengthMax) return;
  version.history.splice(1, 1);
  version.historyDroppedCount += 1;
}

/** Shrinks a purged entry to what must be remembered, and drops the oldest purged entries beyond the limits. */
function forget(record: ModuleRecord, purged: VersionRecord): void {
  delete purged.stableAt;
  delete purged.stableGeneration;
  purged.historyDroppedCount += Math.max(0, purged.history.length - 3);
  purged.history.splice(1, Math.max(0, purged.history.length - 3));
  purged.crashes.splice(0, purged.crashes.length - 1);
  for (const [wasUnstable, countMax] of [
    [true, purgedUnstableCountMax],
    [false, purgedHealthyCountMax],
  ] as const) {
    const entries = record.versions.filter(
      (version) => version.state === 'purged' && version.wasUnstable === wasUnstable,
    );
    const byAge = entries.sort((one, other) => generationOf(one) - generationOf(other));
    const dropped = new Set(byAge.slice(0, Math.max(0, entries.length - countMax)));
    record.versions = record.versions.filter((version) => !dropped.has(version));
  }
}

function generationOf(version: VersionRecord): number {
  return version.history.at(-1)?.generation ?? 0;
}
