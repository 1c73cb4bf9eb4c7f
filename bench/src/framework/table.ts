// Rows for people: the cases one below the other, the subjects of a case beside each other's names, with their ratio to mofo and what became of
// the aims. As plain text, or in Markdown for the documentation.

import { judgeRow } from './aims.ts';
import type { Aim } from './bench.ts';
import type { Row } from './row.ts';

/** Columns that are texts; the others are figures. */
const TEXT_COLUMNS: ReadonlySet<string> = new Set(['case', 'subject', 'unit', 'aims']);

/** A table, one line per row. `x` is the subject's value over that of mofo. */
export function showTable(rows: readonly Row[], aims: readonly Aim[] = []): string {
  const { header, lines } = cellsOf(rows, aims);
  const widths = header.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => (line[column] as string).length)),
  );
  const show = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        TEXT_COLUMNS.has(header[column] as string)
          ? cell.padEnd(widths[column] as number)
          : cell.padStart(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return `${[header, ...lines].map(show).join('\n')}\n`;
}

/** The same in Markdown, the name of a case only in its first line. */
export function showMarkdown(rows: readonly Row[], aims: readonly Aim[] = []): string {
  const { header, lines } = cellsOf(rows, aims);
  const show = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((name) => (TEXT_COLUMNS.has(name) ? '---' : '--:'));
  const shown = lines.map((line, index) => (lines[index - 1]?.[0] === line[0] ? ['', ...line.slice(1)] : line));
  return `${[header, rule, ...shown].map(show).join('\n')}\n`;
}

/** Header and lines; columns that nothing fills are left out. */
function cellsOf(rows: readonly Row[], aims: readonly Aim[]): { header: string[]; lines: string[][] } {
  const header = ['case', 'subject', 'value', 'unit', 'x', 'p50', 'p99', 'max', 'runs', 'spread', 'aims'];
  const lines = rows.map((row) => {
    const ours = rows.find((other) => other.case === row.case && other.subject === 'mofo');
    const ratio = ours === undefined || ours.value === 0 ? '' : (row.value / ours.value).toFixed(2);
    const { p50, p99, max } = row;
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
      `${(row.spread * 100).toFixed(0)} %`,
      judgeRow(aims, rows, row),
    ].map((cell) => String(cell ?? ''));
  });
  const used = header.map((_, column) => lines.some((line) => line[column] !== ''));
  const keep = (cells: string[]): string[] => cells.filter((_, column) => used[column]);
  return { header: keep(header), lines: lines.map(keep) };
}
