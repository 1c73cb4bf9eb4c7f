// The one error class of this package. Codes are stable within a major version, messages are not.

/** Every code that a `SchedulerError` can carry; the README says for each when, what state is left, and what to do. */
export type SchedulerErrorCode =
  | 'ALREADY_RUNNING'
  | 'AROUND_SKIPPED'
  | 'ASYNC_HANDLER'
  | 'CANCELLED'
  | 'CLAIM_LOST'
  | 'CLOSED'
  | 'CORRUPT'
  | 'FORMAT_UNKNOWN'
  | 'INVALID_NAME'
  | 'INVALID_OPTION'
  | 'INVALID_PAYLOAD'
  | 'INVALID_SCHEDULE'
  | 'PAYLOAD_TOO_LARGE'
  | 'STOPPED'
  | 'TIME_LIMIT'
  | 'UNKNOWN_OPTION';

/** An error of the scheduler: `code` for programs, `message` for people (what happened, state left, what to do next). */
export class SchedulerError extends Error {
  override readonly name: string = 'SchedulerError';
  readonly code: SchedulerErrorCode;
  /** The task concerned, if it is about one. */
  readonly taskId: number | undefined;

  constructor(
    code: SchedulerErrorCode,
    message: string,
    details: { readonly taskId?: number; readonly cause?: unknown } = {},
  ) {
    super(`[${code}] ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.taskId = details.taskId;
  }
}
