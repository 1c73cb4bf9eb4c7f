// `mofo destroy`: removes the app's store from memory. Snapshots and versions on disk stay.

import { destroyStore, findStore } from '@mofo/journal';
import { MofoError } from '../../errors.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addDestroy(commands: Commands): void {
  const command = commands
    .add('destroy', "remove the app's store from memory; snapshots and versions stay")
    .option('--yes', 'do it without being asked to say this')
    .option('--force', 'also while processes are attached, and also when it is damaged');
  commands.act(
    command,
    async ({ config: load, terminal }, options: { readonly yes?: boolean; readonly force?: boolean }) => {
      const { name } = (await load()).config.store;
      const isThere = findStore(name) !== undefined;
      if (isThere && options.yes !== true) {
        throw new MofoError(
          'USAGE',
          `This removes all data of store "${name}" from memory. Nothing was done yet. Say: npx mofo destroy --yes`,
        );
      }
      const destroyed = destroyStore(name, { force: options.force ?? false });
      if (terminal.json) terminal.data({ name, destroyed });
      else terminal.line(destroyed ? `  store "${name}" is gone` : `  there is no store "${name}"`);
      return undefined;
    },
  );
}
