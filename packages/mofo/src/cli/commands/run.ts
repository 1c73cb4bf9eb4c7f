// `mofo run`: run the app in production: modules are built once.

import type { Commands } from '../command-context.ts';
import { parsePort } from '../parse-port.ts';
import { serve } from '../serve.ts';

/** Adds the command. */
export function addRun(commands: Commands): void {
  const command = commands
    .add('run', 'run the app in production: modules are built once')
    .option('--port <number>', "listen on this port instead of the config's", parsePort);
  commands.act(command, (context, options: { readonly port?: number }) =>
    serve(context, { mode: 'run', ...(options.port === undefined ? {} : { port: options.port }) }),
  );
}
