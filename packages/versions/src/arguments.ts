// Checks of what callers pass. Wrong types are a TypeError, wrong ranges a RangeError, unknown options a code.

import { labelLengthMax, reasonLengthMax } from './constants.ts';
import { requireModuleName } from './module-name.ts';
import type { VersionKey } from './version.ts';
import { VersionsError } from './versions-error.ts';

/** Throws unless `options` is an object all of whose keys are in `known`. @throws VersionsError UNKNOWN_OPTION */
export function requireKnownOptions(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where} wants an object of options`);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const message = `${where} knows no option "${key}". Nothing was changed. Its options are: ${known.join(', ')}.`;
    throw new VersionsError('UNKNOWN_OPTION', message);
  }
}

/** Throws unless `version` names a module and a full content hash. */
export function requireVersionKey(version: unknown): asserts version is VersionKey {
  const { module, hash } = (version ?? {}) as Partial<VersionKey>;
  requireModuleName(module);
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) {
    throw new TypeError(
      'a version is named by { module, hash } with the full hash of 64 digits; registry.get() finds it by its short id',
    );
  }
}

/** Throws unless `value` is a string of bounded length. */
export function requireLabel(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string`);
  if (value.length > labelLengthMax)
    throw new RangeError(`${name} has ${value.length} characters; at most ${labelLengthMax} are kept`);
}

/** The reason, cut to the length that is kept: a report must not fail for being long. */
export function boundedReason(reason: unknown): string {
  if (typeof reason !== 'string' || reason === '') throw new TypeError('a reason must be a string that says something');
  return reason.length <= reasonLengthMax ? reason : `${reason.slice(0, reasonLengthMax - 1)}…`;
}

/** Throws unless `value` is a whole number from `min` to `max`. */
export function requireInteger(value: unknown, name: string, min: number, max: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${String(value)}`);
}
