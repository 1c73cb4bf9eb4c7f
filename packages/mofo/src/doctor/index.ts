// What on this machine would hurt, each with its remedy. Looks only; changes nothing.

import { release, userInfo } from 'node:os';
import { findStore } from '@mofo/journal';
import { type Finding, type Patient, systemRoots } from './finding.ts';
import { checkMemoryLimit, checkSharedMemory } from './memory-checks.ts';
import { checkNode } from './node-checks.ts';
import { checkClock, checkHugePages, checkOpenFiles, checkPidNamespace, checkRemoveIpc } from './system-checks.ts';

export type { Finding } from './finding.ts';

const checks: readonly ((patient: Patient) => Finding[])[] = [
  checkSharedMemory,
  checkMemoryLimit,
  checkRemoveIpc,
  checkNode,
  checkOpenFiles,
  checkPidNamespace,
  checkHugePages,
  checkClock,
];

/** Examines a machine: warnings first. */
export function examine(patient: Patient): Finding[] {
  const findings = checks.flatMap((check) => check(patient));
  return [...findings.filter(({ level }) => level === 'warning'), ...findings.filter(({ level }) => level === 'note')];
}

/** A store as the config has it. */
export interface ExaminedStore {
  readonly name: string;
  /** Null: that of the store that is there. */
  readonly sizeBytes: number | null;
}

/** Examines this machine, for a store if one is given. */
export function examineThis(store: ExaminedStore | undefined): Finding[] {
  const { uid, username } = userInfo();
  const present = store === undefined ? undefined : findStore(store.name);
  return examine({
    roots: systemRoots,
    // A store that is there keeps its own size, whatever the config says.
    storeBytes: present?.sizeBytes ?? store?.sizeBytes ?? undefined,
    heldBytes: 2 * (present?.reservedBytes ?? 0),
    user: { uid, name: username },
    kernel: release(),
    nodeVersion: process.version,
    nodeFlags: [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)],
  });
}
