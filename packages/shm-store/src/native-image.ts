// What the addon offers for snapshots: the backup segment of an open store, and segments made from an image file.

/** What {@link NativeBackup.copyToBackup} did, and the moment that the backup holds now. */
export interface BackupReport {
  /** How long the write lock was held, in microseconds. */
  readonly pauseUs: number;
  /** Pages of 4 KiB that differed. */
  readonly pagesCopied: number;
  /** commitSequence, even. */
  readonly sequence: number;
  /** Id of the last transaction in the image. */
  readonly transactionId: number;
  readonly timeline: number;
  /** The epoch that began with this copy. */
  readonly epoch: number;
  /** Bytes of main that the image consists of. */
  readonly reservedBytes: number;
}

/** The backup segment as one thread uses it. */
export interface NativeBackup {
  /**
   * Takes the backup's lock: only its holder copies to the backup and reads it. False when another thread or process has it. Given back by
   * `unlockBackup`, `close` and the holder's death.
   */
  lockBackup(): boolean;
  unlockBackup(): void;
  /**
   * Makes the backup equal to main as it is between two transactions, under the write lock. Costs the copying of every page written since the
   * last time. A process killed in it leaves pages that the next copy does again.
   *
   * @throws ShmStoreError BACKUP_NOT_LOCKED, IN_TRANSACTION, and what a transaction's begin throws.
   */
  copyToBackup(): BackupReport;
  /**
   * Writes bytes [from, to) of the backup to `offset` of an open file, on another thread, leaving out what is zero: the file must have holes
   * there. Resolves with the CRC-32 of all of them. Reserve no memory in between: at most 4 MiB at a time is meant.
   *
   * @throws ShmStoreError BACKUP_NOT_LOCKED; rejects with IMAGE_WRITE_FAILED (errno in `data`), OUT_OF_MEMORY.
   */
  writeBackup(fd: number, offset: number, from: number, to: number): Promise<number>;
}

/** What {@link restoreSegments} makes a store from. */
export interface RestoreSegmentsOptions {
  readonly name: string;
  /** Descriptor of the image file, open for reading. */
  readonly fd: number;
  /** Nominal size of the store in bytes. */
  readonly sizeBytes: number;
  /** Bytes of main in the file. */
  readonly reservedBytes: number;
  /** Where they begin in the file. */
  readonly dataOffset: number;
  readonly chunkBytes: number;
  /** CRC-32 of each chunk. */
  readonly checksums: Uint32Array;
  /** The new timeline; higher if the store that is replaced was on this one or a later one. */
  readonly timeline: number;
  /** Replace an existing store. */
  readonly force: boolean;
}
