// `mofo versions prune [module]`: deletes old versions from the disk.

import type { Command } from 'commander';
import { MofoError } from '../../errors.ts';
import { requireModule } from '../../runtime/known-versions.ts';
import { pruneModule, VERSIONS_KEPT } from '../../runtime/prune-versions.ts';
import { openAppRegistry } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';
import { runningHashes } from '../running-hashes.ts';

/** Adds the command below `versions`. */
export function addVersionsPrune(commands: Commands, versions: Command): void {
  const command = commands
    .add('prune [module]', 'delete old versions: superseded and unstable ones beyond the newest', versions)
    .option('--keep <n>', 'how many of each module to keep, at least 1', String(VERSIONS_KEPT));
  commands.act(command, async ({ config: load, terminal }, module: string | undefined) => {
    const keep = parseKeep(command.opts<{ keep: string }>().keep);
    const { config } = await load();
    const registry = openAppRegistry(config);
    try {
      const modules = module === undefined ? registry.modules() : [requireModule(registry, module)];
      const running = [...(await runningHashes(config)).all];
      const pruned = modules.map((name) => ({
        module: name,
        pruned: pruneModule(registry, name, running, keep).map(({ id, hash, sizeBytes }) => ({ id, hash, sizeBytes })),
      }));
      if (terminal.json) terminal.data(pruned);
      else
        for (const { module: name, pruned: gone } of pruned)
          terminal.line(`  ${name}: ${gone.length === 0 ? 'nothing to delete' : `${gone.length} versions deleted`}`);
      return undefined;
    } finally {
      registry.close();
    }
  });
}

function parseKeep(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new MofoError('USAGE', `--keep takes a whole number from 1, not "${text}". Nothing was deleted.`);
}
