// `mofo dev`: run the app, and take up every save of a module.

import type { Commands } from '../command-context.ts';
import { parsePort } from '../parse-port.ts';
import { serve } from '../serve.ts';

/** Adds the command. */
export function addDev(commands: Commands): void {
  const command = commands
    .add('dev', 'run the app, and take up every save of a module')
    .option('--port <number>', "listen on this port instead of the config's", parsePort);
  commands.act(command, (context, options: { readonly port?: number }) =>
    serve(context, { mode: 'dev', ...(options.port === undefined ? {} : { port: options.port }) }),
  );
}
