// Columns that line up, also with wide characters and colours in them.

import stringWidth from 'string-width';

/** How a table is laid out. */
export interface TableOptions {
  /** Columns (from 0) whose cells end together: numbers. */
  readonly alignRight?: readonly number[];
  /** Text before each row; default two spaces. */
  readonly indent?: string;
}

/** Rows of cells as lines, two spaces between columns, nothing at the ends of lines. */
export function tableLines(rows: readonly (readonly string[])[], options: TableOptions = {}): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
  }
  const alignRight = new Set(options.alignRight ?? []);
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const space = ' '.repeat(widths[column]! - stringWidth(cell));
      return alignRight.has(column) ? space + cell : cell + space;
    });
    return `${options.indent ?? '  '}${cells.join('  ')}`.trimEnd();
  });
}
