// `mofo dev`: run the app, and take up every save of a module.

import type { Commands } from '../command-context.ts';
import { addServing } from '../serving-command.ts';

/** Adds the command. */
export function addDev(commands: Commands): void {
  addServing(commands, 'dev', 'run the app, and take up every save of a module; or of an unmodified server script');
}
