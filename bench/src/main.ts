// Side-by-side measurements: `pnpm bench <name> [options]`, explained by --help. Rows go to stdout, progress to stderr. Exit code 0: measured,
// 1: something failed or gave a wrong result, 2: wrong usage.

import { writeFileSync } from 'node:fs';
import { benches } from './benches.ts';
import { type CommandLine, parseCommandLine, UsageError, usage } from './framework/command-line.ts';
import { commitId } from './framework/commit-id.ts';
import { matchesGlob } from './framework/glob.ts';
import { drawPlot } from './framework/plot.ts';
import type { Row } from './framework/row.ts';
import { runBench } from './framework/run-bench.ts';
import { readRows } from './framework/saved-rows.ts';
import { showMarkdown, showTable } from './framework/table.ts';

async function main(): Promise<number> {
  try {
    const wanted = parseCommandLine(process.argv.slice(2), benches);
    if (wanted.help) process.stdout.write(`${usage(benches)}\n`);
    else show(wanted, wanted.from.length > 0 ? savedRows(wanted) : await measure(wanted));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage(benches)}\n`);
    return 2;
  }
}

async function measure({ bench, caseGlob, subjectGlob, quick, rounds }: CommandLine): Promise<Row[]> {
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  if (!quick) await bench.prepare?.(onProgress);
  return await runBench(bench, {
    quick,
    rounds,
    commit: commitId(),
    isWanted: (name) => matchesGlob(caseGlob ?? '*', name),
    isSubjectWanted: (subject) => matchesGlob(subjectGlob, subject),
    withOnDemand: caseGlob !== undefined,
    onProgress,
  });
}

function savedRows({ bench, caseGlob, subjectGlob, from }: CommandLine): Row[] {
  return readRows(from, bench.name).filter(
    (row) => matchesGlob(caseGlob ?? '*', row.case) && matchesGlob(subjectGlob, row.subject),
  );
}

function show({ bench, show: form, plot, quick }: CommandLine, rows: readonly Row[]): void {
  // Tiny sizes say nothing about speed.
  const aims = quick ? [] : bench.aims;
  if (plot !== undefined) writeFileSync(plot, drawPlot(rows, `pnpm bench ${bench.name}`));
  if (form === 'json') process.stdout.write(`${JSON.stringify(rows, undefined, 1)}\n`);
  else process.stdout.write(form === 'markdown' ? showMarkdown(rows, aims) : showTable(rows, aims));
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 1;
});
