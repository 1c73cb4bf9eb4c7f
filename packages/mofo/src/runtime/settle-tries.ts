// Which tries are given back after a death. A version on probation costs a try with each process that serves with it, spent on the disk before the load, so
// that a version that kills its process runs out of them. A death of which a version is cleared gives its try back:
//
//   blame named another version, and that was quarantined for it      cleared
//   a hang, or an exit by code, in a run that names another version   cleared: such runs are named exactly
//   a signal from outside (SIGKILL, SIGTERM, …), nothing named it     cleared
//   SIGKILL of the kernel, which had no memory left                   not cleared: any of them may have used it up
//   a signal of its own doing (SIGSEGV, SIGABRT, …)                   not cleared: memory spoiled by one module shows in another
//   an exit or a hang with nothing named                              not cleared: it may have come from a callback of any of them
//   nobody is left that knew it (the launcher died too)                not cleared

import { type Registry, type Version, type VersionKey, VersionsError } from '@mofo/versions';
import type { Blame } from './blame.ts';

/** How a process ended, as its wait status tells. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was killed because it did not answer. */
  readonly isHung: boolean;
  /** The kernel may have killed it for want of memory. */
  readonly isOutOfMemory: boolean;
}

/** What is known of the end of a main. */
export interface JudgedEnd {
  /** As in a `Takeover`. */
  readonly reason: string;
  /** What it ran when it died; undefined if nothing, or if it is not known exactly. */
  readonly named: Blame | undefined;
  /** Hash of the version that was quarantined for it. */
  readonly guilty: string | undefined;
  readonly end: ProcessEnd;
}

/** Signals that come from outside: no instruction of the program makes them. */
export const OUTSIDE_SIGNALS: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** True if the version has nothing to do with that end. */
export function isCleared(version: Pick<Version, 'module' | 'hash'>, judged: JudgedEnd): boolean {
  const { reason, named, guilty, end } = judged;
  const isNamed = named?.module === version.module && version.hash.startsWith(named.id);
  if (isNamed || guilty === version.hash) return false;
  if (guilty !== undefined) return true;
  if (reason === 'hang' || end.isHung) return named !== undefined;
  if (end.signal === null) return named !== undefined;
  return OUTSIDE_SIGNALS.has(end.signal) && !end.isOutOfMemory;
}

/**
 * Settles the tries that a main had spent when it ended.
 *
 * @param holder who spent them: the dead process.
 */
export function settleTries(registry: Registry, holder: string, judged: JudgedEnd): void {
  for (const module of registry.modules()) {
    for (const version of registry.list(module)) {
      if (version.openTries.includes(holder) && isCleared(version, judged)) giveTryBack(registry, version, holder);
    }
  }
}

/** Gives the try of a process back, if the version is still on probation. */
export function giveTryBack(registry: Registry, version: VersionKey, holder: string): void {
  unlessJudged(() => registry.returnTry(version, { by: holder }));
}

/** A version that goes on in the process that took over costs that one a try too, as far as it has any. */
export function spendTryAgain(registry: Registry, version: VersionKey, holder: string): void {
  unlessJudged(() => registry.spendTry(version, { by: holder }));
}

/** Another process may have judged the version meanwhile: it is stable, superseded or unstable, and its tries do not matter any more. */
function unlessJudged(change: () => unknown): void {
  try {
    change();
  } catch (error) {
    const isMoot = error instanceof VersionsError && ['ILLEGAL_TRANSITION', 'NO_TRIES_LEFT'].includes(error.code);
    if (!isMoot) throw error;
  }
}
