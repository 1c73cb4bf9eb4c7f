// `mofo promote <module> [version]`: an operator says that a version has earned its trust.

import { findStore, openStore } from '@mofo/journal';
import type { Registry, Version } from '@mofo/versions';
import { Quarantine } from '@mofo/watchdog';
import type { Config } from '../../config/index.ts';
import { MofoError } from '../../errors.ts';
import { requireModule, requireVersion } from '../../runtime/known-versions.ts';
import { makeStable, wordOfWarning } from '../../runtime/make-stable.ts';
import { reasonOf } from '../../runtime/reason-of.ts';
import type { Promoted } from '../../runtime/request-answers.ts';
import { askRunningApp, openAppRegistry } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';

/** Adds the command. */
export function addPromote(commands: Commands): void {
  const command = commands.add(
    'promote <module> [version]',
    'make a version stable now (default: the one on probation)',
  );
  commands.act(command, async ({ config: load, terminal }, module: string, id: string | undefined) => {
    const { config } = await load();
    const request = { what: 'promote', module, ...(id === undefined ? {} : { version: id }) } as const;
    const answer = await askRunningApp(config, request);
    const promoted = answer === undefined ? promoteOnDisk(config, module, id) : (answer.value as Promoted);
    if (terminal.json) terminal.data(promoted);
    else {
      const { version, warning } = promoted;
      if (warning !== undefined) terminal.line(`  ${terminal.paint('yellow', `${module}@${version}: ${warning}`)}`);
      const now = answer === undefined ? 'the next start runs it' : 'it runs now';
      terminal.line(`  ${module}@${version} is stable by your word; ${now}`);
    }
    return undefined;
  });
}

function promoteOnDisk(config: Config, module: string, id: string | undefined): Promoted {
  const registry = openAppRegistry(config);
  try {
    const version = choose(registry, requireModule(registry, module), id);
    const warning = wordOfWarning(version, reasonOf(version));
    const { hash, state } = makeStable(registry, version, { reason: 'promoted by an operator', by: 'operator' });
    releaseFromQuarantine(config, module, hash);
    return { module, version: version.id, state, ...(warning === undefined ? {} : { warning }) };
  } finally {
    registry.close();
  }
}

/** What a takeover wrote into the store holds as well; the next start must not find it there. */
function releaseFromQuarantine(config: Config, module: string, hash: string): void {
  const { name } = config.store;
  if (findStore(name)?.state !== 'ready') return;
  const store = openStore({ name, create: false });
  try {
    new Quarantine(store).remove(module, hash);
  } finally {
    store.close();
  }
}

function choose(registry: Registry, module: string, id: string | undefined): Version {
  if (id !== undefined) return requireVersion(registry, module, id);
  const [newest] = registry.list(module).filter(({ state }) => state === 'checked' || state === 'probation');
  if (newest !== undefined) return newest;
  throw new MofoError(
    'UNKNOWN_VERSION',
    `module "${module}" has no version on probation. Nothing was done. Name one: npx mofo promote ${module} <version>; see: npx mofo versions ${module}`,
    { data: { module } },
  );
}
