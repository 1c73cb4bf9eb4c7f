// From a build to the registry: what the source says now is what may be tried; what waited before it is superseded at once, and never chosen again by itself.
//
//   new, or known and on probation         tried as soon as a clone stands by
//   superseded (gone back to)              on probation again
//   passed over, for it has no try left    at a start: stays so; saved again: its developer's word for another chance
//   unstable                               refused, with the reason

import { type Registry, type Version, VersionsError } from '@mofo/versions';
import type { ModuleBuilt } from '../modules/watch-modules.ts';
import type { RuntimeEvent } from './messages.ts';
import { isPassedOver } from './passed-over.ts';
import { reasonOf } from './reason-of.ts';

/** Says what happens. */
export type Tell = (event: Omit<RuntimeEvent, 'at'>) => void;

/**
 * Enters what was built.
 *
 * @param isRunning whether main runs a version.
 * @returns the version to try; undefined when there is none: what runs goes on.
 */
export async function takeUp(
  registry: Registry,
  { file, built, occasion }: ModuleBuilt,
  isRunning: (hash: string) => boolean,
  tell: Tell,
): Promise<Version | undefined> {
  const { module } = file;
  const version = await enter(registry, { file, built, occasion }, tell);
  if (version === undefined) return undefined;
  supersedeOthers(registry, version);
  const of = { module, version: version.id, data: { hash: version.hash } };
  if (isRunning(version.hash)) {
    if (occasion === 'change') tell({ kind: 'update', ...of, message: 'builds again, and is what runs already' });
    return undefined;
  }
  if (isPassedOver(version)) {
    // The launcher says so when main is ready.
    if (occasion === 'start') return undefined;
    const again = registry.retry(version, 'a developer', { reason: 'its source was saved again' });
    tell({
      kind: 'update',
      ...of,
      message: `tried again with ${again.triesLeft} new tries, for its source was saved again`,
      data: { ...of.data, state: again.state },
    });
    return again;
  }
  return version;
}

async function enter(
  registry: Registry,
  { file, built, occasion }: Pick<ModuleBuilt, 'file' | 'built' | 'occasion'>,
  tell: Tell,
): Promise<Version | undefined> {
  try {
    const { bundle, source, bundler } = built;
    const added = await registry.add(file.module, { bundle, source, bundler });
    return added.state === 'staged' ? registry.markChecked(added, { reason: 'bundled, exports validated' }) : added;
  } catch (error) {
    if (!(error instanceof VersionsError) || error.code !== 'VERSION_UNSTABLE') throw error;
    const known = error.hash === undefined ? undefined : registry.get(file.module, error.hash);
    // Saved twice within one session, it is told once.
    if (occasion !== 'same')
      tell({
        kind: 'warning',
        module: file.module,
        ...(known === undefined ? {} : { version: known.id }),
        message: `not loaded: this version is unstable (${known === undefined ? error.message : reasonOf(known)})\nChange the source, or: npx mofo promote ${file.module} ${known?.id ?? ''}`,
        data: { code: error.code },
      });
    return undefined;
  }
}

/** A newer save takes the place of whatever has not earned stable yet, also of what runs: that goes on until the newer one is loaded. */
function supersedeOthers(registry: Registry, version: Version): void {
  for (const other of registry.list(version.module)) {
    const isWaiting = other.state === 'staged' || other.state === 'checked' || other.state === 'probation';
    if (isWaiting && other.hash !== version.hash)
      registry.markSuperseded(other, { reason: `a newer save, ${version.id}, took its place` });
  }
}
