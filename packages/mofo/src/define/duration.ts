// Durations as people write them. A number is milliseconds; a text has a unit, so that no reader has to guess.

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration: milliseconds as a number, or a number with a unit: `'100ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`, `'1.5s'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Longest duration that is accepted, in milliseconds: 365 days. Timers beyond 2^31 ms need care where they are set. */
export const durationMaxMs: number = 365 * 86_400_000;

/** The milliseconds of a duration, or undefined if it is none (negative, not finite, above a year, or without a unit). */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return isDurationMs(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value);
  if (match === null) return undefined;
  const durationMs = Number(match[1]) * unitMs[match[2]!]!;
  return isDurationMs(durationMs) ? durationMs : undefined;
}

function isDurationMs(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= durationMaxMs;
}
