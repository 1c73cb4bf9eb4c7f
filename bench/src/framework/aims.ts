// Aims: what the figures of a bench are to reach, said so that a program can judge it in every run.

import type { Aim, ValueIn } from './bench.ts';
import type { Row } from './row.ts';

/** mofo takes at most 1 / `factor` of the time that `subject` takes. */
export function fasterThan(caseName: string, subject: string, factor: number): Aim {
  return {
    case: caseName,
    says: `≥ ${factor} × faster than ${subject}`,
    figure: (valueIn) => quotient(valueIn(caseName, subject), valueIn(caseName, 'mofo')),
    isMet: (figure) => figure >= factor,
  };
}

/** mofo takes at most `factor` times what `subject` takes in `otherCase`. */
export function withinTimes(caseName: string, subject: string, factor: number, otherCase: string = caseName): Aim {
  return {
    case: caseName,
    says: `≤ ${factor} × ${otherCase === caseName ? subject : otherCase}`,
    figure: (valueIn) => quotient(valueIn(caseName, 'mofo'), valueIn(otherCase, subject)),
    isMet: (figure) => figure <= factor,
  };
}

/** mofo's value itself is at most this. */
export function atMost(caseName: string, limit: number): Aim {
  return {
    case: caseName,
    says: `≤ ${limit}`,
    figure: (valueIn) => valueIn(caseName, 'mofo'),
    isMet: (figure) => figure <= limit,
  };
}

/** mofo's value itself is at least this. */
export function atLeast(caseName: string, limit: number): Aim {
  return {
    case: caseName,
    says: `≥ ${limit}`,
    figure: (valueIn) => valueIn(caseName, 'mofo'),
    isMet: (figure) => figure >= limit,
  };
}

/** What became of the aims of one row: "≥ 10 × faster than lmdb: 13.2, met". Empty if it has none, or what it needs was not measured. */
export function judgeRow(aims: readonly Aim[], rows: readonly Row[], row: Row): string {
  if (row.subject !== 'mofo') return '';
  const valueIn: ValueIn = (caseName, subject) =>
    rows.find((other) => other.case === caseName && other.subject === subject)?.value;
  return aims
    .filter((aim) => aim.case === row.case)
    .flatMap((aim) => {
      const figure = aim.figure(valueIn);
      if (figure === undefined) return [];
      return [`${aim.says}: ${Number(figure.toPrecision(3))}, ${aim.isMet(figure) ? 'met' : 'MISSED'}`];
    })
    .join('; ');
}

function quotient(dividend: number | undefined, divisor: number | undefined): number | undefined {
  return dividend === undefined || divisor === undefined || divisor === 0 ? undefined : dividend / divisor;
}
