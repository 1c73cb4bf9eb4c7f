// Checks of what callers pass. Wrong types are a TypeError, wrong ranges a RangeError, unknown options a code.

import { timeLimitMaxMs } from './constants.ts';
import { WatchdogError } from './watchdog-error.ts';

/** Throws unless `options` is an object all of whose keys are in `known`. @throws WatchdogError UNKNOWN_OPTION */
export function requireKnownOptions(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where} wants an object of options`);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const message = `${where} knows no option "${key}". Nothing was done. Its options are: ${known.join(', ')}.`;
    throw new WatchdogError('UNKNOWN_OPTION', message);
  }
}

/** Throws unless `value` is 0 (off) or a number of milliseconds from `minMs` to a day. */
export function requireTimeLimit(value: unknown, name: string, minMs: number): void {
  if (value === 0) return;
  if (typeof value === 'number' && value >= minMs && value <= timeLimitMaxMs) return;
  throw new RangeError(`${name} must be 0 (off) or from ${minMs} to ${timeLimitMaxMs} ms, not ${String(value)}`);
}

/** Throws unless `value` is a whole number from `min` to `max`. */
export function requireInteger(value: unknown, name: string, min: number, max: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${String(value)}`);
}
