// `mofo run server.js` and `mofo dev server.js`: options, timeline, signals, exit code. Standard output is the script's alone; the timeline goes to standard error.

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../define/duration.ts';
import { MofoError } from '../errors.ts';
import { openTerminal, writeEvent } from '../output/index.ts';
import type { RuntimeEvent } from '../runtime/messages.ts';
import { ScriptRun } from '../server-script/run-script.ts';
import { type ScriptOptions, type Standby, scriptDefaults } from '../server-script/script-options.ts';
import type { CommandContext } from './command-context.ts';

/** Signals that are the script's. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'];

/** What is written behind `mofo run server.js`. */
export interface ScriptFlags {
  readonly standby?: Standby;
  readonly waitReady?: boolean;
  readonly readyWithin?: number;
  readonly hangAfter?: number;
  readonly drainWithin?: number;
  readonly stopWithin?: number;
  readonly probationTime?: number;
  readonly probationRequests?: number;
}

/** Adds the options of scripts to a command. */
export function addScriptFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--standby <kind>',
        'of a script: warm (nothing of it has run), loaded (it has, up to listen), none',
      ).choices(['warm', 'loaded', 'none']),
    )
    .option('--wait-ready', "of a script: it is ready when it calls process.send('ready'), not when it listens")
    .option('--ready-within <time>', 'of a script: longest time to being ready (30s)', duration)
    .option('--hang-after <time>', 'of a script: longest time that its event loop may be blocked (5s)', duration)
    .option(
      '--drain-within <time>',
      'of a script: longest time for what is under way when it is replaced (30s)',
      duration,
    )
    .option('--stop-within <time>', 'of a script: longest time from SIGTERM to its end (10s)', duration)
    .option('--probation-time <time>', 'of a script: least time until a version is stable (5s)', duration)
    .option('--probation-requests <count>', 'of a script: requests until a version is stable (500)', count);
}

/** Runs the script until it ends or is stopped, and gives the exit code. */
export async function serveScript(
  context: CommandContext,
  mode: 'dev' | 'run',
  script: string,
  parameters: readonly string[],
  flags: ScriptFlags & { readonly port?: number },
): Promise<number> {
  if (flags.port !== undefined)
    throw new MofoError(
      'USAGE',
      `--port is for an app of modules. Nothing was started. Tell ${script} its port as it expects it, for instance: PORT=${flags.port} npx mofo ${mode} ${script}`,
    );
  if (!/\.[cm]?js$/.test(script))
    throw new MofoError(
      'USAGE',
      `${script} is no .js, .mjs or .cjs. Nothing was started. Build it first, and run what comes out.`,
    );
  const terminal = openTerminal({
    output: context.terminal.errors,
    errors: context.terminal.errors,
    json: context.terminal.json,
  });
  const environment = { ...process.env };
  const options: ScriptOptions = {
    ...scriptDefaults,
    directory: context.directory,
    script: resolve(context.directory, script),
    parameters,
    mode,
    environment,
    onEvent: (event: RuntimeEvent) => writeEvent(terminal, event),
    ...limitsOf(flags),
  };
  const running = new ScriptRun(options);
  const stop = (signal: NodeJS.Signals): void => running.stop(signal as 'SIGTERM' | 'SIGINT');
  const reload = (): void =>
    void running.reload().catch((error: Error) => {
      writeEvent(terminal, { at: Date.now(), kind: 'warning', module: running.name, message: error.message });
    });
  const handlers: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', mode === 'dev' ? () => stop('SIGTERM') : reload],
    ...PASSED_ON.map((signal): [NodeJS.Signals, () => void] => [signal, () => running.launcher?.signal(signal)]),
  ];
  for (const [signal, handler] of handlers) process.on(signal, handler);
  try {
    return await running.run();
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

function limitsOf(flags: ScriptFlags): Partial<ScriptOptions> {
  const { standby, waitReady, readyWithin, hangAfter, drainWithin, stopWithin } = flags;
  const { tasks, minimumMs, deadlineMs } = scriptDefaults.probation;
  return {
    ...(standby === undefined ? {} : { standby }),
    ...(waitReady === undefined ? {} : { waitsForReady: waitReady }),
    ...(readyWithin === undefined ? {} : { readyWithinMs: readyWithin }),
    ...(hangAfter === undefined ? {} : { hangAfterMs: hangAfter }),
    ...(drainWithin === undefined ? {} : { drainWithinMs: drainWithin }),
    ...(stopWithin === undefined ? {} : { stopWithinMs: stopWithin }),
    probation: {
      tasks: flags.probationRequests ?? tasks,
      minimumMs: flags.probationTime ?? minimumMs,
      deadlineMs,
    },
  };
}

function duration(text: string): number {
  const milliseconds = parseDurationMs(text);
  if (milliseconds !== undefined && milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError("It is a time such as '500ms', '30s', '5m'.");
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError('It is a number from 0 to 1000000.');
}
