// `mofo versions [module]`: what was built, what became of it and why.

import type { Version } from '@mofo/versions';
import { clockTime, tableLines } from '../../output/index.ts';
import { reasonOf } from '../../runtime/reason-of.ts';
import { openAppRegistry, requireKnownModule } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addVersions(commands: Commands): void {
  const command = commands.add('versions [module]', 'list the versions of a module, or of all, with their states');
  commands.act(command, async ({ config, terminal }, module: string | undefined) => {
    const registry = openAppRegistry((await config()).config);
    try {
      const modules = module === undefined ? registry.modules() : [requireKnownModule(registry, module)];
      const listed = modules.map((name) => ({
        module: name,
        versions: newestFirst(registry.list(name)).map((version) => ({ ...version, reason: reasonOf(version) })),
      }));
      if (terminal.json) {
        terminal.data(listed);
        return undefined;
      }
      if (listed.length === 0) terminal.line('  no versions yet: npx mofo dev builds them');
      for (const { module: name, versions } of listed) {
        terminal.line(`  ${terminal.paint('bold', name)}`);
        const rows = versions.map((version) => [
          version.id,
          terminal.paint(stateStyle(version), version.state),
          terminal.paint('dim', dayAndTime(version.addedAt)),
          version.reason,
        ]);
        for (const line of tableLines(rows, { indent: '    ' })) terminal.line(line);
      }
      return undefined;
    } finally {
      registry.close();
    }
  });
}

function newestFirst(versions: readonly Version[]): Version[] {
  return [...versions].sort((one, other) => other.addedAt - one.addedAt);
}

function stateStyle(version: Version): 'green' | 'red' | 'yellow' | 'gray' {
  if (version.state === 'stable') return 'green';
  if (version.state === 'unstable') return 'red';
  return version.state === 'probation' ? 'yellow' : 'gray';
}

function dayAndTime(at: number): string {
  const time = new Date(at);
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
  return `${day} ${clockTime(at)}`;
}
