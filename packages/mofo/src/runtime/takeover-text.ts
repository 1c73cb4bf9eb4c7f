// A takeover's connections in a few words.

import type { ConnectionCounters } from '@mofo/shm-store';

/** What became of them: `; 12 connections went on, 2 reset (1 pipelined, 1 chunked)`. Empty when there were none. */
export function saidOfConnections(counters: ConnectionCounters | undefined): string {
  const isAny = counters !== undefined && Object.values(counters.fates).some((count) => count > 0);
  return isAny ? `; ${connectionsText(counters)}` : '';
}

/** The same, also when there were none. */
export function connectionsText({ fates, losses }: ConnectionCounters): string {
  const kept = fates.idle + fates['fed-again'] + fates.finished;
  const why = Object.entries(losses)
    .filter(([, count]) => count > 0)
    .map(([cause, count]) => `${count} ${cause}`);
  const lost = fates.reset === 0 ? '' : `, ${fates.reset} reset (${why.join(', ')})`;
  return `${kept} connections went on${lost}`;
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
