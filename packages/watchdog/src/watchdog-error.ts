// The one error class of this package. Codes are stable within a major version, messages are not.

/** Every code that a {@link WatchdogError} can carry; the README says for each when, what state is left, and what to do. */
export type WatchdogErrorCode =
  | 'ALREADY_MAIN'
  | 'ALREADY_WATCHING'
  | 'CLOSED'
  | 'NO_CLONE'
  | 'NOT_MAIN'
  | 'RESTART_BUDGET_SPENT'
  | 'RUN_NOT_OPEN'
  | 'TOO_MANY_RUNS'
  | 'UNKNOWN_OPTION'
  | 'WATCH_FAILED';

/** What else an error carries. */
export interface WatchdogErrorOptions {
  /** The error behind this one. */
  readonly cause?: unknown;
  /** Plain facts for programs. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** An error of the watchdog: `code` for programs, `message` for people (what happened, state left, what to do next). */
export class WatchdogError extends Error {
  override readonly name: string = 'WatchdogError';
  readonly code: WatchdogErrorCode;
  /** Plain facts for programs; empty when there are none. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: WatchdogErrorCode, message: string, options: WatchdogErrorOptions = {}) {
    super(`[${code}] ${message}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.data = options.data ?? {};
  }
}
