// What a bench is made of. A bench has groups; a group is what one fresh process measures of one subject in one round, and gives the figures of one or
// several cases (filling a map gives `add`, looking everything up in it gives `get`, so both come from one process).

/** One figure of one case, as one process measured it. */
export interface Measured {
  readonly case: string;
  /** In the unit of the case: the median of the samples, or the mean over a whole loop, as the case says. */
  readonly value: number;
  /** Single values, where each counts by itself: all runs' samples together give p50, p99 and max. */
  readonly samples?: readonly number[];
}

/** What the process that measures gets. */
export interface MeasureContext {
  readonly subject: string;
  /** Tiny sizes, to see that it works. */
  readonly quick: boolean;
  /** A directory of this run alone; removed after it. */
  readonly directory: string;
  /** Name for the store of this run; it is destroyed afterwards, and so are stores of which the name begins with it and a hyphen. */
  readonly storeName: string;
}

/** Cases that one process measures together. */
export interface Group {
  readonly name: string;
  /** `isTotal`: what the runs measured is added up; otherwise their median counts. */
  readonly cases: readonly { readonly name: string; readonly unit: string; readonly isTotal?: boolean }[];
  readonly subjects: readonly string[];
  /** Not measured unless `--case` is given and fits. */
  readonly onDemand?: boolean;
  /** Rounds in place of the bench's own number, for what takes long. */
  readonly rounds?: number;
  /** Why this machine cannot measure it now (too little memory), if it cannot. */
  impossible?(quick: boolean): string | undefined;
  /** Runs in a process of its own. Checks its results, and throws when one is wrong. */
  measure(context: MeasureContext): Promise<readonly Measured[]> | readonly Measured[];
}

/** A named set of groups. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** Rounds of each group, each with fresh processes. */
  readonly rounds: { readonly full: number; readonly quick: number };
  /** Longest time of one process in ms. */
  readonly limitMs: number;
  readonly groups: readonly Group[];
  /** In the quick form one process does all groups of a subject: it shows that they work, and starting processes would take most of the time. */
  readonly quickTogether?: boolean;
  /** Directories of runs lie in memory, so that no disk decides what is measured. */
  readonly inMemory?: boolean;
  /** What the figures are to reach. */
  readonly aims?: readonly Aim[];
  /** Installs what subjects need and what is not there. Not called in the quick form. */
  prepare?(onProgress: (line: string) => void): Promise<void>;
  /** Why a subject cannot take part here (it is not installed), if it cannot. */
  missing?(subject: string): string | undefined;
}

/** The value of a case and subject in this run, undefined if it was not measured. */
export type ValueIn = (caseName: string, subject: string) => number | undefined;

/** What a case of mofo is to reach. */
export interface Aim {
  readonly case: string;
  /** In words, such as "≥ 10 × faster than lmdb". */
  readonly says: string;
  /** What was reached, in the terms of `says`; undefined if a part of it was not measured. */
  figure(valueIn: ValueIn): number | undefined;
  isMet(figure: number): boolean;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which this share of the values lies (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('There is no quantile of nothing.');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}
