// Runs a bench: in each round every subject of every group in a fresh process, the subjects in another order each time, so that neither what a
// process has warmed up nor who comes first favours anybody.

import type { Bench, Group, Measured } from './bench.ts';
import { measureInProcess } from './measure-in-process.ts';
import { makeRow, type Row } from './row.ts';

/** How a bench is run. */
export interface RunOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly commit: string | null;
  /** Which cases are wanted; a group of which no case is wanted does not run. */
  readonly isWanted: (caseName: string) => boolean;
  readonly onProgress: (line: string) => void;
}

/** Measures, and gives a row for each wanted case and subject. Rejects when a process failed or found a wrong result. */
export async function runBench(bench: Bench, options: RunOptions): Promise<Row[]> {
  const { rounds } = options;
  const groups = bench.groups.filter((group) => group.cases.some(({ name }) => options.isWanted(name)));
  const results = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      for (const subject of rotated(group.subjects, round)) {
        const startedAt = performance.now();
        const measured = await measureInProcess(bench, group, subject, options.quick);
        requireKnownCases(group, measured);
        for (const one of measured) push(results, key(one.case, subject), one);
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        options.onProgress(`round ${round + 1} of ${rounds}  ${group.name}  ${subject}  ${seconds} s`);
      }
    }
  }
  return groups.flatMap((group) =>
    group.cases
      .filter(({ name }) => options.isWanted(name))
      .flatMap(({ name, unit }) =>
        group.subjects.flatMap((subject) => {
          const runs = results.get(key(name, subject));
          return runs === undefined
            ? []
            : [makeRow({ bench: bench.name, case: name, subject, unit, commit: options.commit }, runs)];
        }),
      ),
  );
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function key(caseName: string, subject: string): string {
  return `${caseName} ${subject}`;
}

function push(results: Map<string, Measured[]>, name: string, one: Measured): void {
  const list = results.get(name);
  if (list === undefined) results.set(name, [one]);
  else list.push(one);
}

function requireKnownCases(group: Group, measured: readonly Measured[]): void {
  for (const { case: name, value } of measured) {
    if (!group.cases.some((known) => known.name === name))
      throw new Error(`Group ${group.name} measured "${name}", which it did not announce.`);
    if (!Number.isFinite(value)) throw new Error(`Case ${name} measured ${value}, which is no figure.`);
  }
}
