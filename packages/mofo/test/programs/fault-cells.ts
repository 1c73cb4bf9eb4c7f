// All cells, one after another: what `pnpm soak faults` runs.

import { nameOf, realCells } from '../faults/matrix.ts';
import { runCell } from '../faults/run-cell.ts';

export { impossibleReasons } from '../faults/matrix.ts';

/** Runs the cells whose names contain `part`; tells of each what did not hold. */
export async function runCells(
  part: string,
  onCell: (name: string, problems: readonly string[]) => void,
): Promise<void> {
  for (const cell of realCells.filter((one) => nameOf(one).includes(part))) {
    const problems: string[] = [];
    try {
      await runCell(cell);
    } catch (error) {
      problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    onCell(nameOf(cell), problems);
  }
}
