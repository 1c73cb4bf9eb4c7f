// Taking one snapshot: copy in memory under the write lock, then write the copy to a file while the program goes on.
//
//   lock of the backup → stale files removed → temporary file → COPY (writers wait) → WRITE chunks → header, table → SYNC → RENAME → directory
//
// Killed anywhere before the rename it leaves a *.tmp file, which the next taker removes, and a backup segment that the next copy brings
// up to date. The kernel gives the lock back. Older images are not touched before the new one is complete.
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type BackupReport, MAIN_STORE_ID, type NativeStore } from '@mofo/shm-store';
import { fromFileSystem, refuseAborted, SnapshotError } from './errors.ts';
import {
  imageId,
  imagePath,
  nextMoment,
  noteGood,
  publish,
  removeStaleTemporaries,
  temporaryPath,
} from './image-directory.ts';
import {
  CHUNK_BYTES,
  dataOffsetOf,
  decodeHeader,
  encodeHead,
  type ImageFacts,
  type ImageHeader,
} from './image-header.ts';

/** Where a snapshot is: each phase is told when it begins, `write` after each chunk too. */
export interface TakeProgress {
  readonly phase: 'copy' | 'write' | 'sync' | 'rename' | 'done';
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** A snapshot that was taken. */
export interface TakenSnapshot {
  readonly id: string;
  readonly file: string;
  readonly header: ImageHeader;
  /** How long writers were held up, in microseconds. */
  readonly pauseUs: number;
  /** Pages of 4 KiB that had changed since the snapshot before. */
  readonly pagesCopied: number;
  /** From the end of the pause until the image was on the disk, in milliseconds. */
  readonly writeMs: number;
}

/** What is needed to take one. */
export interface TakeRequest {
  readonly native: NativeStore;
  readonly name: string;
  readonly sizeBytes: number;
  readonly directory: string;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: TakeProgress) => void) | undefined;
}

/** Takes one snapshot. Throws SnapshotError and ShmStoreError; then nothing of it is left. */
export async function takeSnapshot(request: TakeRequest): Promise<TakenSnapshot> {
  const { native, directory } = request;
  refuseAborted(request.signal, 'The snapshot');
  if (!native.lockBackup()) {
    throw new SnapshotError(
      'SNAPSHOT_RUNNING',
      `Another snapshot of store "${request.name}" is being taken, here or in another process.\n  Nothing was done. Wait for it, or take one later.`,
    );
  }
  let temporary: string | undefined;
  try {
    await removeStaleTemporaries(directory);
    const createdAt = await nextMoment(directory, request.now());
    temporary = temporaryPath(directory, createdAt);
    const handle = await open(temporary, 'wx', 0o600);
    let taken: Omit<TakenSnapshot, 'writeMs'>;
    let beganMs: number;
    try {
      request.onProgress?.({ phase: 'copy', bytesDone: 0, bytesTotal: 0 });
      refuseAborted(request.signal, 'The snapshot');
      const report = native.copyToBackup();
      beganMs = performance.now();
      taken = await writeImage(request, handle, report, createdAt);
    } finally {
      await handle.close();
    }
    request.onProgress?.({
      phase: 'rename',
      bytesDone: taken.header.reservedBytes,
      bytesTotal: taken.header.reservedBytes,
    });
    refuseAborted(request.signal, 'The snapshot');
    await publish(temporary, taken.file, directory);
    temporary = undefined;
    await noteGood(taken.file);
    const writeMs = performance.now() - beganMs;
    request.onProgress?.({
      phase: 'done',
      bytesDone: taken.header.reservedBytes,
      bytesTotal: taken.header.reservedBytes,
    });
    return { ...taken, writeMs };
  } catch (error) {
    // If not even this succeeds the file stays; the next taker removes it when this process has ended.
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    throw fromFileSystem(error, 'Writing the snapshot', temporary ?? directory);
  } finally {
    native.unlockBackup();
  }
}

async function writeImage(
  request: TakeRequest,
  handle: FileHandle,
  report: BackupReport,
  createdAt: number,
): Promise<Omit<TakenSnapshot, 'writeMs'>> {
  const { native, signal, onProgress } = request;
  const { reservedBytes } = report;
  const chunkCount = Math.ceil(reservedBytes / CHUNK_BYTES);
  const dataOffset = dataOffsetOf(chunkCount);
  // All of it a hole first: what is zero is never written.
  await handle.truncate(dataOffset + reservedBytes);
  const checksums = new Uint32Array(chunkCount);
  for (let chunk = 0; chunk < chunkCount; chunk++) {
    const from = chunk * CHUNK_BYTES;
    onProgress?.({ phase: 'write', bytesDone: from, bytesTotal: reservedBytes });
    refuseAborted(signal, 'The snapshot');
    checksums[chunk] = await native.writeBackup(
      handle.fd,
      dataOffset + from,
      from,
      Math.min(from + CHUNK_BYTES, reservedBytes),
    );
  }
  const facts: ImageFacts = {
    name: request.name,
    storeId: Buffer.from(native.windows[0] as ArrayBuffer, MAIN_STORE_ID, 16).toString('hex'),
    sizeBytes: request.sizeBytes,
    reservedBytes,
    transactionId: report.transactionId,
    createdAt,
    timeline: report.timeline,
    epoch: report.epoch,
    commitSequence: report.sequence,
  };
  const head = encodeHead(facts, checksums);
  for (let done = 0; done < head.length; )
    done += (await handle.write(head, done, head.length - done, done)).bytesWritten;
  onProgress?.({ phase: 'sync', bytesDone: reservedBytes, bytesTotal: reservedBytes });
  refuseAborted(signal, 'The snapshot');
  await handle.sync();
  const id = imageId(createdAt, report.transactionId);
  const file = imagePath(request.directory, id);
  // Read back the way a restore will: what would be refused then is refused now.
  return { id, file, header: decodeHeader(head, file), pauseUs: report.pauseUs, pagesCopied: report.pagesCopied };
}
