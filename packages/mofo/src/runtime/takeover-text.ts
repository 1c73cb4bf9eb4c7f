// A takeover's connections in a few words.

import type { ConnectionCounters } from '@mofo/shm-store';

/** What became of them: `; 12 connections went on, 1 was reset (pipelined)`. Empty when there were none. */
export function saidOfConnections(counters: ConnectionCounters | undefined): string {
  if (counters === undefined) return '';
  const { fates, losses } = counters;
  const kept = fates.idle + fates['fed-again'] + fates.finished;
  if (kept + fates.reset === 0) return '';
  const why = Object.entries(losses)
    .filter(([, count]) => count > 0)
    .map(([cause, count]) => `${count} ${cause}`);
  const lost = fates.reset === 0 ? '' : `, ${fates.reset} reset (${why.join(', ')})`;
  return `; ${kept} connections went on${lost}`;
}

/** What has been counted since `before`. */
export function countedSince(before: ConnectionCounters, now: ConnectionCounters): ConnectionCounters {
  return { fates: difference(before.fates, now.fates), losses: difference(before.losses, now.losses) };
}

function difference<K extends string>(
  before: Readonly<Record<K, number>>,
  now: Readonly<Record<K, number>>,
): Record<K, number> {
  const result: Record<K, number> = { ...now };
  for (const key of Object.keys(now) as K[]) result[key] = now[key] - before[key];
  return result;
}
