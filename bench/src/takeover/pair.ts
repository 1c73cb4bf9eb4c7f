// What the killer needs of a program that has somebody to go on after a death.

/** A program under measurement. */
export interface Pair {
  /** Resolves with the pid to kill when that process has begun its first task, and its successor stands by as far as there is one. */
  ready(): Promise<number>;
  /**
   * Resolves when another process than the dead one has begun its first task.
   *
   * @returns when its first statement ran, in ms of CLOCK_MONOTONIC, noted by that process.
   */
  resumedAtMs(deadPid: number): Promise<number>;
  /** Ends all its processes in order. */
  close(): Promise<void>;
}
