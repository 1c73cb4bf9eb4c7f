// Rows become tables and plots: aims are judged from the rows of the same run, and a plot says with its bars what the rows say with figures.

import { describe, expect, test } from 'vitest';
import { atLeast, atMost, fasterThan, judgeRow, withinTimes } from '../src/framework/aims.ts';
import { drawPlot } from '../src/framework/plot.ts';
import { makeRow, type Row } from '../src/framework/row.ts';
import { showMarkdown, showTable } from '../src/framework/table.ts';

function row(name: string, subject: string, values: readonly number[], unit = 'ns/op'): Row {
  const names = { bench: 'store', case: name, subject, unit, commit: null };
  return makeRow(
    names,
    values.map((value) => ({ case: name, value })),
  );
}

const rows = [
  row('get', 'mofo', [90, 100, 120]),
  row('get', 'lmdb', [450, 450, 450]),
  row('get', 'map', [110]),
  row('memory', 'mofo', [50], 'bytes/entry'),
];

describe('aims', () => {
  test.each([
    ['met, faster than', fasterThan('get', 'lmdb', 4), '≥ 4 × faster than lmdb: 4.5, met'],
    ['missed, faster than', fasterThan('get', 'lmdb', 5), '≥ 5 × faster than lmdb: 4.5, MISSED'],
    ['met, within times', withinTimes('get', 'map', 0.95), '≤ 0.95 × map: 0.909, met'],
    ['missed, within times', withinTimes('get', 'map', 0.8), '≤ 0.8 × map: 0.909, MISSED'],
    ['met, within times of another case', withinTimes('get', 'mofo', 3, 'memory'), '≤ 3 × memory: 2, met'],
    ['missed, at most', atMost('get', 60), '≤ 60: 100, MISSED'],
    ['met, at least', atLeast('get', 100), '≥ 100: 100, met'],
    ['not judged when the other was not measured', fasterThan('get', 'redis-pipeline', 2), ''],
  ])('%s', (_what, aim, said) => {
    expect(judgeRow([aim], rows, rows[0] as Row)).toBe(said);
    expect(judgeRow([aim], rows, rows[1] as Row)).toBe('');
  });
});

describe('tables', () => {
  test('show the median, the ratio to mofo, the spread and the aims', () => {
    const lines = showTable(rows, [fasterThan('get', 'lmdb', 4)]).split('\n');
    expect(lines[0]?.split(/ {2,}/)).toEqual(['case', 'subject', 'value', 'unit', 'x', 'runs', 'spread', 'aims']);
    expect(lines[1]).toMatch(/^get +mofo +100 +ns\/op +1\.00 +3 +30 % +≥ 4 × faster than lmdb: 4\.5, met$/);
    expect(lines[2]).toMatch(/^get +lmdb +450 +ns\/op +4\.50 +3 +0 %$/);
  });

  test('in Markdown have as many cells in each line', () => {
    const lines = showMarkdown(rows).trimEnd().split('\n');
    expect(lines).toHaveLength(2 + rows.length);
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1);
    expect(lines[3]).toMatch(/^\| +\| lmdb \| 450 \|/);
  });
});

describe('the plot', () => {
  /** Widths of the bars that stand for rows, which alone have a hint. */
  function barsOf(svg: string): { hint: string; width: number }[] {
    return [...svg.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*><title>([^<]*)</g)].map((match) => ({
      hint: match[2] as string,
      width: Number(match[1]),
    }));
  }

  test('has a bar for each row in ns/op, on a logarithmic scale', () => {
    const bars = barsOf(drawPlot(rows, 'a < b & c'));
    expect(bars.map(({ hint }) => hint)).toEqual([
      'get, mofo: 100 ns/op',
      'get, lmdb: 450 ns/op',
      'get, map: 110 ns/op',
    ]);
    // From 10 to 1,000: a decade is half the scale of 480.
    expect(bars[0]?.width).toBe(240);
    expect(bars[1]?.width).toBeCloseTo((Math.log10(450) - 1) * 240, 0);
  });

  test('is well-formed, escapes its texts, and knows dark pages', () => {
    const svg = drawPlot(rows, 'a < b & c');
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).toContain('prefers-color-scheme: dark');
    const tags = [...svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closing, name, selfClosing] of tags) {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (selfClosing !== '/') open.push(name as string);
    }
    expect(open).toEqual([]);
  });

  test('is refused when nothing can be drawn', () => {
    expect(() => drawPlot([row('memory', 'mofo', [50], 'bytes/entry')], '')).toThrow(RangeError);
  });
});
