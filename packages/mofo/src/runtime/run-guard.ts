// What the runtime needs of the watchdog: a word in shared memory that names what runs, set before and restored after each synchronous call
// of module code. Implemented by @mofo/watchdog over the process's slot.

/** A label in the form in which it is copied into the slot. */
export type RunLabel = unknown;

/** Says to the clone what runs now. */
export interface RunGuard {
  /** Prepares a label once; `text` begins with `module@version`. */
  label(text: string): RunLabel;
  /** Runs `body` under the label; nested calls restore the outer label. `hangAfterMs` is the time after which the process counts as hung. */
  run<T>(label: RunLabel, body: () => T, options?: { readonly hangAfterMs?: number; readonly taskId?: number }): T;
}
