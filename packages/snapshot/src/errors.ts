// Every way in which a snapshot or restore can fail: one closed union of codes and one error class.
//
// Errors of the store itself (RETIRED, FENCED, STORE_DAMAGED, SHM_FULL, OUT_OF_MEMORY, STORE_EXISTS, …) pass through as ShmStoreError.
import { constants } from 'node:os';
import { ShmStoreError } from '@mofo/shm-store';

/** Codes of taking, keeping and finding snapshots. */
export type SnapshotCode =
  | 'UNKNOWN_OPTION'
  | 'CLOSED'
  | 'ABORTED'
  | 'SNAPSHOT_RUNNING'
  | 'DIRECTORY_MISSING'
  | 'DIRECTORY_READ_ONLY'
  | 'DISK_FULL'
  | 'IO_ERROR'
  | 'NOT_FOUND'
  | 'NO_SNAPSHOT'
  | 'OUT_OF_MEMORY';

/** Codes of image files that are refused. */
export type ImageCode =
  | 'NOT_AN_IMAGE'
  | 'FORMAT_UNKNOWN'
  | 'WRONG_BYTE_ORDER'
  | 'LAYOUT_MISMATCH'
  | 'IMAGE_TRUNCATED'
  | 'IMAGE_CORRUPT';

/** Everything a {@link SnapshotError} can say; stable within a major version. */
export type SnapshotErrorCode = SnapshotCode | ImageCode;

/** What else an error carries. */
export interface SnapshotErrorOptions {
  readonly cause?: unknown;
  /** The file it is about. */
  readonly file?: string;
  /** The newest good image that could be used instead. */
  readonly newestGood?: string;
}

/** The error of this package: a stable `code`, and a message that says what happened, what state things are in, and what to do. */
export class SnapshotError extends Error {
  readonly code: SnapshotErrorCode;
  /** The file it is about, where there is one. */
  readonly file: string | undefined;
  /** Path of the newest good image in the same directory, where one was looked for and found. */
  readonly newestGood: string | undefined;

  constructor(code: SnapshotErrorCode, message: string, options: SnapshotErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.file = options.file;
    this.newestGood = options.newestGood;
    Object.defineProperty(this, 'name', { value: `SnapshotError [${code}]`, configurable: true, writable: true });
    Error.captureStackTrace(this, new.target);
  }
}

/** True for codes that say that a file, and not the disk or the caller, is at fault. */
export function isImageCode(code: string): code is ImageCode {
  return IMAGE_CODES.has(code as ImageCode);
}

/** The coded error for what a file system call or the addon's write threw; errors that have a code of ours pass through. */
export function fromFileSystem(error: unknown, doing: string, file: string): Error {
  if (error instanceof SnapshotError) return error;
  const name = errnoName(error);
  if (name === undefined) return error as Error;
  const code = CODE_OF_ERRNO[name] ?? 'IO_ERROR';
  return new SnapshotError(
    code,
    `${doing} failed (${name}): ${file}.\n  The store and older snapshots are untouched. ${ADVICE[code]}`,
    { cause: error, file },
  );
}

/** Refuses options that the call does not have. */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new SnapshotError(
      'UNKNOWN_OPTION',
      `${what} has no option "${key}".\n  Nothing was done. It knows ${known.join(', ')}.`,
    );
  }
}

/** Throws ABORTED when the signal has fired. */
export function refuseAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted !== true) return;
  throw new SnapshotError(
    'ABORTED',
    `${what} was aborted.\n  Nothing of it is left; the store and older snapshots are untouched.`,
    { cause: signal.reason },
  );
}

const IMAGE_CODES: ReadonlySet<ImageCode> = new Set<ImageCode>([
  'NOT_AN_IMAGE',
  'FORMAT_UNKNOWN',
  'WRONG_BYTE_ORDER',
  'LAYOUT_MISMATCH',
  'IMAGE_TRUNCATED',
  'IMAGE_CORRUPT',
]);

const CODE_OF_ERRNO: Readonly<Record<string, keyof typeof ADVICE>> = {
  ENOENT: 'DIRECTORY_MISSING',
  ENOTDIR: 'DIRECTORY_MISSING',
  EROFS: 'DIRECTORY_READ_ONLY',
  EACCES: 'DIRECTORY_READ_ONLY',
  EPERM: 'DIRECTORY_READ_ONLY',
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
};

const ADVICE = {
  DIRECTORY_MISSING: 'Make the directory first.',
  DIRECTORY_READ_ONLY: 'Give this user the right to write there, or choose another directory.',
  DISK_FULL: 'Free space, or keep fewer snapshots.',
  IO_ERROR: 'Look at the disk and the system log.',
} as const;

/** `ENOSPC` and the like of an error of node:fs or of the addon; undefined for any other error. */
function errnoName(error: unknown): string | undefined {
  if (error instanceof ShmStoreError) {
    if (error.code !== 'IMAGE_WRITE_FAILED' && error.code !== 'IMAGE_READ_FAILED') return undefined;
    return Object.entries(constants.errno).find(([, value]) => value === error.data.errno)?.[0] ?? 'EIO';
  }
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}
