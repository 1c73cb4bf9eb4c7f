// Rows for people: the cases one below the other, the subjects of a case beside each other's names, with their ratio to mofo.

import type { Row } from './row.ts';

/** A table, one line per row. `x` is the subject's value over that of mofo. */
export function showTable(rows: readonly Row[]): string {
  const header = ['case', 'subject', 'value', 'unit', 'x', 'p50', 'p99', 'max', 'runs', 'spread'];
  const lines = rows.map((row) => {
    const ours = rows.find((other) => other.case === row.case && other.subject === 'mofo');
    const ratio = ours === undefined || ours.value === 0 ? '' : (row.value / ours.value).toFixed(2);
    const { p50, p99, max, spread } = row;
    return [
      row.case,
      row.subject,
      row.value,
      row.unit,
      ratio,
      p50,
      p99,
      max,
      row.runs,
      `${(spread * 100).toFixed(0)} %`,
    ].map((cell) => String(cell ?? ''));
  });
  const widths = header.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => (line[column] as string).length)),
  );
  const show = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 2 || column === 3 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return `${[header, ...lines].map(show).join('\n')}\n`;
}
