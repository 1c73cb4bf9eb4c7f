// One cell of the fault matrix for each fault; `pnpm soak faults` runs them all.

import { describe, expect, it } from 'vitest';
import { type Fault, faultKinds } from './fault-kinds.ts';
import { matrix, nameOf, type Place, places, realCells, type Victim, victims } from './matrix.ts';
import { runCell } from './run-cell.ts';

/** Long, for the machine may be busy: a start, a takeover and a stop. */
const LIMIT_MS = 120_000;

const chosen: readonly (readonly [Fault, Place, Victim])[] = [
  ['throw', 'load', 'clone'],
  ['unhandled rejection', 'load', 'main'],
  ['SIGSEGV', 'start', 'main'],
  ['abort', 'stop', 'main'],
  ['SIGKILL', 'handler', 'launcher'],
  ['exit(0)', 'start', 'clone'],
  ['exit(1)', 'handler', 'main'],
  ['infinite loop', 'stop', 'clone'],
  ['blocked by JSON', 'load', 'main'],
  ['heap exhausted', 'handler', 'main'],
  ['SIGSTOP', 'task', 'main'],
  ['stack overflow', 'handler', 'main'],
];

describe('the fault matrix', () => {
  it('has a cell for every fault, place and victim, and each is run or says why it cannot be', () => {
    expect(matrix.length).toBe(faultKinds.length * places.length * victims.length);
    for (const cell of matrix) expect('outcome' in cell || cell.impossible.length > 20).toBe(true);
    expect(new Set(chosen.map(([fault]) => fault))).toEqual(new Set(faultKinds.map(({ fault }) => fault)));
  });

  const cells = chosen.map(([fault, place, victim]) =>
    realCells.find((cell) => cell.fault === fault && cell.place === place && cell.victim === victim),
  );
  it.each(cells.map((cell) => ({ cell, name: cell === undefined ? 'a cell that is not there' : nameOf(cell) })))(
    '$name',
    async ({ cell }) => {
      if (cell === undefined) throw new Error('The cell is listed as impossible.');
      await runCell(cell);
    },
    LIMIT_MS,
  );
});
