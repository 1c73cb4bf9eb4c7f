// A run that leaves nothing behind. JavaScript is compiled, and the shapes of objects are learnt, when a function first runs, and a record's class is
// made when the first record of its layout is read: a process that stands by for another one would spend milliseconds on that before its first task.
// So it plays a task of the real queue beforehand, with a handler that does nothing, inside a transaction that is rolled back.

import { type Claimer, claimNext, hasWork } from './claim.ts';
import { PRIORITY_MAX } from './constants.ts';
import type { Clock, Definition } from './definition.ts';
import { newTask } from './enqueue-options.ts';
import type { Executor } from './executor.ts';
import type { TaskTable } from './task-table.ts';

/** What is played with. */
export interface RehearsalParts {
  readonly store: { transaction<T>(body: () => T): T; read<T>(body: () => T): T };
  readonly table: TaskTable;
  readonly claimer: Claimer;
  readonly clock: Clock;
  /** Tells nobody what became of a run. */
  readonly executor: Executor;
}

/** Ends the transaction. */
const takenBack = new Error('the rehearsal is over: everything is taken back');

/**
 * Makes, claims, runs and completes a task of that name, whose handler is left out, and takes all of it back.
 *
 * @returns false when there is no handler of that name here, or another task goes before.
 */
export function rehearse(parts: RehearsalParts, name: string): boolean {
  const { claimer, clock, executor, store, table } = parts;
  const real = claimer.definitionOf(name);
  if (real === undefined) return false;
  const empty: Definition = { ...real, handler: () => undefined, isAsync: false };
  const player: Claimer = {
    worker: claimer.worker,
    definitionOf: (other) => (other === name ? empty : claimer.definitionOf(other)),
  };
  const now = clock();
  store.read(() => hasWork(table, player, now));
  let hasRun = false;
  try {
    store.transaction(() => {
      const id = table.insert(newTask(name, '', { priority: PRIORITY_MAX }, now), now);
      const claim = claimNext(table, player, now);
      // Whose task it is counts: another one's is not run, and stays as it is.
      if (claim !== undefined && claim !== 'again' && claim.id === id) {
        executor.execute(claim);
        hasRun = true;
      }
      throw takenBack;
    });
  } catch (error) {
    if (error !== takenBack) throw error;
  } finally {
    table.claims.forgetLabel();
  }
  return hasRun;
}
