// `mofo run`: run the app in production: modules are built once; or any server script.

import type { Commands } from '../command-context.ts';
import { addServing } from '../serving-command.ts';

/** Adds the command. */
export function addRun(commands: Commands): void {
  addServing(commands, 'run', 'run the app in production: modules are built once; or an unmodified server script');
}
