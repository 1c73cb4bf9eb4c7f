// The command line: one program, one file per command. It ends by a returned exit code, never by process.exit, so that what was
// written is out and tests can run it in their own process.

import { Command, CommanderError } from 'commander';
import { nearestName } from '../define/nearest-name.ts';
import { MofoError } from '../errors.ts';
import { openTerminal, writeError } from '../output/index.ts';
import { type CliEnvironment, type Commands, contextOf } from './command-context.ts';
import { inCommandWords } from './command-words.ts';
import { type CommandAdder, loadCommands } from './commands/index.ts';
import { exitCodeOf, exitCodes, exitCodeTexts } from './exit-codes.ts';
import { mofoVersion } from './mofo-version.ts';

/**
 * Runs one command line.
 *
 * @param parameters What stands behind `mofo`.
 * @param environment Where it is run; default this process.
 * @returns The exit code, see exit-codes.ts. Errors are written, not thrown.
 */
export async function runCli(
  parameters: readonly string[],
  environment: CliEnvironment = processEnvironment(),
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const adders = await loadCommands(parameters[0]);
  const program = buildProgram(adders, environment, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(parameters as string[], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done; // --help, --version
    const told = error instanceof CommanderError ? usageError(error, program) : inCommandWords(error);
    const terminal = openTerminal({
      output: environment.output,
      errors: environment.errors,
      environment: environment.variables,
      json: parameters.includes('--json'),
    });
    writeError(told, terminal);
    return exitCodeOf(told);
  }
}

function buildProgram(
  adders: readonly CommandAdder[],
  environment: CliEnvironment,
  setExitCode: (code: number) => void,
): Command {
  const program = new Command('mofo')
    .description(
      'Keep a Node.js program running while it is being developed, and keep its data whatever happens to it.',
    )
    .version(mofoVersion(), '-V, --version', 'print the version of mofo')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ writeOut: (text) => void environment.output.write(text), writeErr: () => {} })
    .addHelpText('after', `\nExit codes:\n${exitCodeTexts.map(([code, text]) => `  ${code}  ${text}`).join('\n')}\n`);
  const commands: Commands = {
    add: (usage, summary, parent = program) => withSharedOptions(parent.command(usage).description(summary)),
    act: (command, action) => {
      command.action(async (...all: unknown[]) => {
        // commander calls with the operands, then the options, then the command itself.
        setExitCode((await action(contextOf(command, environment), ...(all.slice(0, -1) as never))) ?? exitCodes.done);
      });
    },
  };
  for (const add of adders) add(commands);
  program.action(() => {
    if (program.args.length === 0) program.help();
    throw new MofoError('USAGE', unknownCommand(program.args[0]!, program));
  });
  program.allowExcessArguments();
  return program;
}

function withSharedOptions(command: Command): Command {
  return command
    .option('--json', 'write JSON instead of words')
    .option('--app <directory>', 'directory of the app (default: the current one)')
    .option('--script <name>', 'the server script, where several have run in the directory')
    .option('--config <file>', 'config file (default: mofo.config.ts, .js, .mjs or .json)')
    .exitOverride()
    .showSuggestionAfterError(false);
}

function unknownCommand(name: string, program: Command): string {
  const names = program.commands.map((command) => command.name());
  const nearest = nearestName(name, names);
  const meant = nearest === undefined ? `There are: ${names.join(', ')}.` : `Did you mean "mofo ${nearest}"?`;
  return `there is no command "${name}". Nothing was done. ${meant}`;
}

function usageError(error: CommanderError, program: Command): MofoError {
  const message = error.message.replace(/^error: /, '').replace(/\.?$/, '.');
  const option = /unknown option '(-[^']*)'/.exec(message)?.[1];
  if (option === undefined)
    return new MofoError('USAGE', `${message} Nothing was done. See: npx mofo --help`, { cause: error });
  const known = [...new Set(program.commands.flatMap((command) => command.options.map((entry) => entry.long ?? '')))];
  const nearest = nearestName(option, known);
  const meant = nearest === undefined ? 'See: npx mofo --help' : `Did you mean "${nearest}"?`;
  return new MofoError('USAGE', `${message} Nothing was done. ${meant}`, { cause: error });
}

function processEnvironment(): CliEnvironment {
  return { directory: process.cwd(), output: process.stdout, errors: process.stderr, variables: process.env };
}
