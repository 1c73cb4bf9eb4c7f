// Why a version is in its state, as people are told. An unstable one may have more than one report: the clone says at once what it sees (`crash in
// task review #12`), the launcher a moment later what the wait status says (`SIGSEGV in task review #12`). The last is the most exact.

import type { Version } from '@mofo/versions';

/** The most exact reason that is known. */
export function reasonOf(version: Version): string {
  return version.state === 'unstable' ? (version.crashes.at(-1)?.reason ?? version.reason) : version.reason;
}
