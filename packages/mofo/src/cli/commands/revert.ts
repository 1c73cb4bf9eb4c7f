// `mofo revert <module>`: back to the most recent version that was stable before the one that runs now.

import type { Registry, Version } from '@mofo/versions';
import { MofoError } from '../../errors.ts';
import { requireModule } from '../../runtime/known-versions.ts';
import { askRunningApp, openAppRegistry } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addRevert(commands: Commands): void {
  const command = commands.add('revert <module>', 'go back to the version that was stable before');
  commands.act(command, async ({ config: load, terminal }, module: string) => {
    const { config } = await load();
    const answer = await askRunningApp(config, { what: 'revert', module });
    if (answer !== undefined) {
      if (terminal.json) terminal.data(answer.value);
      else terminal.line(`  ${module}@${(answer.value as { readonly version: string }).version} runs now`);
      return undefined;
    }
    const registry = openAppRegistry(config);
    try {
      const version = revert(registry, requireModule(registry, module));
      if (terminal.json) terminal.data(version);
      else terminal.line(`  ${module}@${version.id} is what the next start runs`);
      return undefined;
    } finally {
      registry.close();
    }
  });
}

/**
 * Reverts a module in the registry: versions still on their way are set aside, and if there are none, the stable one gives way to
 * the one before it.
 *
 * @returns The version that is stable now.
 * @throws MofoError NOTHING_TO_REVERT; nothing was changed.
 */
export function revert(registry: Registry, module: string): Version {
  const reason = 'reverted by an operator';
  const stable = registry.latestStable(module);
  const onTheirWay = registry
    .list(module)
    .filter((version) => ['staged', 'checked', 'probation'].includes(version.state));
  const target =
    onTheirWay.length > 0 ? stable : registry.revertTarget(module, stable === undefined ? {} : { except: stable });
  if (target === undefined) {
    throw new MofoError(
      'NOTHING_TO_REVERT',
      `module "${module}" has no earlier stable version to go back to. Nothing was changed. To run another one, name it: npx mofo promote ${module} <version>; see: npx mofo versions ${module}`,
      { data: { module } },
    );
  }
  for (const version of onTheirWay) registry.markSuperseded(version, { reason });
  return target.state === 'stable' ? target : registry.markStable(target, { reason });
}
