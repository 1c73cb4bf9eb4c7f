// The one error class of this package. Codes are stable within a major version, messages are not.

/** Every code that a `VersionsError` can carry; the README says for each when, what state is left, and what to do. */
export type VersionsErrorCode =
  | 'AMBIGUOUS_VERSION'
  | 'BAD_MODULE_NAME'
  | 'BUNDLE_CORRUPT'
  | 'BUNDLE_MISSING'
  | 'BUNDLE_TOO_LARGE'
  | 'CLOSED'
  | 'DIRECTORY_MISSING'
  | 'FORMAT_UNKNOWN'
  | 'ILLEGAL_TRANSITION'
  | 'IO_ERROR'
  | 'LOCK_TIMEOUT'
  | 'NO_SPACE'
  | 'NO_TRIES_LEFT'
  | 'READ_ONLY'
  | 'REGISTRY_CORRUPT'
  | 'REGISTRY_FULL'
  | 'UNKNOWN_OPTION'
  | 'UNKNOWN_VERSION'
  | 'VERSION_UNSTABLE';

/** Plain data about what an error concerns, for programs; the message says the same for people. */
export interface VersionsErrorDetails {
  /** Name of the module concerned. */
  readonly module?: string;
  /** Full content hash of the version concerned. */
  readonly hash?: string;
  /** State that the version is in and stays in. */
  readonly from?: string;
  /** State that was asked for (ILLEGAL_TRANSITION). */
  readonly to?: string;
  /** Why the version is unstable (VERSION_UNSTABLE). */
  readonly reason?: string;
  /** File or directory concerned. */
  readonly path?: string;
  /** The underlying error. */
  readonly cause?: unknown;
}

/** An error of the registry: `code` for programs, `message` for people (what happened, state left, what to do next). */
export class VersionsError extends Error {
  override readonly name: string = 'VersionsError';
  readonly code: VersionsErrorCode;
  readonly module: string | undefined;
  readonly hash: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly reason: string | undefined;
  readonly path: string | undefined;

  constructor(code: VersionsErrorCode, message: string, details: VersionsErrorDetails = {}) {
    super(`[${code}] ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.module = details.module;
    this.hash = details.hash;
    this.from = details.from;
    this.to = details.to;
    this.reason = details.reason;
    this.path = details.path;
  }
}

/** The operating system's code of an error (`ENOENT`), or undefined if it is none of its errors. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : undefined;
}

/** Translates an error of the operating system met while doing `what` at `path`; errors of this package pass unchanged. */
export function asVersionsError(error: unknown, what: string, path: string): unknown {
  if (error instanceof VersionsError) return error;
  const code = systemCode(error);
  if (code === undefined) return error;
  const details: VersionsErrorDetails = { path, cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `no space left to ${what} in ${path}. The registry is as it was before. Free some space and try again.`;
    return new VersionsError('NO_SPACE', message, details);
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    const message =
      `may not ${what} in ${path} (${code}). The registry is as it was before. ` +
      'Give this user the right to write there, or choose another registry directory.';
    return new VersionsError('READ_ONLY', message, details);
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const message =
      `could not ${what}: ${path} is missing or no directory (${code}). Nothing was changed. ` +
      'Someone may have removed the registry while it was open: open it again, or restore the directory.';
    return new VersionsError('DIRECTORY_MISSING', message, details);
  }
  const message = `could not ${what} in ${path} (${code}). The registry is as before or as after the change, never between.`;
  return new VersionsError('IO_ERROR', message, details);
}
