// Reading an image file: its head for lists, all of it for everything else. Nothing a file says is used before its checksum is right.
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { MAIN_LAST_TRANSACTION_ID, MAIN_SIZE, MAIN_STORE_ID, MAIN_TIMELINE } from '@mofo/shm-store';
import { fromFileSystem, refuseAborted, SnapshotError } from './errors.ts';
import { decodeHeader, HEADER_BYTES, type ImageHeader, refused } from './image-header.ts';

/** How far a long reading has come. */
export interface ReadProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** Options of {@link ImageFile.readChunks}. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  /** Gets each chunk when its checksum was found right; the buffer is used again afterwards. */
  readonly onChunk?: ((offset: number, bytes: Buffer) => void) | undefined;
}

/** An open image file whose head has been verified. */
export class ImageFile {
  readonly file: string;
  readonly header: ImageHeader;
  /** CRC-32 of each chunk. */
  readonly checksums: Uint32Array;
  private readonly handle: FileHandle;

  private constructor(file: string, handle: FileHandle, header: ImageHeader, checksums: Uint32Array) {
    this.file = file;
    this.handle = handle;
    this.header = header;
    this.checksums = checksums;
  }

  /** Opens a file and judges header, size and table. Costs a few reads. Throws SnapshotError. */
  static async open(file: string): Promise<ImageFile> {
    const handle = await open(file, 'r').catch((cause: unknown) => {
      throw openFailed(cause, file);
    });
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw refused('NOT_AN_IMAGE', file, 'it is no regular file');
      const header = decodeHeader(await readUpTo(handle, 0, HEADER_BYTES), file);
      if (stat.size < header.fileBytes)
        throw refused('IMAGE_TRUNCATED', file, `it has ${stat.size} of ${header.fileBytes} bytes`);
      if (stat.size > header.fileBytes)
        throw refused('IMAGE_CORRUPT', file, `it has ${stat.size} bytes instead of ${header.fileBytes}`);
      const rest = await readUpTo(handle, HEADER_BYTES, header.dataOffset - HEADER_BYTES);
      const table = rest.subarray(0, header.chunkCount * 4);
      if (crc32(table) !== header.tableChecksum)
        throw refused('IMAGE_CORRUPT', file, 'the checksum of its table is wrong');
      if (rest.length < header.dataOffset - HEADER_BYTES) throw refused('IMAGE_TRUNCATED', file, 'it became shorter');
      if (rest.subarray(table.length).some((byte) => byte !== 0))
        throw refused('IMAGE_CORRUPT', file, 'there is something between table and data');
      // Copied, because a table inside a Buffer need not be aligned.
      const checksums = new Uint32Array(header.chunkCount);
      table.copy(Buffer.from(checksums.buffer));
      return new ImageFile(file, handle, header, checksums);
    } catch (error) {
      await handle.close();
      throw fromFileSystem(error, 'Reading the image', file);
    }
  }

  /** Reads and verifies all chunks in order, and that they are of the store that the header says. Throws SnapshotError. */
  async readChunks(options: ReadOptions = {}): Promise<void> {
    const { header, file } = this;
    const buffer = Buffer.alloc(Math.min(header.chunkBytes, header.reservedBytes));
    for (let chunk = 0; chunk < header.chunkCount; chunk++) {
      refuseAborted(options.signal, 'Reading the image');
      const offset = chunk * header.chunkBytes;
      const count = Math.min(header.chunkBytes, header.reservedBytes - offset);
      const bytes = await readUpTo(this.handle, header.dataOffset + offset, count, buffer).catch((error: unknown) => {
        throw fromFileSystem(error, 'Reading the image', file);
      });
      if (bytes.length < count) throw refused('IMAGE_TRUNCATED', file, 'it became shorter while it was read');
      if (crc32(bytes) !== this.checksums[chunk])
        throw refused('IMAGE_CORRUPT', file, `the checksum of chunk ${chunk} is wrong`);
      if (chunk === 0) this.checkSuperblock(bytes);
      options.onChunk?.(offset, bytes);
      options.onProgress?.({ bytesDone: offset + count, bytesTotal: header.reservedBytes });
    }
  }

  /** For the addon. */
  get fd(): number {
    return this.handle.fd;
  }

  /** Device, inode, size and time of the last change: what must be the same for a verdict to hold. */
  async fingerprint(): Promise<string> {
    const { dev, ino, size, mtimeNs } = await this.handle.stat({ bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private checkSuperblock(main: Buffer): void {
    const { header } = this;
    const view = new DataView(main.buffer, main.byteOffset, main.length);
    const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
    const isSame =
      main.toString('latin1', 0, 8) === 'MOFOMAIN' &&
      main.toString('hex', MAIN_STORE_ID, MAIN_STORE_ID + 16) === header.storeId &&
      view.getFloat64(MAIN_SIZE, isLittleEndian) === header.sizeBytes &&
      view.getUint32(MAIN_TIMELINE, isLittleEndian) === header.timeline &&
      view.getFloat64(MAIN_LAST_TRANSACTION_ID, isLittleEndian) === header.transactionId;
    if (!isSame) throw refused('IMAGE_CORRUPT', this.file, 'its header and its superblock are not of one store');
  }
}

/** Opens, verifies every byte, and closes; returns the header. Throws SnapshotError. */
export async function verifyImage(file: string, options: ReadOptions = {}): Promise<ImageHeader> {
  const image = await ImageFile.open(file);
  try {
    await image.readChunks(options);
    return image.header;
  } finally {
    await image.close();
  }
}

function openFailed(cause: unknown, file: string): Error {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new SnapshotError('NOT_FOUND', `There is no image ${file}.\n  Nothing was changed. List what there is.`, {
      cause,
      file,
    });
  return fromFileSystem(cause, 'Opening the image', file);
}

/** Reads `count` bytes, or as many as there are. */
async function readUpTo(
  handle: FileHandle,
  position: number,
  count: number,
  buffer: Buffer = Buffer.alloc(count),
): Promise<Buffer> {
  let done = 0;
  while (done < count) {
    const { bytesRead } = await handle.read(buffer, done, count - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
