// What a new main makes of the death before it: if the version that ran was on probation, it is to blame.

import type { Registry, Version } from '@mofo/versions';
import type { Quarantine, Takeover } from '@mofo/watchdog';
import { blameOf } from './blame.ts';

/** Where the verdict goes. */
export interface TakeoverJudgeParts {
  readonly registry: Pick<Registry, 'get' | 'quarantineInBackground'>;
  readonly quarantine: Quarantine;
  /** The registry on disk knows it too. */
  readonly onUnstable: (version: Version, reason: string) => void;
  /** The registry could not be told. */
  readonly onUntold: (version: Version, error: unknown) => void;
}

/** Finds the version that the dead main was running; if it was on probation, it is quarantined in the store when this returns. */
export function judgeTakeover(takeover: Takeover, parts: TakeoverJudgeParts): Version | undefined {
  const { registry, quarantine } = parts;
  let guilty: Version | undefined;
  for (const death of [takeover, takeover.unsettled]) {
    const blame = blameOf(death?.label);
    if (death === undefined || blame === undefined) continue;
    const version = registry.get(blame.module, blame.id);
    if (version === undefined || isBeyondBlame(version)) continue;
    const reason = `${death.reason} in ${blame.what}${death.taskId === undefined ? '' : ` #${death.taskId}`}`;
    quarantine.add(version.module, version.hash, reason);
    guilty = version;
    void registry.quarantineInBackground(version, reason).then(
      () => parts.onUnstable(version, reason),
      (error: unknown) => parts.onUntold(version, error),
    );
  }
  return guilty;
}

/**
 * A stable version is not blamed for a kill from outside, nor is one that was; what is unstable is judged. One that a newer save superseded may have been
 * running still, for the newer one did not load.
 */
function isBeyondBlame({ state, stableAt }: Version): boolean {
  return state === 'stable' || state === 'unstable' || (state === 'superseded' && stableAt !== undefined);
}
