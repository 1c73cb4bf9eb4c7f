// Image file, format 1: the bytes of main at one moment, with what is needed to judge them.
//
//   0            4,096                  dataOffset (multiple of 64 KiB)                                      fileBytes
//   | header page | CRC-32 of each chunk | zeros … | main's bytes [0, reserved) in chunks of 4 MiB, last shorter |
//
//   header   0  'MOFOIMAG'                 32  store id, 16 bytes            88  u32 commitSequence
//            8  u32 image format           48  f64 nominal size in bytes     92  u32 chunk size in bytes
//           12  u32 byte order mark        56  f64 reserved bytes            96  u32 number of chunks
//           16  u32 CRC-32 of this page    64  f64 last transaction id      100  u32 length of the name
//               with these 4 bytes zero    72  f64 made at, ms since 1970   104  f64 dataOffset
//           20  u32 CRC-32 of the table    80  u32 timeline                 112  f64 fileBytes
//           24  u32 layout hash            84  u32 epoch                    120  zero
//           28  u32 format of the store                                     128  name, 64 bytes; then zeros to the page's end
//
// Numbers are in the writer's byte order, like main's own; the mark tells. CRC-32 is zlib's. All of it is checked before any of it is used:
// every byte of the file is covered by a checksum or must be zero, and the file must have exactly the size it says. Main's bytes begin on a
// boundary of 64 KiB, so that they can be mapped on any machine; pieces of nothing but zeros are holes.
import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import {
  BYTE_ORDER_MARK,
  FORMAT_VERSION,
  LAYOUT_HASH,
  PAGE_BYTES,
  SLAB_BYTES,
  STORE_SIZE_MAX_BYTES,
  STORE_SIZE_MIN_BYTES,
} from '@mofo/shm-store';
import { type ImageCode, SnapshotError } from './errors.ts';

/** Version of the format described above. */
export const IMAGE_FORMAT: number = 1;
/** Unit of checksums and of progress: large enough for the disk, small enough to be aborted at once. */
export const CHUNK_BYTES: number = 4 * 2 ** 20;
/** Bytes of the header page. */
export const HEADER_BYTES: number = 4096;
/** Main's bytes begin at a multiple of this: the largest page size of the machines we know. */
export const DATA_ALIGNMENT_BYTES: number = 65536;

const NAME_OFFSET = 128;
const NAME_BYTES = 64;
const MAGIC = 'MOFOIMAG';
const LITTLE_ENDIAN = endianness() === 'LE';

/** What the header of an image says. */
export interface ImageHeader {
  /** Name of the store it was taken of. */
  readonly name: string;
  /** Identity of the store, 32 hexadecimal digits; survives restores. */
  readonly storeId: string;
  /** Nominal size of the store in bytes. */
  readonly sizeBytes: number;
  /** Bytes of main in the image. */
  readonly reservedBytes: number;
  /** Id of the last transaction in it. */
  readonly transactionId: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly timeline: number;
  readonly epoch: number;
  readonly commitSequence: number;
  readonly chunkBytes: number;
  readonly chunkCount: number;
  /** Where main's bytes begin in the file. */
  readonly dataOffset: number;
  /** Size of the whole file. */
  readonly fileBytes: number;
  /** CRC-32 of the table of chunk checksums. */
  readonly tableChecksum: number;
}

/** What a header is made from; the rest follows. */
export type ImageFacts = Omit<ImageHeader, 'chunkBytes' | 'chunkCount' | 'dataOffset' | 'fileBytes' | 'tableChecksum'>;

/** Where main's bytes begin in the file of an image with so many chunks. */
export function dataOffsetOf(chunkCount: number): number {
  return Math.ceil((HEADER_BYTES + chunkCount * 4) / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES;
}

/** Header page and table of an image, as they stand at the start of its file. */
export function encodeHead(facts: ImageFacts, checksums: Uint32Array): Buffer {
  const table = Buffer.from(checksums.buffer, checksums.byteOffset, checksums.byteLength);
  const dataOffset = dataOffsetOf(checksums.length);
  const head = Buffer.alloc(HEADER_BYTES + table.length);
  const view = new DataView(head.buffer, head.byteOffset, HEADER_BYTES);
  const u32 = (offset: number, value: number): void => view.setUint32(offset, value, LITTLE_ENDIAN);
  const f64 = (offset: number, value: number): void => view.setFloat64(offset, value, LITTLE_ENDIAN);
  head.write(MAGIC, 'latin1');
  u32(8, IMAGE_FORMAT);
  u32(12, BYTE_ORDER_MARK);
  u32(20, crc32(table));
  u32(24, LAYOUT_HASH);
  u32(28, FORMAT_VERSION);
  head.write(facts.storeId, 32, 16, 'hex');
  f64(48, facts.sizeBytes);
  f64(56, facts.reservedBytes);
  f64(64, facts.transactionId);
  f64(72, facts.createdAt);
  u32(80, facts.timeline);
  u32(84, facts.epoch);
  u32(88, facts.commitSequence);
  u32(92, CHUNK_BYTES);
  u32(96, checksums.length);
  u32(100, facts.name.length);
  f64(104, dataOffset);
  f64(112, dataOffset + facts.reservedBytes);
  head.write(facts.name, NAME_OFFSET, NAME_BYTES, 'latin1');
  table.copy(head, HEADER_BYTES);
  u32(16, crc32(head.subarray(0, HEADER_BYTES)));
  return head;
}

/**
 * Judges a header page in the order magic, byte order, format, checksum, layout, plausibility.
 *
 * @param page the first bytes of the file; fewer than a page if it has no more.
 * @throws SnapshotError with an {@link ImageCode}.
 */
export function decodeHeader(page: Buffer, file: string): ImageHeader {
  const refuse = (code: ImageCode, what: string): never => {
    throw refused(code, file, what);
  };
  if (page.toString('latin1', 0, MAGIC.length) !== MAGIC) refuse('NOT_AN_IMAGE', 'it does not begin like one');
  if (page.length < HEADER_BYTES) refuse('IMAGE_TRUNCATED', `it has ${page.length} bytes`);
  const view = new DataView(page.buffer, page.byteOffset, HEADER_BYTES);
  const u32 = (offset: number): number => view.getUint32(offset, LITTLE_ENDIAN);
  const f64 = (offset: number): number => view.getFloat64(offset, LITTLE_ENDIAN);
  if (view.getUint32(12, !LITTLE_ENDIAN) === BYTE_ORDER_MARK)
    refuse('WRONG_BYTE_ORDER', 'it was written in the other byte order');
  if (u32(8) !== IMAGE_FORMAT) refuse('FORMAT_UNKNOWN', `its format is ${u32(8)}, this is ${IMAGE_FORMAT}`);
  const unsigned = Buffer.from(page.subarray(0, HEADER_BYTES));
  unsigned.fill(0, 16, 20);
  if (crc32(unsigned) !== u32(16)) refuse('IMAGE_CORRUPT', 'the checksum of its header is wrong');
  if (u32(12) !== BYTE_ORDER_MARK) refuse('IMAGE_CORRUPT', 'its byte order mark is wrong');
  if (u32(28) !== FORMAT_VERSION)
    refuse('FORMAT_UNKNOWN', `the format of its store is ${u32(28)}, this is ${FORMAT_VERSION}`);
  if (u32(24) !== LAYOUT_HASH)
    refuse('LAYOUT_MISMATCH', `the layout of its bytes has hash ${u32(24)}, this is ${LAYOUT_HASH}`);
  const header: ImageHeader = {
    name: page.toString('latin1', NAME_OFFSET, NAME_OFFSET + Math.min(u32(100), NAME_BYTES)),
    storeId: page.toString('hex', 32, 48),
    sizeBytes: f64(48),
    reservedBytes: f64(56),
    transactionId: f64(64),
    createdAt: f64(72),
    timeline: u32(80),
    epoch: u32(84),
    commitSequence: u32(88),
    chunkBytes: u32(92),
    chunkCount: u32(96),
    dataOffset: f64(104),
    fileBytes: f64(112),
    tableChecksum: u32(20),
  };
  const contradiction = contradictionIn(header);
  if (contradiction !== undefined || u32(100) !== header.name.length)
    refuse('IMAGE_CORRUPT', contradiction ?? 'its name is too long');
  return header;
}

/** The error for a file that is refused. */
export function refused(code: ImageCode, file: string, what: string): SnapshotError {
  return new SnapshotError(code, `The image ${file} is refused: ${what}.\n  Nothing was changed. ${ADVICE[code]}`, {
    file,
  });
}

const ADVICE: Readonly<Record<ImageCode, string>> = {
  NOT_AN_IMAGE: 'Give a file that a snapshot made (*.mofo).',
  FORMAT_UNKNOWN: 'Restore it with the version that made it, or export it there as XML and import that here.',
  WRONG_BYTE_ORDER: 'Export it as XML on a machine like the one that made it, and import that here.',
  LAYOUT_MISMATCH: 'Restore it with the version that made it, or export it there as XML and import that here.',
  IMAGE_TRUNCATED: 'Use an older one.',
  IMAGE_CORRUPT: 'Use an older one.',
};

/** What cannot be, although the checksum is right: a header made by another program. */
function contradictionIn(header: ImageHeader): string | undefined {
  const { sizeBytes, reservedBytes, transactionId, chunkBytes, chunkCount } = header;
  if (!(sizeBytes >= STORE_SIZE_MIN_BYTES && sizeBytes <= STORE_SIZE_MAX_BYTES) || sizeBytes % SLAB_BYTES !== 0)
    return `a store of ${sizeBytes} bytes cannot be`;
  if (!(reservedBytes >= SLAB_BYTES && reservedBytes <= sizeBytes) || reservedBytes % SLAB_BYTES !== 0)
    return `${reservedBytes} bytes cannot be reserved`;
  if (chunkBytes < PAGE_BYTES || chunkBytes > 64 * CHUNK_BYTES || chunkBytes % PAGE_BYTES !== 0)
    return `a chunk of ${chunkBytes} bytes cannot be`;
  if (chunkCount !== Math.ceil(reservedBytes / chunkBytes)) return 'its number of chunks is wrong';
  if (header.dataOffset !== dataOffsetOf(chunkCount) || header.fileBytes !== header.dataOffset + reservedBytes)
    return 'its parts do not add up';
  if (!Number.isSafeInteger(transactionId) || transactionId < 0) return `transaction id ${transactionId} cannot be`;
  return undefined;
}
