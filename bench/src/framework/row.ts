// The rows that programs compare from one version to the next; their names are a contract.

import { type Measured, median, quantile } from './bench.ts';

/** One line of the result. */
export interface Row {
  readonly bench: string;
  readonly case: string;
  readonly subject: string;
  /** Median over runs, or their sum if the case counts something that should not happen. */
  readonly value: number;
  readonly unit: string;
  readonly p50?: number;
  readonly p99?: number;
  readonly max?: number;
  readonly runs: number;
  /** (max - min) / median over runs. */
  readonly spread: number;
  readonly node: string;
  /** Null outside a git work tree. */
  readonly commit: string | null;
}

/** Makes the row of one case and subject from what its runs measured. */
export function makeRow(
  names: Pick<Row, 'bench' | 'case' | 'subject' | 'unit' | 'commit'>,
  runs: readonly Measured[],
  isTotal = false,
): Row {
  const values = runs.map(({ value }) => value);
  const value = isTotal ? values.reduce((sum, one) => sum + one, 0) : median(values);
  const samples = runs.flatMap((run) => run.samples ?? []);
  return {
    bench: names.bench,
    case: names.case,
    subject: names.subject,
    value: rounded(value),
    unit: names.unit,
    ...(samples.length === 0
      ? {}
      : {
          p50: rounded(quantile(samples, 0.5)),
          p99: rounded(quantile(samples, 0.99)),
          max: rounded(samples.reduce((a, b) => Math.max(a, b))),
        }),
    runs: runs.length,
    spread: rounded(value === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / value),
    node: process.version,
    commit: names.commit,
  };
}

/** Four significant digits: more would only be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
