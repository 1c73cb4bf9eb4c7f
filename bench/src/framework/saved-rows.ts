// Rows of earlier runs, so that a table or plot can be made again without measuring again.

import { readFileSync } from 'node:fs';
import { UsageError } from './command-line.ts';
import type { Row } from './row.ts';

/** Reads the files that `--json` wrote, one after the other. Of a case and subject that is in several the last counts. Throws UsageError. */
export function readRows(files: readonly string[], bench: string): Row[] {
  const rows = new Map<string, Row>();
  for (const file of files) {
    for (const row of parse(file)) {
      if (row.bench === bench) rows.set(`${row.case} ${row.subject}`, row);
    }
  }
  return [...rows.values()].sort((a, b) => firstOf(rows, a) - firstOf(rows, b));
}

function parse(file: string): Row[] {
  try {
    const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (Array.isArray(rows) && rows.every((row) => typeof row?.case === 'string' && typeof row.value === 'number'))
      return rows as Row[];
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}. Nothing was shown.`);
  }
  throw new UsageError(`${file} holds no rows of a bench. Nothing was shown.`);
}

/** Where the row's case stands first: rows of one case stay together, whichever file they came from. */
function firstOf(rows: ReadonlyMap<string, Row>, row: Row): number {
  return [...rows.values()].findIndex((other) => other.case === row.case);
}
