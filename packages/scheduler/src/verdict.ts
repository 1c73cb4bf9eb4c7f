// What becomes of a task whose process died while it ran. A pure function; `mofo` passes its own, which knows versions.

/** A task that was interrupted by the death of its process. */
export interface Interruption {
  readonly taskId: number;
  readonly name: string;
  /** Starts so far, this one included. */
  readonly attempt: number;
  /** Processes that died while they ran it, this one included. */
  readonly crashes: number;
  /** Labels of the versions that ran it then, oldest first, this one included; without labels empty. */
  readonly versions: readonly string[];
}

/** `retry`: back into the queue, behind the next tasks; `dead`: to the dead letters as poison. */
export type Verdict = 'retry' | 'dead';

/** One retry (the caller of `recover` has gone back to the old version by then); a second death proves the task to be poison. */
export function defaultVerdict(interruption: Interruption): Verdict {
  return interruption.crashes >= 2 ? 'dead' : 'retry';
}
