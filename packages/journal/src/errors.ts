// Every way in which a transaction or collection can fail: one closed union of codes and one error class.

/** Codes of transactions and read sections. */
export type TransactionCode =
  | 'ASYNC_TRANSACTION'
  | 'TRANSACTION_IN_READ'
  | 'ROLLBACK_INCOMPLETE'
  | 'TOO_DEEP'
  | 'WRITER_STUCK';

/** Codes of trees, lists, queues and counters. */
export type CollectionCode =
  | 'KEY_TOO_LONG'
  | 'KEY_INVALID'
  | 'KEY_TYPE_INVALID'
  | 'VALUE_TYPE_INVALID'
  | 'RANGE_INVALID'
  | 'INDEX_OUT_OF_RANGE'
  | 'LIST_FULL';

/** Codes of stores and their roots. */
export type StoreCode = 'CLOSED' | 'INVALID_ROOT' | 'PRIVATE_STORE' | 'ROOT_MISMATCH' | 'UNKNOWN_ROOT';

/** Codes of migrations. */
export type MigrationCode = 'MIGRATION_BLOCKED' | 'MIGRATION_FAILED' | 'MIGRATION_INVALID' | 'MIGRATION_MISSING';

/** Everything a {@link JournalError} can say; stable within a major version. */
export type JournalErrorCode = CollectionCode | MigrationCode | StoreCode | TransactionCode;

/** The error of this package: a stable `code`, and a message that says what happened, what state things are in, and what to do. */
export class JournalError extends Error {
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'JournalError';
    this.code = code;
  }
}
