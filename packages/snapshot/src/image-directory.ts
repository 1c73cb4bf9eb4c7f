// A directory of images: which there are, which is the newest good one, and what a dead process left.
//
//   20261124T042455123Z-0000000000000042.mofo          an image: moment of taking, last transaction id; sorts by both
//   20261124T042455123Z.4312-987654.tmp                being written by the process with that pid and start time
//
// An image appears by a rename, complete and on the disk; a *.tmp file is nobody's promise. The moment in an id is later than that of every
// image in the directory, also when the clock was set back, so the order of ids is the order of taking.
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive, processStartTime } from '@mofo/shm-store';
import { fromFileSystem, isImageCode, SnapshotError, type SnapshotErrorCode } from './errors.ts';
import { ImageFile, type ReadOptions, verifyImage } from './image-file.ts';
import type { ImageHeader } from './image-header.ts';

/** One file of a directory of images. */
export interface SnapshotInfo {
  /** Moment and last transaction; sorts by age. */
  readonly id: string;
  readonly file: string;
  /** What its header says; undefined when the file is refused. */
  readonly header: ImageHeader | undefined;
  /** Why it is refused, as far as header, table and size tell; its chunks are read by `verify` only. */
  readonly problem: SnapshotErrorCode | undefined;
}

const IMAGE_NAME = /^(\d{8}T\d{9}Z-\d{16})\.mofo$/;
const TEMPORARY_NAME = /^\d{8}T\d{9}Z\.(\d+)-(\d+)\.tmp$/;
const TRANSACTION_DIGITS = 16;

/** Files that were verified by this process, by path; a verdict holds while the fingerprint is the same. */
const verified = new Map<string, string>();
/** Verdicts kept; more only cost memory. */
const VERIFIED_COUNT_MAX = 1000;

/** `20261124T042455123Z` for a moment in milliseconds since 1970. */
export function momentText(createdAt: number): string {
  return new Date(createdAt).toISOString().replace(/[-:.]/g, '');
}

/** The id of an image. */
export function imageId(createdAt: number, transactionId: number): string {
  return `${momentText(createdAt)}-${String(transactionId).padStart(TRANSACTION_DIGITS, '0')}`;
}

/** Path of an image in its directory. */
export function imagePath(directory: string, id: string): string {
  return join(directory, `${id}.mofo`);
}

/** All images of a directory by age, newest first, refused ones included. Reads the head of each. Throws SnapshotError. */
export async function listImages(directory: string): Promise<SnapshotInfo[]> {
  const ids = await listIds(directory);
  const result: SnapshotInfo[] = [];
  for (const id of ids) {
    const file = imagePath(directory, id);
    const info = await describe(id, file);
    if (info !== undefined) result.push(info);
  }
  return result;
}

/** A moment that is later than that of every image in the directory, and at least `now`. */
export async function nextMoment(directory: string, now: number): Promise<number> {
  const newest = (await listIds(directory))[0];
  if (newest === undefined) return now;
  const [, year, month, day, hour, minute, second, ms] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})/.exec(
    newest,
  ) as RegExpExecArray;
  const last = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(last) || last < now ? now : last + 1;
}

/** True if every byte of the image is right; reads it unless this process has done so since it changed. Other failures than a bad file are thrown. */
export async function isGood(file: string, options: ReadOptions = {}): Promise<boolean> {
  try {
    const image = await ImageFile.open(file);
    try {
      const fingerprint = await image.fingerprint();
      if (verified.get(file) === fingerprint) return true;
      await image.readChunks(options);
      remember(file, fingerprint);
      return true;
    } finally {
      await image.close();
    }
  } catch (error) {
    if (error instanceof SnapshotError && (isImageCode(error.code) || error.code === 'NOT_FOUND')) return false;
    throw error;
  }
}

/** Notes that this process wrote the file and brought it to the disk, checksums computed from what it wrote. */
export async function noteGood(file: string): Promise<void> {
  const image = await ImageFile.open(file);
  try {
    remember(file, await image.fingerprint());
  } finally {
    await image.close();
  }
}

/** The newest image that passes `accept` and of which every byte is right. */
export async function findNewestGood(
  directory: string,
  accept: (header: ImageHeader) => boolean,
  options: ReadOptions = {},
): Promise<SnapshotInfo | undefined> {
  for (const info of await listImages(directory)) {
    if (info.header !== undefined && accept(info.header) && (await isGood(info.file, options))) return info;
  }
  return undefined;
}

/** Verifies every byte of an image. Throws SnapshotError. */
export async function verifyAt(directory: string, id: string, options: ReadOptions): Promise<ImageHeader> {
  requireId(id);
  return verifyImage(imagePath(directory, id), options);
}

/** Throws NOT_FOUND for what is no id; so an id never leads outside its directory. */
export function requireId(id: string): void {
  if (IMAGE_NAME.test(`${id}.mofo`)) return;
  throw new SnapshotError(
    'NOT_FOUND',
    `${JSON.stringify(id)} is no id of a snapshot.\n  Nothing was changed. Take one from list().`,
  );
}

/** Path of the file that this process writes into before it is an image. */
export function temporaryPath(directory: string, createdAt: number): string {
  return join(directory, `${momentText(createdAt)}.${process.pid}-${processStartTime(process.pid) ?? 0}.tmp`);
}

/** Removes what processes that died while they wrote left behind. */
export async function removeStaleTemporaries(directory: string): Promise<void> {
  for (const name of await readNames(directory)) {
    const match = TEMPORARY_NAME.exec(name);
    if (match === null || isProcessAlive(Number(match[1]), Number(match[2]))) continue;
    await rm(join(directory, name), { force: true }).catch((error: unknown) => {
      throw fromFileSystem(error, 'Removing a stale file', join(directory, name));
    });
  }
}

/** Gives a complete file its name and brings the name to the disk. */
export async function publish(temporary: string, file: string, directory: string): Promise<void> {
  await rename(temporary, file);
  await syncDirectory(directory);
}

/** Removes images and brings that to the disk. */
export async function removeImages(directory: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    await rm(file, { force: true }).catch((error: unknown) => {
      throw fromFileSystem(error, 'Removing an old snapshot', file);
    });
    verified.delete(file);
  }
  if (files.length > 0) await syncDirectory(directory);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function describe(id: string, file: string): Promise<SnapshotInfo | undefined> {
  try {
    const image = await ImageFile.open(file);
    await image.close();
    return { id, file, header: image.header, problem: undefined };
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    // Removed by another process between the listing and now.
    if (error.code === 'NOT_FOUND') return undefined;
    return { id, file, header: undefined, problem: error.code };
  }
}

/** Ids in a directory, newest first. */
async function listIds(directory: string): Promise<string[]> {
  const ids = (await readNames(directory)).flatMap((name) => IMAGE_NAME.exec(name)?.[1] ?? []);
  return ids.sort().reverse();
}

async function readNames(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: unknown) => {
    throw fromFileSystem(error, 'Listing the directory', directory);
  });
}

function remember(file: string, fingerprint: string): void {
  if (verified.size >= VERIFIED_COUNT_MAX) verified.clear();
  verified.set(file, fingerprint);
}
