// One fresh process for one subject of one group (or of several, one after the other, in the quick form), and the certainty that nothing of it is left: its processes, its directory and its store go away
// however it ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { destroyStore, listStores } from '@mofo/journal';
import type { Bench, Group, Measured } from './bench.ts';

/** Which measurements a process is to make; it finds groups and bench by name. */
export interface Assignment {
  readonly bench: string;
  readonly subject: string;
  readonly quick: boolean;
  readonly parts: readonly AssignedGroup[];
}

/** One group of an assignment, with a directory and a store of its own. */
export interface AssignedGroup {
  readonly group: string;
  readonly directory: string;
  readonly storeName: string;
}

/** A file system in memory. */
const MEMORY_FOLDER = '/dev/shm';

let lastRun = 0;

/** Measures in a process of its own. Rejects with what that process printed when it failed. */
export async function measureInProcess(
  bench: Bench,
  groups: readonly Group[],
  subject: string,
  quick: boolean,
): Promise<readonly Measured[]> {
  const place = bench.inMemory === true && existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
  const parts = groups.map((group) => ({
    group: group.name,
    directory: mkdtempSync(join(place, 'mofo-bench-')),
    storeName: `bench-${process.pid}-${++lastRun}`,
  }));
  const assignment: Assignment = { bench: bench.name, subject, quick, parts };
  const program = fileURLToPath(new URL('../programs/measure.js', import.meta.url));
  // A group of its own, so that all its processes can be ended together.
  const child = spawn(process.execPath, ['--expose-gc', program, JSON.stringify(assignment)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  passPriorityOn(child);
  const interrupted = (): void => {
    endGroup(child);
    cleanUp(parts);
    process.exit(1);
  };
  for (const signal of signals) process.once(signal, interrupted);
  try {
    return await resultOf(child, `${groups.map(({ name }) => name).join(', ')} of ${subject}`, bench.limitMs);
  } finally {
    for (const signal of signals) process.off(signal, interrupted);
    endGroup(child);
    cleanUp(parts);
  }
}

/**
 * Linux may schedule sessions against each other (autogroups): `nice` then counts only inside a session, and the process group of its own is a session of
 * its own. So that `nice -n -10 pnpm bench` means what it says, the session gets our priority.
 */
function passPriorityOn({ pid }: ChildProcess): void {
  const file = `/proc/${pid}/autogroup`;
  if (pid !== undefined && getPriority() !== 0 && existsSync(file)) writeFileSync(file, String(getPriority()));
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function resultOf(child: ChildProcess, what: string, limitMs: number): Promise<readonly Measured[]> {
  let output = '';
  let result: readonly Measured[] | undefined;
  let isLate = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_MAX);
    });
  }
  child.on('message', (message) => {
    result = message as readonly Measured[];
  });
  const timer = setTimeout(() => {
    isLate = true;
    endGroup(child);
  }, limitMs);
  // 'exit', not 'close': a process left behind may hold the pipes open.
  const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...end) => resolve(end));
  });
  clearTimeout(timer);
  if (result !== undefined && exitCode === 0) return result;
  const why = isLate ? `took longer than ${limitMs / 1000} s` : `ended with ${signal ?? `exit code ${exitCode}`}`;
  throw new Error(`${what} ${why}. It printed:\n${output}`);
}

/** Last characters kept of what a measuring process prints. */
const OUTPUT_MAX = 8192;

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function cleanUp(parts: readonly AssignedGroup[]): void {
  for (const { directory, storeName } of parts) {
    // Whoever owned it was of this run.
    destroyStore(storeName, { force: true });
    for (const { name } of listStores()) {
      if (name.startsWith(`${storeName}-`)) destroyStore(name, { force: true });
    }
    rmSync(directory, { recursive: true, force: true });
  }
}
