// The one error class of this package, with codes of the Level ecosystem, and the way from errors of the store below to them.

import { JournalError, ShmStoreError } from '@mofo/journal';

/** Every code that a {@link MofoLevelError} can carry. abstract-level itself throws more; see its documentation. */
export type MofoLevelErrorCode =
  | 'LEVEL_CORRUPTION'
  | 'LEVEL_DATABASE_EXISTS'
  | 'LEVEL_DATABASE_MISSING'
  | 'LEVEL_DATABASE_NOT_OPEN'
  | 'LEVEL_INVALID_KEY'
  | 'LEVEL_INVALID_LOCATION'
  | 'LEVEL_INVALID_OPTION'
  | 'LEVEL_INVALID_VALUE'
  | 'LEVEL_IO_ERROR'
  | 'LEVEL_NOT_SUPPORTED'
  | 'LEVEL_SNAPSHOT_NOT_OPEN'
  | 'LEVEL_STORE_FULL'
  | 'LEVEL_TOO_MANY_SNAPSHOTS';

/** An error of the database: `code` for programs, `message` for people (what happened, state left, what to do next), the store's error as `cause`. */
export class MofoLevelError extends Error {
  override readonly name: string = 'MofoLevelError';
  readonly code: MofoLevelErrorCode;

  constructor(code: MofoLevelErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
  }
}

/** Codes of the store that mean something more exact than "an input or output failed". */
const CODES: Readonly<Record<string, MofoLevelErrorCode>> = {
  CORRUPT: 'LEVEL_CORRUPTION',
  DANGLING_REF: 'LEVEL_CORRUPTION',
  JOURNAL_CORRUPT: 'LEVEL_CORRUPTION',
  ROOT_MISMATCH: 'LEVEL_CORRUPTION',
  STORE_DAMAGED: 'LEVEL_CORRUPTION',
  WRONG_TYPE: 'LEVEL_CORRUPTION',
  CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
  RETIRED: 'LEVEL_DATABASE_NOT_OPEN',
  KEY_INVALID: 'LEVEL_INVALID_KEY',
  KEY_TOO_LONG: 'LEVEL_INVALID_KEY',
  INVALID_NAME: 'LEVEL_INVALID_LOCATION',
  INVALID_SIZE: 'LEVEL_INVALID_OPTION',
  SIZE_MISMATCH: 'LEVEL_INVALID_OPTION',
  BLOCK_TOO_LARGE: 'LEVEL_INVALID_VALUE',
  INVALID_VALUE: 'LEVEL_INVALID_VALUE',
  UNSUPPORTED_PLATFORM: 'LEVEL_NOT_SUPPORTED',
  JOURNAL_FULL: 'LEVEL_STORE_FULL',
  OUT_OF_MEMORY: 'LEVEL_STORE_FULL',
  SHM_FULL: 'LEVEL_STORE_FULL',
  STORE_FULL: 'LEVEL_STORE_FULL',
};

/** The error of the store as one of the Level ecosystem, with the store's message; everything else as it is. */
export function toLevelError(error: unknown): unknown {
  if (!(error instanceof ShmStoreError || error instanceof JournalError)) return error;
  return new MofoLevelError(CODES[error.code] ?? 'LEVEL_IO_ERROR', error.message, { cause: error });
}

/** True for an error of the store that says that memory is wanting. */
export function isFull(error: unknown): boolean {
  return error instanceof ShmStoreError && CODES[error.code] === 'LEVEL_STORE_FULL';
}
