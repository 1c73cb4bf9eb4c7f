// `mofo dev`: run the app, and take up every save of a module.

import type { Commands } from '../command-context.ts';
import { parsePort } from '../parse-port.ts';
import { serve } from '../serve.ts';
import { addScriptFlags, type ScriptFlags, serveScript } from '../serve-script.ts';

/** Adds the command. */
export function addDev(commands: Commands): void {
  const command = commands
    .add(
      'dev [script] [arguments...]',
      'run the app, and take up every save of a module; or of an unmodified server script',
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
        ? serve(context, { mode: 'dev', ...(options.port === undefined ? {} : { port: options.port }) })
        : serveScript(context, 'dev', script, parameters, options),
  );
}
