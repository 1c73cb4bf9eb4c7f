// `mofo migrate <module> [version]`: an operator says that a version may change the form of the data, which no revert undoes.

import { askLauncher } from '../../runtime/control-socket.ts';
import type { MigratedModule } from '../../runtime/request-answers.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addMigrate(commands: Commands): void {
  const command = commands.add(
    'migrate <module> [version]',
    'run a version that changes the form of stored records: snapshot, migration, new clone (default: the newest that waits)',
  );
  commands.act(command, async ({ config: load, terminal }, module: string, id: string | undefined) => {
    const { config } = await load();
    const request = { what: 'migrate', module, ...(id === undefined ? {} : { version: id }) } as const;
    const migrated = (await askLauncher(config.directory, request)) as MigratedModule;
    if (terminal.json) {
      terminal.data(migrated);
      return undefined;
    }
    const { version, records, snapshot } = migrated;
    for (const [type, count] of Object.entries(records)) terminal.line(`  ${type}: ${count} records migrated`);
    if (snapshot === undefined) terminal.line('  nothing had to be migrated');
    else terminal.line(`  snapshot ${snapshot} is from before it, and is kept`);
    terminal.line(`  ${module}@${version} is stable by your word; it runs now`);
    return undefined;
  });
}
