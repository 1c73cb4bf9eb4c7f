// Every command, in the order in which the help lists them. A new one is one file here and one line below. A command is loaded when it is called: most need
// little of what mofo is made of.

import type { Commands } from '../command-context.ts';

/** Adds one command to the program. */
export type CommandAdder = (commands: Commands) => void;

/** Loads the commands, by name. */
const commandLoaders: Readonly<Record<string, () => Promise<CommandAdder>>> = {
  init: async () => (await import('./init.ts')).addInit,
  dev: async () => (await import('./dev.ts')).addDev,
  run: async () => (await import('./run.ts')).addRun,
  status: async () => (await import('./status.ts')).addStatus,
  versions: async () => (await import('./versions.ts')).addVersions,
  log: async () => (await import('./log.ts')).addLog,
  tasks: async () => (await import('./tasks.ts')).addTasks,
  promote: async () => (await import('./promote.ts')).addPromote,
  revert: async () => (await import('./revert.ts')).addRevert,
  migrate: async () => (await import('./migrate.ts')).addMigrate,
  reload: async () => (await import('./reload.ts')).addReload,
  snapshot: async () => (await import('./snapshot.ts')).addSnapshot,
  snapshots: async () => (await import('./snapshots.ts')).addSnapshots,
  restore: async () => (await import('./restore.ts')).addRestore,
  export: async () => (await import('./export.ts')).addExport,
  check: async () => (await import('./check.ts')).addCheck,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  destroy: async () => (await import('./destroy.ts')).addDestroy,
};

/** Loads the command that is called, or all of them when none of their names is. */
export async function loadCommands(called: string | undefined): Promise<readonly CommandAdder[]> {
  const one = called !== undefined && Object.hasOwn(commandLoaders, called) ? commandLoaders[called] : undefined;
  return await Promise.all(one === undefined ? Object.values(commandLoaders).map((load) => load()) : [one()]);
}
