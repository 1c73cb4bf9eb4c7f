// Every command, in the order in which the help lists them. A new one is one file here and one line below.

import type { Commands } from '../command-context.ts';
import { addInit } from './init.ts';
import { addPromote } from './promote.ts';
import { addRevert } from './revert.ts';
import { addVersions } from './versions.ts';

/** Adds one command to the program. */
export type CommandAdder = (commands: Commands) => void;

/** The commands. */
export const commandAdders: readonly CommandAdder[] = [addInit, addVersions, addPromote, addRevert];
