// `mofo reload [script]`: the running server script is taken up as it is on the disk now, without a failed request.

import { askLauncher } from '../../runtime/control-socket.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addReload(commands: Commands): void {
  const command = commands.add(
    'reload',
    'take up a running server script as it is now, as SIGHUP to its launcher does',
  );
  commands.act(command, async ({ config: load, terminal }) => {
    const { config } = await load();
    const value = (await askLauncher(config.directory, { what: 'reload' })) as {
      readonly version: string;
      readonly state: string;
      readonly pid: number;
    };
    if (terminal.json) terminal.data(value);
    else terminal.line(`  ${config.name}@${value.version} runs now (pid ${value.pid}), ${value.state}`);
    return undefined;
  });
}
