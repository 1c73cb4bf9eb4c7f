// Who runs which version: what the launcher knows of its children, for `mofo status`.

import type { Child } from './child.ts';
import type { VersionName } from './messages.ts';

/** A process of the application. */
export interface ProcessStatus {
  readonly pid: number;
  /** `draining`: a server script's that was replaced and ends what is under way. */
  readonly role: Child['role'] | 'draining';
  /** The versions that it has loaded. */
  readonly versions: readonly VersionName[];
}

/** The living processes, main first. */
export function processesStatus(children: Iterable<Child>): ProcessStatus[] {
  const living = [...children].filter(({ isAlive }) => isAlive);
  const main = living.filter(({ role }) => role === 'main');
  const others = living.filter(({ role }) => role !== 'main');
  return [...main, ...others].map(({ pid, role, running }) => ({ pid, role, versions: running }));
}
