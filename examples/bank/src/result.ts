// What the demo found: as data, as a table, and whether it is good.

import type { LoadCounts } from './load.ts';

/** One takeover. */
export interface TakeoverRow {
  readonly fault: string;
  readonly module: string;
  readonly version: string;
  /** From the death of main to the first statement of the next task in the clone, in ms. */
  readonly latencyMs: number;
}

/** A version and what became of it. */
export interface VersionRow {
  readonly module: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

/** Everything the demo measured; printed last with `--json`. */
export interface DemoResult {
  readonly ok: boolean;
  readonly seconds: number;
  readonly requests: {
    readonly served: number;
    readonly refused: number;
    readonly failedInFlight: number;
    readonly failedOther: number;
  };
  readonly longestGapMs: number;
  readonly takeovers: readonly TakeoverRow[];
  readonly versions: readonly VersionRow[];
  readonly sums: readonly { readonly after: string; readonly sum: number }[];
  readonly snapshot: { readonly bytes: number; readonly pauseUs: number };
  readonly xml: { readonly valid: boolean; readonly sum: number };
  /** What was wrong; empty when ok. */
  readonly problems: readonly string[];
}

/** Time in ms around the death of a process in which a lost request is taken to have been on one of its connections. */
const DEATH_WINDOW_MS = 1_500;

/** Splits lost requests into those on connections of a process that died and others. */
export function classifyLost(
  counts: LoadCounts,
  deaths: readonly number[],
): { failedInFlight: number; failedOther: number } {
  const inFlight = counts.lostAt.filter((at) => deaths.some((death) => Math.abs(at - death) <= DEATH_WINDOW_MS)).length;
  const wrong = [...counts.wrongStatus.values()].reduce((sum, count) => sum + count, 0);
  return { failedInFlight: inFlight, failedOther: counts.lostAt.length - inFlight + counts.timeouts + wrong };
}

/** The result as lines for people. */
export function resultLines(result: DemoResult): string[] {
  const { requests } = result;
  const lines = [
    '',
    `requests   ${requests.served} served · ${requests.refused} refused · ${requests.failedInFlight} lost with a process that died · ${requests.failedOther} failed otherwise`,
    `gap        ${result.longestGapMs.toFixed(0)} ms was the longest time without a response: the hang that is provoked, until its limit of 2 s; takeovers are below`,
    `snapshot   ${(result.snapshot.bytes / 2 ** 20).toFixed(1)} MiB, the writer waited ${result.snapshot.pauseUs.toFixed(0)} µs`,
    `xml        ${result.xml.valid ? 'valid' : 'NOT VALID'}, its sum is ${result.xml.sum}`,
    '',
    'takeovers  death to next task',
    ...result.takeovers.map(
      (row) =>
        `  ${row.fault.padEnd(34)} ${row.latencyMs.toFixed(2).padStart(9)} ms   ${row.version === '' ? '' : `${row.module}@${row.version}`}`,
    ),
    '',
    'versions',
    ...result.versions.map(
      (row) => `  ${`${row.module}@${row.version}`.padEnd(20)} ${row.state.padEnd(11)} ${row.reason}`,
    ),
    '',
    'sum over all accounts',
    ...result.sums.map((row) => `  ${row.after.padEnd(34)} ${String(row.sum).padStart(12)}`),
    '',
  ];
  if (result.ok) lines.push(`All is well after ${result.seconds.toFixed(0)} s.`);
  else lines.push('NOT WELL:', ...result.problems.map((problem) => `  - ${problem}`));
  return lines;
}
