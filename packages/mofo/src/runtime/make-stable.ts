// From whatever state a version is in to *stable*, step by step through the table of @mofo/versions: what an operator's `promote` means, the same every time.

import type { Registry, Version } from '@mofo/versions';
import { MofoError } from '../errors.ts';

/** Who says so, and why. */
export interface Occasion {
  readonly reason: string;
  readonly by: string;
}

/**
 * Leads a version to where it can be loaded by an operator's word: on probation, with tries, unless it is stable or was.
 *
 * @throws MofoError UNKNOWN_VERSION when its bundle was deleted.
 */
export function admit(registry: Registry, version: Version, { reason, by }: Occasion): Version {
  switch (version.state) {
    case 'stable':
      return version;
    case 'staged':
      return registry.markProbation(registry.markChecked(version, { reason, by }), { reason, by });
    case 'checked':
    case 'probation':
      if (version.triesLeft === 0) return registry.retry(version, by, { reason });
      return registry.markProbation(version, { reason, by });
    case 'superseded':
    case 'draining':
      return registry.markProbation(version, { reason, by });
    case 'unstable':
      return registry.retry(version, by, { reason });
    case 'purged':
      throw new MofoError(
        'UNKNOWN_VERSION',
        `${version.module}@${version.id} was purged: its code is no longer kept. Nothing was changed. Save its source again, or see: npx mofo versions ${version.module}`,
        { data: { module: version.module, version: version.id } },
      );
  }
}

/** Makes a version stable. Idempotent. */
export function makeStable(registry: Registry, version: Version, occasion: Occasion): Version {
  return registry.markStable(admit(registry, version, occasion), occasion);
}

/** What a version was before it was promoted, when that should make one think. */
export function wordOfWarning(version: Version, reason: string): string | undefined {
  if (version.state === 'unstable') return `it was unstable: ${reason}`;
  if (version.triesLeft === 0 && (version.state === 'checked' || version.state === 'probation'))
    return 'it had no try left: its loads ended in ways that nobody could clear it of';
  return undefined;
}
