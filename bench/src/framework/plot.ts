// A bar chart as SVG: one group of bars per case, one bar per subject, a logarithmic scale because the subjects are orders of magnitude apart. It
// brings its own colours for light and dark pages, and needs no script.

import type { Row } from './row.ts';

/** A letter of a label; fonts differ, so it is a wide one. */
const LETTER_WIDTH = 7;
const SCALE_WIDTH = 480;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 14;
const GROUP_GAP = 14;
const HEAD_HEIGHT = 64;
const FOOT_HEIGHT = 40;

/** Colours that can be told apart on white and on near-black, also by the colour-blind (after Okabe and Ito 2008). */
const COLOURS = ['#d55e00', '#0072b2', '#56b4e9', '#009e73', '#5fbf9f', '#cc79a7', '#8c8c8c', '#e69f00'];

/** Unit of what is drawn: one axis can show only one. */
export const PLOT_UNIT = 'ns/op';

/** Draws the rows in {@link PLOT_UNIT}. Throws RangeError when there are none. */
export function drawPlot(rows: readonly Row[], title: string): string {
  const drawn = rows.filter((row) => row.unit === PLOT_UNIT && row.value > 0);
  if (drawn.length === 0) throw new RangeError(`There is nothing to plot: no row has the unit ${PLOT_UNIT}.`);
  const subjects = [...new Set(drawn.map(({ subject }) => subject))];
  const scale = makeScale(drawn.map(({ value }) => value));
  const names = [...new Set(drawn.map((row) => row.case))];
  const left = 20 + LETTER_WIDTH * names.reduce((longest, name) => Math.max(longest, name.length), 0);
  const width = left + SCALE_WIDTH + VALUE_WIDTH;
  const parts: string[] = [];
  let top = HEAD_HEIGHT;
  for (const name of names) {
    const bars = drawn.filter((row) => row.case === name);
    parts.push(drawGroup(name, bars, { left, top, subjects, scale }));
    top += bars.length * BAR_HEIGHT + GROUP_GAP;
  }
  const height = top + FOOT_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="12" y="22">${escaped(title)}</text>`,
    drawLegend(subjects),
    drawAxis(scale, left, top),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.page { fill: #ffffff; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.value, .tick { font-size: 11px; fill: #59636e; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .page { fill: #0d1117; }
  .grid { stroke: #30363d; }
  .value, .tick { fill: #9198a1; }
}
</style>`;

/** A logarithmic scale over whole powers of ten. */
interface Scale {
  readonly first: number;
  readonly last: number;
  /** Distance of a value from the left end of the scale. */
  place(value: number): number;
}

function makeScale(values: readonly number[]): Scale {
  // A smallest value that is a power of ten itself would have no bar.
  const first = Math.ceil(Math.log10(values.reduce((a, b) => Math.min(a, b)))) - 1;
  const last = Math.max(first + 1, Math.ceil(Math.log10(values.reduce((a, b) => Math.max(a, b)))));
  return { first, last, place: (value) => ((Math.log10(value) - first) / (last - first)) * SCALE_WIDTH };
}

/** Where a group of bars stands, and how its bars look. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly subjects: readonly string[];
  readonly scale: Scale;
}

function drawGroup(name: string, bars: readonly Row[], { left, top, subjects, scale }: Place): string {
  const middle = top + (bars.length * BAR_HEIGHT) / 2 + 4;
  const label = `<text x="${left - 10}" y="${middle}" text-anchor="end">${escaped(name)}</text>`;
  const lines = bars.map(({ subject, value }, index) => {
    const y = top + index * BAR_HEIGHT;
    const width = rounded(scale.place(value));
    const hint = `<title>${escaped(`${name}, ${subject}: ${value} ${PLOT_UNIT}`)}</title>`;
    return (
      `<rect x="${left}" y="${y + 1}" width="${width}" height="${BAR_HEIGHT - 2}" fill="${colourOf(subject, subjects)}">${hint}</rect>` +
      `<text class="value" x="${rounded(left + width + 5)}" y="${y + BAR_HEIGHT - 3}">${shortNumber(value)}</text>`
    );
  });
  return [label, ...lines].join('\n');
}

function drawLegend(subjects: readonly string[]): string {
  let x = 12;
  return subjects
    .map((subject) => {
      const box = `<rect x="${x}" y="36" width="10" height="10" fill="${colourOf(subject, subjects)}"/>`;
      const text = `<text x="${x + 15}" y="45">${escaped(subject)}</text>`;
      x += 34 + subject.length * 6.6;
      return box + text;
    })
    .join('\n');
}

function drawAxis(scale: Scale, left: number, bottom: number): string {
  const lines: string[] = [];
  for (let power = scale.first; power <= scale.last; power++) {
    const x = rounded(left + scale.place(10 ** power));
    lines.push(
      `<line class="grid" x1="${x}" x2="${x}" y1="${HEAD_HEIGHT - 6}" y2="${bottom - GROUP_GAP / 2}"/>` +
        `<text class="tick" x="${x}" y="${bottom + 10}" text-anchor="middle">${shortNumber(10 ** power)}</text>`,
    );
  }
  const caption = `${PLOT_UNIT}, logarithmic scale: shorter is faster`;
  lines.push(`<text class="tick" x="${left}" y="${bottom + 28}">${caption}</text>`);
  return lines.join('\n');
}

function colourOf(subject: string, subjects: readonly string[]): string {
  return COLOURS[subjects.indexOf(subject) % COLOURS.length] as string;
}

function shortNumber(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
