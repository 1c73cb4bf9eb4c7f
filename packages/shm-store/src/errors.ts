// Every way in which a store can fail, as one closed union of codes and one error class.
//
// The addon reports a code, one sentence of detail and an errno; `fromNative` adds what state things are in and what to do next
// (ADVICE below). TypeScript code that throws `new ShmStoreError(code, message)` itself says all three in its message.

/** Codes of opening, creating, destroying and listing stores. */
export type OpenErrorCode =
  | 'INVALID_NAME'
  | 'INVALID_SIZE'
  | 'INVALID_ARGUMENT'
  | 'UNKNOWN_OPTION'
  | 'NOT_FOUND'
  | 'NOT_OWNER'
  | 'UNSAFE_MODE'
  | 'PERMISSION'
  | 'FORMAT_UNKNOWN'
  | 'WRONG_BYTE_ORDER'
  | 'LAYOUT_MISMATCH'
  | 'PID_NAMESPACE'
  | 'LIBC_MISMATCH'
  | 'SIZE_MISMATCH'
  | 'STORE_INCOMPLETE'
  | 'ADDRESS_TAKEN'
  | 'ADDRESS_REQUIRED'
  | 'MAP_FAILED'
  | 'NO_EXTERNAL_BUFFERS'
  | 'TOO_MANY_PROCESSES'
  | 'STORE_BUSY'
  | 'CREATE_LOCK_TIMEOUT'
  | 'SHM_UNAVAILABLE'
  | 'SHM_READ_ONLY'
  | 'SHM_FULL'
  | 'OUT_OF_MEMORY'
  | 'SYSTEM_ERROR'
  | 'UNSUPPORTED_PLATFORM'
  | 'CLOSED';

/** Codes of transactions, locks and recovery. */
export type TransactionErrorCode =
  | 'FENCED'
  | 'RETIRED'
  | 'STORE_DAMAGED'
  | 'JOURNAL_CORRUPT'
  | 'JOURNAL_FULL'
  | 'LOCK_TIMEOUT'
  | 'LOCK_FAILED'
  | 'NO_TRANSACTION'
  | 'IN_TRANSACTION'
  | 'TRANSACTION_IN_READ'
  | 'STACK_LOW'
  | 'EXITING';

/** Codes of heap, types and records. */
export type HeapErrorCode =
  | 'CORRUPT'
  | 'DANGLING_REF'
  | 'READ_ONLY'
  | 'STORE_FULL'
  | 'BLOCK_TOO_LARGE'
  | 'WRONG_TYPE'
  | 'TYPE_MISMATCH'
  | 'TYPE_UNKNOWN'
  | 'INVALID_TYPE'
  | 'INVALID_VALUE'
  | 'FLOOR_TOO_HIGH'
  | 'REGION_EXISTS'
  | 'REGION_NOT_FOUND'
  | 'TOO_MANY_REGIONS'
  | 'READ_CONTENTION';

/** Codes of process and socket functions. */
export type ProcessErrorCode = 'PORT_IN_USE' | 'ADDRESS_UNAVAILABLE' | 'UNSUPPORTED_KERNEL';

/** Codes of backup, images and restore. */
export type ImageErrorCode =
  | 'BACKUP_NOT_LOCKED'
  | 'STORE_EXISTS'
  | 'IMAGE_CORRUPT'
  | 'IMAGE_READ_FAILED'
  | 'IMAGE_WRITE_FAILED';

/** Everything a {@link ShmStoreError} can say; stable within a major version. */
export type ShmStoreErrorCode =
  | OpenErrorCode
  | TransactionErrorCode
  | HeapErrorCode
  | ProcessErrorCode
  | ImageErrorCode;

/** What else an error carries. */
export interface ShmStoreErrorOptions {
  /** The error behind this one. */
  readonly cause?: unknown;
  /** Plain facts for programs, such as `{ wantedBytes, availableBytes }`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The error of this package: a stable `code`, and a message that says what happened, what state things are in, and what to do. */
export class ShmStoreError extends Error {
  readonly code: ShmStoreErrorCode;
  /** Plain facts for programs; empty when there are none. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ShmStoreErrorCode, message: string, options: ShmStoreErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.data = options.data ?? {};
    // The name shows the code wherever the error is printed; the stack's first line is made from it.
    Object.defineProperty(this, 'name', { value: `ShmStoreError [${code}]`, configurable: true, writable: true });
    Error.captureStackTrace(this, new.target);
  }
}

/**
 * Makes the error for what the addon reports: `code`, the detail (what happened) and the errno behind it (0 if none). Given to the
 * addon when it is loaded, so that everything it throws is a {@link ShmStoreError} already.
 */
export function fromNative(code: string, detail: string, errno: number): ShmStoreError {
  const known = code as ShmStoreErrorCode;
  const advice = ADVICE[known];
  return new ShmStoreError(known, advice === undefined ? detail : `${detail}\n  ${advice}`, {
    data: errno === 0 ? {} : { errno },
  });
}

/** What state things are in, and what to do next, for the codes that the addon throws. */
const ADVICE: Readonly<Partial<Record<ShmStoreErrorCode, string>>> = {
  INVALID_NAME: 'Nothing was opened. Use 1 to 64 letters, digits, "_" and "-", beginning with a letter or digit.',
  INVALID_SIZE: 'Nothing was opened. Give a multiple of 16 KiB from 1 MiB to 64 GiB.',
  INVALID_ARGUMENT: 'Nothing was done. Correct the call.',
  NOT_FOUND: 'Nothing was created. Pass create and sizeBytes to make it, or look for its name with listStores().',
  NOT_OWNER: 'It was not touched. Run as its owner, or choose another name.',
  UNSAFE_MODE: 'It was not touched. If nobody else wrote to it: chmod 600 its files in /dev/shm.',
  PERMISSION: 'Nothing was changed. Check the user and the permissions.',
  FORMAT_UNKNOWN: 'It was not touched. Open it with the version that made it, or destroy it.',
  WRONG_BYTE_ORDER: 'It was not touched. Export it as XML on the machine that made it and import that here.',
  LAYOUT_MISMATCH:
    'It was not touched. Open it with the version that made it, or export it there as XML and import that here.',
  PID_NAMESPACE:
    'It was not touched. Run all its processes in one pid namespace (containers: share it), because thread ids name lock owners.',
  LIBC_MISMATCH:
    'It was not touched. Run all its processes with the same C library, because its locks are laid out by it.',
  SIZE_MISMATCH: 'It was not touched. Leave sizeBytes out to attach to it as it is.',
  STORE_INCOMPLETE:
    'It was not touched. If you do not need what is left: destroy it with { force: true }, then create it again.',
  ADDRESS_REQUIRED:
    'Nothing was opened. Leave exactAddress out: the store is mapped at its recorded address, or refused with ADDRESS_TAKEN.',
  ADDRESS_TAKEN: 'Nothing was opened. Try again in a fresh process, before anything else is mapped.',
  MAP_FAILED: 'Nothing was opened. Raise the limit on address space (ulimit -v) or make the store smaller.',
  NO_EXTERNAL_BUFFERS:
    'Nothing was opened. Use a Node.js built without the V8 sandbox (Electron has it): run the store in a plain Node process.',
  TOO_MANY_PROCESSES: 'Nothing was opened. Close the store in another process or thread first.',
  STORE_BUSY: 'It was left as it is. Stop the process that owns it, or pass { force: true }.',
  CREATE_LOCK_TIMEOUT:
    'Nothing was opened. Look for a stopped or hung process that is opening or destroying the store.',
  SHM_UNAVAILABLE: 'Nothing was opened. Mount a tmpfs on /dev/shm.',
  SHM_READ_ONLY: 'Nothing was changed. Remount /dev/shm read-write.',
  SHM_FULL:
    'Nothing was lost; the transaction, if one was open, rolls back. Free space in /dev/shm or mount it larger.',
  OUT_OF_MEMORY: 'Nothing was lost; the transaction, if one was open, rolls back. Free memory or raise the limit.',
  STORE_FULL: 'Nothing was lost; the transaction, if one was open, rolls back. Delete data, or make a larger store.',
  JOURNAL_FULL: 'The transaction rolls back; nothing was lost. Split it into smaller ones.',
  CLOSED: 'The data is untouched. Open the store again.',
  RETIRED: 'This handle sees the old bytes only. Close it and open the store again.',
  STORE_DAMAGED: 'Writing is refused from now on. Restore a snapshot, or export what is sound.',
  JOURNAL_CORRUPT:
    'The transaction was rolled back; nothing was lost. Please report it: the journal was written wrongly.',
  FENCED: 'Nothing was written. Another process has taken over: this one must end.',
  LOCK_TIMEOUT: 'Nothing was changed. Look at who holds the lock; if that process hangs, kill it.',
  NO_TRANSACTION: 'Nothing was changed. Do it inside store.transaction().',
  STACK_LOW: 'The transaction was not begun. Call it with fewer frames on the stack.',
  PORT_IN_USE: 'Nothing is listening. Choose another port, or stop the program that has it.',
  ADDRESS_UNAVAILABLE: 'Nothing is listening. Use an address of this machine, such as 127.0.0.1 or 0.0.0.0.',
  BACKUP_NOT_LOCKED: 'Nothing was done. Take the lock of the backup first: lockBackup().',
  STORE_EXISTS: 'It was not touched. Destroy it first, restore under another name, or pass force to replace it.',
  IMAGE_CORRUPT: 'Nothing was changed. Restore an older image.',
  IMAGE_READ_FAILED: 'Nothing was changed. Check the disk, or restore another image.',
  IMAGE_WRITE_FAILED: 'The store is untouched; the image is incomplete. Check the disk.',
  UNSUPPORTED_KERNEL: 'Nothing was done. Linux 5.3 or later is needed.',
};
