// The command line of `pnpm bench`: read, checked, explained.

import type { Bench } from './bench.ts';
import { matchesGlob } from './glob.ts';

/** What is to be measured. */
export interface CommandLine {
  readonly help: boolean;
  readonly bench: Bench;
  readonly caseGlob: string;
  readonly json: boolean;
  readonly quick: boolean;
  /** Rounds in place of the bench's own number. */
  readonly rounds: number | undefined;
}

/** The command line makes no sense; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the arguments. Throws UsageError. */
export function parseCommandLine(parameters: readonly string[], benches: readonly Bench[]): CommandLine {
  let name: string | undefined;
  let caseGlob = '*';
  let rounds: number | undefined;
  const flags = new Set<string>();
  for (let index = 0; index < parameters.length; index++) {
    const parameter = parameters[index] as string;
    if (parameter === '--case') {
      const glob = parameters[++index];
      if (glob === undefined) throw new UsageError('--case needs a pattern, such as --case "get.*".');
      caseGlob = glob;
    } else if (parameter === '--rounds') {
      rounds = Number(parameters[++index]);
      if (!(Number.isInteger(rounds) && rounds >= 1))
        throw new UsageError('--rounds needs a whole number from 1. Nothing was measured.');
    } else if (parameter === '--json' || parameter === '--quick' || parameter === '--help') flags.add(parameter);
    else if (parameter === '--')
      continue; // pnpm passes it on
    else if (parameter.startsWith('-')) throw new UsageError(`There is no option ${parameter}. Nothing was measured.`);
    else if (name === undefined) name = parameter;
    else throw new UsageError(`One bench at a time: "${name}" or "${parameter}". Nothing was measured.`);
  }
  const help = flags.has('--help');
  if (name === undefined && !help) throw new UsageError('Which bench? Nothing was measured.');
  const bench = help ? benches[0] : benches.find((one) => one.name === name);
  if (bench === undefined) throw new UsageError(`There is no bench "${name}". Nothing was measured.`);
  const cases = bench.groups.flatMap((group) => group.cases.map((one) => one.name));
  if (!cases.some((one) => matchesGlob(caseGlob, one))) {
    throw new UsageError(
      `No case of bench "${bench.name}" is like "${caseGlob}". Nothing was measured. Its cases:\n  ${cases.join('\n  ')}`,
    );
  }
  return { help, bench, caseGlob, json: flags.has('--json'), quick: flags.has('--quick'), rounds };
}

/** How it is used. */
export function usage(benches: readonly Bench[]): string {
  return [
    'Usage: pnpm bench <name> [--case <glob>] [--rounds <n>] [--quick] [--json]',
    ...benches.map((bench) => `  ${bench.name.padEnd(10)} ${bench.summary}`),
    '  --case     only cases of which the name fits, such as "get.*"',
    '  --rounds   how often each process is started; default: 5',
    '  --quick    one round of tiny sizes: shows that it works, not how fast',
    '  --json     rows as JSON on stdout',
  ].join('\n');
}
