// Durations as people write them. A number is milliseconds; a text has a unit, so that no reader has to guess.

import { SchedulerError } from './scheduler-error.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration: milliseconds as a number, or a number with a unit: `'100ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`, `'1.5s'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Longest duration in milliseconds: ten years. */
export const DURATION_MAX_MS: number = 3650 * 86_400_000;

/** The milliseconds of a duration, or undefined if it is none (negative, not finite, above ten years, or without a unit). */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return isDurationMs(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value);
  if (match === null) return undefined;
  const durationMs = Number(match[1]) * (unitMs[match[2] as string] as number);
  return isDurationMs(durationMs) ? durationMs : undefined;
}

/** The milliseconds of the duration given as option `name`. Throws INVALID_OPTION. */
export function durationOption(name: string, value: unknown, minimumMs = 0): number {
  const durationMs = parseDurationMs(value);
  if (durationMs !== undefined && durationMs >= minimumMs) return durationMs;
  throw new SchedulerError(
    'INVALID_OPTION',
    `${name} is ${JSON.stringify(value)}, which is no duration of at least ${minimumMs} ms. Nothing was changed. ` +
      "Write milliseconds as a number, or '100ms', '30s', '5m', '2h', '1d'.",
  );
}

function isDurationMs(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= DURATION_MAX_MS;
}
