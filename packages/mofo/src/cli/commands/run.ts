// `mofo run`: run the app in production: modules are built once; or any server script.

import type { Commands } from '../command-context.ts';
import { parsePort } from '../parse-port.ts';
import { serve } from '../serve.ts';
import { addScriptFlags, type ScriptFlags, serveScript } from '../serve-script.ts';

/** Adds the command. */
export function addRun(commands: Commands): void {
  const command = commands
    .add(
      'run [script] [arguments...]',
      'run the app in production: modules are built once; or an unmodified server script',
    )
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
        ? serve(context, { mode: 'run', ...(options.port === undefined ? {} : { port: options.port }) })
        : serveScript(context, 'run', script, parameters, options),
  );
}
