// `mofo run` and `mofo dev` differ in their words and their mode only.

import type { Commands } from './command-context.ts';
import { parsePort } from './parse-port.ts';
import { serve } from './serve.ts';
import { addScriptFlags, type ScriptFlags, serveScript } from './serve-script.ts';

/** Adds the command that serves an app of modules, or a script, in this mode; it is named as the mode. */
export function addServing(commands: Commands, mode: 'dev' | 'run', summary: string): void {
  const command = commands
    .add(`${mode} [script] [arguments...]`, summary)
    .option('--port <number>', "listen on this port instead of the config's", parsePort);
  addScriptFlags(command);
  commands.act(
    command,
    (
      context,
      script: string | undefined,
      parameters: readonly string[],
      options: ScriptFlags & { readonly port?: number },
    ) =>
      script === undefined
        ? serve(context, { mode, ...(options.port === undefined ? {} : { port: options.port }) })
        : serveScript(context, mode, script, parameters, options),
  );
}
