// A version on probation without a try left is passed over: no verdict, for nobody knows that it is bad, but nothing that may happen in silence.

import type { Registry, Version } from '@mofo/versions';
import type { RuntimeEvent } from './messages.ts';

/** True of a version that no start loads any more, unless somebody asks for it. */
export function isPassedOver(version: Version): boolean {
  return version.triesLeft === 0 && (version.state === 'checked' || version.state === 'probation');
}

/** Says that a version was passed over, and what runs instead. */
export function passedOver(version: Version, registry: Registry, mode: 'dev' | 'run'): RuntimeEvent {
  const { module, id, hash } = version;
  const instead = registry.latestStable(module)?.id;
  return {
    at: Date.now(),
    kind: 'warning',
    module,
    version: id,
    message:
      `passed over: it has no try left, for its loads ended in ways that nobody could clear it of; ${instead === undefined ? `no version of ${module} runs` : `${instead} runs instead`}\n` +
      `To try it again: ${mode === 'dev' ? `save ${version.source} once more (also unchanged), or: ` : ''}npx mofo promote ${module} ${id}`,
    data: { code: 'NO_TRIES_LEFT', hash, instead },
  };
}
