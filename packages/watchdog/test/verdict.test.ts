import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Incident, judge } from '../src/verdict.ts';

const kinds = ['crash', 'hang', 'throw', 'outside', 'pass'] as const;
const runs = ['exact', 'candidates', 'none'] as const;
const versions = ['probation', 'stable'] as const;
const earliers = ['none', 'failed-on-probation', 'failed-on-stable'] as const;

/** The table of SPEC.md, row by row; `any` matches everything, and a row counts only where none above it does. */
function table(): { row: string; matches: (incident: Incident) => boolean; verdict: Record<string, unknown> }[] {
  const text = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| J\d/.test(line));
  return rows.map((line) => {
    const [id, kind, run, version, earlier, guilty, next, revert, pardon] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()) as [string, string, string, string, string, string, string, string, string];
    const allows = (cell: string, value: string): boolean => cell === 'any' || cell.split(', ').includes(value);
    return {
      row: `${id} ${kind} · ${run} · ${version} · ${earlier} → ${guilty}, ${next}`,
      matches: (i) =>
        allows(kind, i.kind) && allows(run, i.run) && allows(version, i.version) && allows(earlier, i.earlier),
      verdict: { guilty, next, revert: revert === 'yes', pardon: pardon === 'yes' },
    };
  });
}

const incidents: Incident[] = kinds.flatMap((kind) =>
  runs.flatMap((run) => versions.flatMap((version) => earliers.map((earlier) => ({ kind, run, version, earlier })))),
);

describe('verdict', () => {
  const rows = table();

  test.each(rows.map((row, index) => [row.row, index] as const))('%s', (_name, index) => {
    const row = rows[index]!;
    const cases = incidents.filter((incident) => rows.findIndex((other) => other.matches(incident)) === index);
    expect(cases.length).toBeGreaterThan(0);
    for (const incident of cases) expect(judge(incident), JSON.stringify(incident)).toEqual(row.verdict);
  });

  test('the table has a row for every combination', () => {
    expect(incidents.filter((incident) => !rows.some((row) => row.matches(incident)))).toEqual([]);
  });

  test('a stable version is never taken out of service, and no end from outside costs anybody anything', () => {
    for (const incident of incidents) {
      const { guilty, revert } = judge(incident);
      if (incident.version === 'stable') expect(revert).toBe(false);
      if (incident.kind === 'outside') expect(guilty).toBe('nobody');
    }
  });
});
