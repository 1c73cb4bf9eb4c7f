// Runs a bench: in each round every subject of every group in a fresh process, the subjects in another order each time, so that neither what a
// process has warmed up nor who comes first favours anybody. What cannot be measured here is left out, and said.

import type { Bench, Group, Measured } from './bench.ts';
import { measureInProcess } from './measure-in-process.ts';
import { makeRow, type Row } from './row.ts';

/** How a bench is run. */
export interface RunOptions {
  readonly quick: boolean;
  /** Rounds in place of those of the bench and its groups. */
  readonly rounds: number | undefined;
  readonly commit: string | null;
  /** Which groups are considered; a group of which no case is wanted does not run. */
  readonly isWanted: (caseName: string) => boolean;
  readonly isSubjectWanted: (subject: string) => boolean;
  /** Groups that are measured on demand only take part. */
  readonly withOnDemand: boolean;
  readonly onProgress: (line: string) => void;
}

/** What one process measures. */
interface Task {
  readonly groups: readonly Group[];
  readonly subject: string;
}

/** Measures, and gives a row for each wanted case and subject. Rejects when a process failed or found a wrong result. */
export async function runBench(bench: Bench, options: RunOptions): Promise<Row[]> {
  const groups = possibleGroups(bench, options);
  const missing = new Set(missingSubjects(bench, groups, options));
  const results = new Map<string, Measured[]>();
  const roundsOf = (group: Group): number =>
    options.rounds ?? (options.quick ? bench.rounds.quick : (group.rounds ?? bench.rounds.full));
  const roundsMax = Math.max(0, ...groups.map(roundsOf));
  for (let round = 0; round < roundsMax; round++) {
    const due = groups.filter((group) => round < roundsOf(group));
    for (const task of tasksOf(bench, due, round, options)) {
      if (missing.has(task.subject)) continue;
      const startedAt = performance.now();
      const measured = await measureInProcess(bench, task.groups, task.subject, options.quick);
      requireKnownCases(task.groups, measured);
      for (const one of measured) push(results, key(one.case, task.subject), one);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const what = task.groups.length === 1 ? (task.groups[0] as Group).name : `${task.groups.length} groups`;
      options.onProgress(`round ${round + 1} of ${roundsMax}  ${what}  ${task.subject}  ${seconds} s`);
    }
  }
  return groups.flatMap((group) =>
    group.cases
      .filter(({ name }) => options.isWanted(name))
      .flatMap(({ name, unit, isTotal }) =>
        group.subjects.flatMap((subject) => {
          const runs = results.get(key(name, subject));
          return runs === undefined
            ? []
            : [makeRow({ bench: bench.name, case: name, subject, unit, commit: options.commit }, runs, isTotal)];
        }),
      ),
  );
}

function possibleGroups(bench: Bench, options: RunOptions): Group[] {
  return bench.groups.filter((group) => {
    if (!group.cases.some(({ name }) => options.isWanted(name))) return false;
    if (group.onDemand === true && !options.withOnDemand) return false;
    const reason = group.impossible?.(options.quick);
    if (reason !== undefined) options.onProgress(`SKIPPED ${group.name}: ${reason}`);
    return reason === undefined;
  });
}

function missingSubjects(bench: Bench, groups: readonly Group[], options: RunOptions): string[] {
  const subjects = new Set(groups.flatMap((group) => group.subjects).filter(options.isSubjectWanted));
  return [...subjects].filter((subject) => {
    const reason = bench.missing?.(subject);
    if (reason !== undefined) options.onProgress(`SKIPPED ${subject}: ${reason}`);
    return reason !== undefined;
  });
}

/** The processes of one round. */
function tasksOf(bench: Bench, groups: readonly Group[], round: number, options: RunOptions): Task[] {
  if (options.quick && bench.quickTogether === true) {
    const subjects = [...new Set(groups.flatMap((group) => group.subjects))].filter(options.isSubjectWanted);
    return subjects.map((subject) => ({ subject, groups: groups.filter((group) => group.subjects.includes(subject)) }));
  }
  return groups.flatMap((group) =>
    rotated(group.subjects, round)
      .filter(options.isSubjectWanted)
      .map((subject) => ({ subject, groups: [group] })),
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

function requireKnownCases(groups: readonly Group[], measured: readonly Measured[]): void {
  const known = new Set(groups.flatMap((group) => group.cases.map(({ name }) => name)));
  for (const { case: name, value } of measured) {
    if (!known.has(name))
      throw new Error(
        `"${name}" was measured, which ${groups.map((group) => group.name).join(', ')} did not announce.`,
      );
    if (!Number.isFinite(value)) throw new Error(`Case ${name} measured ${value}, which is no figure.`);
  }
}
