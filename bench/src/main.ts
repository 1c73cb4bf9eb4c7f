// Side-by-side measurements: `pnpm bench <name> [--case <glob>] [--rounds <n>] [--quick] [--json]`. Rows go to stdout, progress to stderr. Exit code 0: measured,
// 1: something failed or gave a wrong result, 2: wrong usage.

import { benches } from './benches.ts';
import { type CommandLine, parseCommandLine, UsageError, usage } from './framework/command-line.ts';
import { commitId } from './framework/commit-id.ts';
import { matchesGlob } from './framework/glob.ts';
import { runBench } from './framework/run-bench.ts';
import { showTable } from './framework/table.ts';

async function main(): Promise<number> {
  let wanted: CommandLine;
  try {
    wanted = parseCommandLine(process.argv.slice(2), benches);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage(benches)}\n`);
    return 2;
  }
  if (wanted.help) {
    process.stdout.write(`${usage(benches)}\n`);
    return 0;
  }
  const { bench, caseGlob, json, quick, rounds } = wanted;
  const rows = await runBench(bench, {
    quick,
    rounds: rounds ?? (quick ? bench.rounds.quick : bench.rounds.full),
    commit: commitId(),
    isWanted: (name) => matchesGlob(caseGlob, name),
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(json ? `${JSON.stringify(rows, undefined, 1)}\n` : showTable(rows));
  return 0;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 1;
});
