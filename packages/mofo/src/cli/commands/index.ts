// Every command, in the order in which the help lists them. A new one is one file here and one line below.

import type { Commands } from '../command-context.ts';
import { addCheck } from './check.ts';
import { addDestroy } from './destroy.ts';
import { addDev } from './dev.ts';
import { addDoctor } from './doctor.ts';
import { addExport } from './export.ts';
import { addInit } from './init.ts';
import { addLog } from './log.ts';
import { addMigrate } from './migrate.ts';
import { addPromote } from './promote.ts';
import { addReload } from './reload.ts';
import { addRestore } from './restore.ts';
import { addRevert } from './revert.ts';
import { addRun } from './run.ts';
import { addSnapshot } from './snapshot.ts';
import { addSnapshots } from './snapshots.ts';
import { addStatus } from './status.ts';
import { addTasks } from './tasks.ts';
import { addVersions } from './versions.ts';

/** Adds one command to the program. */
export type CommandAdder = (commands: Commands) => void;

/** The commands. */
export const commandAdders: readonly CommandAdder[] = [
  addInit,
  addDev,
  addRun,
  addStatus,
  addVersions,
  addLog,
  addTasks,
  addPromote,
  addRevert,
  addMigrate,
  addReload,
  addSnapshot,
  addSnapshots,
  addRestore,
  addExport,
  addCheck,
  addDoctor,
  addDestroy,
];
