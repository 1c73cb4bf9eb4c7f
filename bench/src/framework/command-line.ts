// The command line of `pnpm bench`: read, checked, explained.

import type { Bench } from './bench.ts';
import { matchesGlob } from './glob.ts';

/** What is to be measured, and how it is shown. */
export interface CommandLine {
  readonly help: boolean;
  readonly bench: Bench;
  /** Undefined: every case but those on demand. */
  readonly caseGlob: string | undefined;
  readonly subjectGlob: string;
  readonly show: 'table' | 'markdown' | 'json';
  /** File to plot into. */
  readonly plot: string | undefined;
  /** Files with rows of earlier runs, shown in place of measuring. */
  readonly from: readonly string[];
  readonly quick: boolean;
  /** Rounds in place of the bench's own number. */
  readonly rounds: number | undefined;
}

/** The command line makes no sense; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Options with a value: what the value is. */
const VALUE_OPTIONS: Readonly<Record<string, string>> = {
  '--case': 'a pattern, such as --case "get.*"',
  '--subject': 'a pattern, such as --subject "lmdb*"',
  '--rounds': 'a whole number from 1',
  '--plot': 'a file, such as --plot store.svg',
  '--from': 'a file that --json wrote',
};

const FLAGS: ReadonlySet<string> = new Set(['--json', '--markdown', '--quick', '--help']);

/** Reads the arguments. Throws UsageError. */
export function parseCommandLine(parameters: readonly string[], benches: readonly Bench[]): CommandLine {
  const names: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  for (let index = 0; index < parameters.length; index++) {
    const parameter = parameters[index] as string;
    const wanted = VALUE_OPTIONS[parameter];
    if (wanted !== undefined) {
      const value = parameters[++index];
      if (value === undefined) throw new UsageError(`${parameter} needs ${wanted}. Nothing was measured.`);
      values.set(parameter, [...(values.get(parameter) ?? []), value]);
    } else if (FLAGS.has(parameter)) flags.add(parameter);
    else if (parameter === '--')
      continue; // pnpm passes it on
    else if (parameter.startsWith('-')) throw new UsageError(`There is no option ${parameter}. Nothing was measured.`);
    else names.push(parameter);
  }
  if (names.length > 1) throw new UsageError(`One bench at a time: "${names.join('" or "')}". Nothing was measured.`);
  if (flags.has('--json') && flags.has('--markdown'))
    throw new UsageError('Either --json or --markdown. Nothing was measured.');
  const last = (option: string): string | undefined => values.get(option)?.at(-1);
  const help = flags.has('--help');
  const bench = findBench(names[0], benches, help);
  const caseGlob = last('--case');
  const subjectGlob = last('--subject') ?? '*';
  requireFits(bench, caseGlob ?? '*', subjectGlob);
  return {
    help,
    bench,
    caseGlob,
    subjectGlob,
    show: flags.has('--json') ? 'json' : flags.has('--markdown') ? 'markdown' : 'table',
    plot: last('--plot'),
    from: values.get('--from') ?? [],
    quick: flags.has('--quick'),
    rounds: wholeNumber(last('--rounds')),
  };
}

function findBench(name: string | undefined, benches: readonly Bench[], help: boolean): Bench {
  if (name === undefined && !help) throw new UsageError('Which bench? Nothing was measured.');
  const bench = help ? benches[0] : benches.find((one) => one.name === name);
  if (bench === undefined) throw new UsageError(`There is no bench "${name}". Nothing was measured.`);
  return bench;
}

function requireFits(bench: Bench, caseGlob: string, subjectGlob: string): void {
  const cases = bench.groups.flatMap((group) => group.cases.map((one) => one.name));
  if (!cases.some((one) => matchesGlob(caseGlob, one))) {
    throw new UsageError(
      `No case of bench "${bench.name}" is like "${caseGlob}". Nothing was measured. Its cases:\n  ${cases.join('\n  ')}`,
    );
  }
  const subjects = [...new Set(bench.groups.flatMap((group) => group.subjects))];
  if (!subjects.some((one) => matchesGlob(subjectGlob, one))) {
    throw new UsageError(
      `No subject of bench "${bench.name}" is like "${subjectGlob}". Nothing was measured. It has ${subjects.join(', ')}.`,
    );
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1))
    throw new UsageError('--rounds needs a whole number from 1. Nothing was measured.');
  return value;
}

/** How it is used. */
export function usage(benches: readonly Bench[]): string {
  return [
    'Usage: pnpm bench <name> [options]',
    ...benches.map((bench) => `  ${bench.name.padEnd(10)} ${bench.summary}`),
    '  --case <glob>     only cases of which the name fits, such as "get.*,scan.*"; also those that are left out without it',
    '  --subject <glob>  only subjects of which the name fits, such as "mofo,lmdb*"',
    '  --rounds <n>      how often each process is started; default: 5',
    '  --quick           one round of tiny sizes: shows that it works, not how fast; installs nothing',
    '  --json            rows as JSON on stdout, and nothing else',
    '  --markdown        the table in Markdown',
    '  --plot <file>     also draws the cases in ns/op into an SVG file',
    '  --from <file>     shows what --json wrote earlier in place of measuring; may be repeated',
  ].join('\n');
}
