// The fault matrix: what must come of each fault, wherever it strikes. Every cell is run for real by `pnpm soak faults`, one of each fault by the tests; a
// cell that cannot be says why.
//
// The module that fails is `subject`; its version `good` is stable, and beside it run `ledger`, which counts in the store, and `counting`, whose every effect its
// clients check. Whatever strikes: those lose no request and no effect, the store is sound, the term grows by takeovers only, and a stop leaves nothing.

import { type Fault, faultKind, faultKinds } from './fault-kinds.ts';

/** Where in a module's life the fault strikes. */
export const places = ['load', 'start', 'migrate', 'task', 'handler', 'stop'] as const;
export type Place = (typeof places)[number];

/** Whom it strikes. */
export const victims = ['main', 'clone', 'worker', 'launcher'] as const;
export type Victim = (typeof victims)[number];

/**
 * What must come of it.
 *
 * - `not-in`: the new version is unstable with its reason and was never in; no process dies.
 * - `takeover`: main dies, the clone takes over; the version that did it is unstable with its reason; what was interrupted is done by the good one.
 * - `answered`: each request is answered with 500, and the version is unstable after the third; no process dies.
 * - `told`: a warning says so; what was to happen has happened, and no process dies.
 * - `next-clone`: that clone dies, another one takes its place; main does not notice, and nobody is judged.
 * - `standby-without`: the clone stands by without the version, and says so; main does not notice, and nobody is judged.
 * - `orderly-end`: main ends what is under way and ends; the next start goes on with the store, and nobody is judged.
 * - `goes-on`: after SIGCONT everything is as it was; open connections are served meanwhile.
 * - `refused`: the migration fails as a whole, and says why; the data and what runs are as before, and no process but the clone's, which a migration stops, ends.
 * - `started-anew`: main dies with no clone beside it; the launcher starts the good version over the data as it was, and the version that did it is unstable.
 * - `died-after`: main dies when the migration has been committed; the next one goes on with the migrated data and the version that knows them.
 * - `killed-at-stop`: the stop of the whole application ends in time all the same, with exit code 0.
 */
export type Outcome =
  | 'not-in'
  | 'takeover'
  | 'answered'
  | 'told'
  | 'next-clone'
  | 'standby-without'
  | 'orderly-end'
  | 'goes-on'
  | 'refused'
  | 'started-anew'
  | 'died-after'
  | 'killed-at-stop';

/** One cell. */
export type Cell = {
  readonly fault: Fault;
  readonly place: Place;
  readonly victim: Victim;
} & ({ readonly outcome: Outcome } | { readonly impossible: string });

/** A cell that is run. */
export type RealCell = Extract<Cell, { readonly outcome: Outcome }>;

/** All cells: faults × places × victims. */
export const matrix: readonly Cell[] = faultKinds.flatMap(({ fault }) =>
  places.flatMap((place) => victims.map((victim) => ({ fault, place, victim, ...expected(fault, place, victim) }))),
);

/** Those that can be. */
export const realCells: readonly RealCell[] = matrix.filter((cell): cell is RealCell => 'outcome' in cell);

/** How a cell is called. */
export function nameOf({ fault, place, victim }: Cell): string {
  return `${fault} in ${place} of ${victim}`;
}

function expected(fault: Fault, place: Place, victim: Victim): { outcome: Outcome } | { impossible: string } {
  const { throws, signal } = faultKind(fault);
  if (victim === 'worker') return { impossible: 'workers over 1 are refused with NOT_YET' };
  if (victim === 'launcher') {
    // It strikes the launcher from outside, while main is in that place.
    if (signal === undefined)
      return { impossible: 'the launcher runs no code of modules, and from outside come signals only' };
    return { outcome: signal === 'SIGSTOP' ? 'goes-on' : 'orderly-end' };
  }
  if (victim === 'clone') {
    if (place === 'migrate') return { impossible: 'no clone is attached while records are migrated' };
    if (place === 'task' || place === 'handler')
      return { impossible: 'a clone runs neither tasks nor handlers of modules' };
    if (place === 'stop') return { outcome: 'killed-at-stop' };
    return { outcome: throws ? 'standby-without' : 'next-clone' };
  }
  // A rejection comes when the function has returned, and the migration is over.
  if (place === 'migrate' && fault === 'unhandled rejection') return { outcome: 'died-after' };
  if (place === 'migrate') return { outcome: throws ? 'refused' : 'started-anew' };
  if (!throws) return { outcome: 'takeover' };
  if (place === 'stop') return { outcome: 'told' };
  if (place === 'handler') return { outcome: 'answered' };
  // A task that throws is judged by its next run on the stable version; no process dies of it.
  return { outcome: 'not-in' };
}

/** Why the others cannot be, and how many. */
export const impossibleReasons: readonly { readonly reason: string; readonly count: number }[] = [
  ...new Set(matrix.flatMap((cell) => ('impossible' in cell ? [cell.impossible] : []))),
].map((reason) => ({
  reason,
  count: matrix.filter((cell) => 'impossible' in cell && cell.impossible === reason).length,
}));
