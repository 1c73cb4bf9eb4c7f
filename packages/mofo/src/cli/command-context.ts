// What every command gets: where the app is, where to write. Options that all commands share are read here, once.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/index.ts';
import { openTerminal, type Terminal, type TextStream } from '../output/index.ts';
import { appOrScript } from './app-or-script.ts';

/** What the program is run with; the process's own by default. */
export interface CliEnvironment {
  readonly directory: string;
  readonly output: TextStream;
  readonly errors: TextStream;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** What a command works with. */
export interface CommandContext {
  /** Absolute directory in which the app is looked for. */
  readonly directory: string;
  readonly terminal: Terminal;
  /** Loads the config of the app. Throws CONFIG_… errors. */
  app(): Promise<LoadedConfig>;
  /** The same, or what stands for a server script where no app is. Throws CONFIG_… errors, and USAGE when it is not clear which script. */
  config(): Promise<LoadedConfig>;
}

/** What a command does. Gives the exit code; undefined is 0. */
export type CommandAction<Arguments extends unknown[]> = (
  context: CommandContext,
  ...all: Arguments
) => Promise<number | undefined>;

/** Options that all commands share. */
interface SharedOptions {
  readonly app?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly script?: string;
}

/** Builds the context of a command from its shared options. */
export function contextOf(command: Command, environment: CliEnvironment): CommandContext {
  const options = command.optsWithGlobals<SharedOptions>();
  const directory = resolve(environment.directory, options.app ?? '.');
  const app = (): Promise<LoadedConfig> =>
    loadConfig({ directory, ...(options.config === undefined ? {} : { file: options.config }) });
  return {
    directory,
    terminal: openTerminal({
      output: environment.output,
      errors: environment.errors,
      environment: environment.variables,
      json: options.json ?? false,
    }),
    app,
    config: () => (options.config === undefined ? appOrScript(directory, options.script, app) : app()),
  };
}

/** Adds a command with the options that all share. `act` connects its action to the program. */
export interface Commands {
  /** A new command, for instance `versions [module]`; of another one, for instance `prune [module]` of `versions`. */
  add(usage: string, summary: string, parent?: Command): Command;
  /** Runs `action` when the command is called. */
  act<Arguments extends unknown[]>(command: Command, action: CommandAction<Arguments>): void;
}
