// The one error class of this package, with every code it can carry. Codes are stable within a major version, messages
// are not. A message says what happened, what state things are in now, and what to do next; `data` says it to programs.

/** Codes of reading `mofo.config.*`. */
export type ConfigErrorCode =
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_BUILD_FAILED'
  | 'CONFIG_EVALUATION_FAILED'
  | 'CONFIG_TIMEOUT'
  | 'CONFIG_UNKNOWN_KEY'
  | 'CONFIG_INVALID'
  | 'CONFIG_NO_MODULES'
  | 'NOT_YET';

/** Codes of declaring, building and loading modules. */
export type ModuleErrorCode =
  | 'BUILD_FAILED'
  | 'EXPORTS_INVALID'
  | 'LOAD_FAILED'
  | 'MODULE_INVALID'
  | 'NAME_MISMATCH'
  | 'REQUIRE_FAILED'
  | 'WATCH_FAILED';

/** Codes of the HTTP server; also sent to clients in `{ error: { code, message } }`. */
export type HttpErrorCode =
  | 'ADDRESS_IN_USE'
  | 'BODY_TOO_LARGE'
  | 'BODY_UNUSABLE'
  | 'HANDLER_FAILED'
  | 'LISTEN_FAILED'
  | 'METHOD_NOT_ALLOWED'
  | 'RESPONSE_INVALID'
  | 'ROUTE_CONFLICT'
  | 'ROUTE_NOT_FOUND'
  | 'STOPPING';

/** Codes of the command line. */
export type CliErrorCode = 'NOTHING_TO_REVERT' | 'OUTPUT_UNUSABLE' | 'UNKNOWN_MODULE' | 'USAGE';

/** Codes of the running processes. */
export type RuntimeErrorCode =
  | 'ALREADY_RUNNING'
  | 'DATA_TOO_NEW'
  | 'EXPORT_MISSING'
  | 'MIGRATION_STRANDS'
  | 'MODULE_UNAVAILABLE'
  | 'NOT_READY'
  | 'NOT_RUNNING'
  | 'REQUEST_FAILED'
  | 'START_FAILED'
  | 'START_TIMEOUT'
  | 'TASK_MISSING'
  | 'UNKNOWN_VERSION'
  | 'USES_MISSING';

/** Everything a {@link MofoError} can say. */
export type MofoErrorCode = ConfigErrorCode | ModuleErrorCode | HttpErrorCode | CliErrorCode | RuntimeErrorCode;

/** What else an error carries. */
export interface MofoErrorOptions {
  /** The error behind this one. */
  readonly cause?: unknown;
  /** Plain facts for programs, such as `{ path, problems }`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** An error of mofo: `code` for programs, `message` for people. */
export class MofoError extends Error {
  override readonly name: string = 'MofoError';
  /** Which error it is. */
  readonly code: MofoErrorCode;
  /** Plain facts for programs; empty if there are none. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: MofoErrorCode, message: string, options: MofoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
  }
}

/** The operating system's code of an error (`ENOENT`), or undefined if it is none of its errors. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : undefined;
}
