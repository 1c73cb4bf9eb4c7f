// From a version in the registry to a version that can run: read and verify the bundle, evaluate it. Its state is opened when it is known that it may.

import * as journal from '@mofo/journal';
import * as shmStore from '@mofo/shm-store';
import type { Registry, Version } from '@mofo/versions';
import * as authoring from '../authoring.ts';
import { loadModule } from '../modules/load-module.ts';
import type { ProvidedPackages } from '../modules/module-require.ts';
import type { VersionName } from './messages.ts';
import type { ContextServices } from './module-context.ts';
import { RunningVersion } from './running-version.ts';

/** The runtime's own packages: what a bundle's `require` of them answers, so that there is one instance of each. */
const provided: ProvidedPackages = { mofo: authoring, '@mofo/journal': journal, '@mofo/shm-store': shmStore };

/**
 * Loads a version. Synchronous; runs the module's top-level code in this process.
 *
 * @throws MofoError LOAD_FAILED and others of `loadModule`; VersionsError BUNDLE_CORRUPT. Whatever ran before is untouched.
 */
export function loadVersion(
  registry: Registry,
  version: Version,
  appDirectory: string,
  services: ContextServices,
): RunningVersion {
  const label = services.guard.label(`${version.module}@${version.id} load`);
  return services.guard.run(label, () => {
    const loaded = loadModule({
      module: version.module,
      id: version.id,
      bundle: registry.readBundle(version),
      source: version.source,
      directory: appDirectory,
      provided,
    });
    return new RunningVersion(
      { module: version.module, hash: version.hash, id: version.id },
      loaded.definition,
      loaded.scriptName,
    );
  });
}

/**
 * Versions that main may load for a module, best first: the most recent stable one, then what has not failed, newest first, as far as it has tries. A newer
 * save supersedes what waited before it, so that is what the source says now.
 */
export function candidates(registry: Registry, module: string): Version[] {
  const stable = registry.latestStable(module);
  const untried = registry
    .list(module)
    .filter(({ state, triesLeft }) => (state === 'checked' || state === 'probation') && triesLeft > 0)
    .sort((a, b) => b.addedAt - a.addedAt);
  return stable === undefined ? untried : [stable, ...untried];
}

/**
 * What the clone loads for a module: the most recent stable version, otherwise what main runs, whatever has been saved since; never what nobody has tried. It spends
 * no try, for it does not serve.
 */
export function standbyCandidates(registry: Registry, module: string, runsInMain: readonly VersionName[]): Version[] {
  const stable = registry.latestStable(module);
  const running = registry
    .list(module)
    .filter(({ hash, state }) => runsInMain.some((version) => version.hash === hash) && isLoadable(state))
    .filter(({ hash }) => hash !== stable?.hash);
  return stable === undefined ? running : [stable, ...running];
}

function isLoadable(state: Version['state']): boolean {
  // One that drains is kept as long as it runs.
  return state !== 'unstable' && state !== 'purged';
}
