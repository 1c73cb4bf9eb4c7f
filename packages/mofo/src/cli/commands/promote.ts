// `mofo promote <module> [version]`: an operator says that a version has earned its trust.

import type { Registry, Version } from '@mofo/versions';
import { MofoError } from '../../errors.ts';
import { askRunningApp, openAppRegistry, requireKnownModule, requireKnownVersion } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addPromote(commands: Commands): void {
  const command = commands.add(
    'promote <module> [version]',
    'make a version stable now (default: the one on probation)',
  );
  commands.act(command, async ({ config: load, terminal }, module: string, id: string | undefined) => {
    const { config } = await load();
    const answer = await askRunningApp(config, {
      what: 'promote',
      module,
      ...(id === undefined ? {} : { version: id }),
    });
    if (answer !== undefined) {
      if (terminal.json) terminal.data(answer.value);
      else terminal.line(`  ${module} promoted in the running app`);
      return undefined;
    }
    const registry = openAppRegistry(config);
    try {
      const version = promote(registry, requireKnownModule(registry, module), id);
      if (terminal.json) terminal.data(version);
      else terminal.line(`  ${module}@${version.id} is stable now; the next start runs it`);
      return undefined;
    } finally {
      registry.close();
    }
  });
}

/** Makes a version stable in the registry; throws UNKNOWN_VERSION or what the state machine says. */
export function promote(registry: Registry, module: string, id: string | undefined): Version {
  const version = id === undefined ? newestUntrusted(registry, module) : requireKnownVersion(registry, module, id);
  const reason = 'promoted by an operator';
  const tried = version.state === 'staged' ? registry.markChecked(version, { reason }) : version;
  return registry.markStable(tried.state === 'checked' ? registry.markProbation(tried, { reason }) : tried, { reason });
}

function newestUntrusted(registry: Registry, module: string): Version {
  const waiting = registry.list(module).filter((version) => ['checked', 'probation'].includes(version.state));
  const newest = waiting.sort((one, other) => other.addedAt - one.addedAt)[0];
  if (newest !== undefined) return newest;
  throw new MofoError(
    'UNKNOWN_VERSION',
    `module "${module}" has no version on probation. Nothing was done. Name one: npx mofo versions ${module}`,
    { data: { module } },
  );
}
