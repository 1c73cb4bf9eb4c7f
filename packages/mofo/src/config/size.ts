// Sizes as people write them. Binary units only: a MiB is 2^20 bytes for everybody, an MB is not.

const unitBytes: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The bytes of a size, or undefined if it is none (negative, not a whole number of bytes, or another unit). */
export function parseSizeBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?(B|KiB|MiB|GiB)$/.exec(value);
  if (match === null) return undefined;
  const sizeBytes = Number(match[1]) * unitBytes[match[2]!]!;
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined;
}

/** `268435456` as `256 MiB`, `3200000` as `3.1 MiB`: for people. */
export function showSize(sizeBytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    const count = sizeBytes / unitBytes[unit]!;
    if (count >= 1) return `${Number(count.toFixed(count >= 100 ? 0 : 1))} ${unit}`;
  }
  return `${sizeBytes} B`;
}
