// Restoring: a store made anew from an image, on a timeline of its own.
//
// Every byte of the image is verified before anything is made, and again while it is loaded. The store keeps its identity and its transaction
// ids; control, with its locks, journals and page states, is fresh. The timeline is higher than that of every image in the directory and
// of the store that is replaced, so that no two histories have the same number.
import { basename, dirname } from 'node:path';
import { restoreSegments, ShmStoreError } from '@mofo/shm-store';
import { isImageCode, refuseAborted, refuseUnknown, SnapshotError, type SnapshotErrorCode } from './errors.ts';
import { findNewestGood, imagePath, isGood, listImages, requireId, type SnapshotInfo } from './image-directory.ts';
import { ImageFile, type ReadProgress } from './image-file.ts';
import type { ImageHeader } from './image-header.ts';

/** Options of {@link restoreStore}: `file`, or `directory` with or without `id`. */
export interface RestoreStoreOptions {
  /** Name of the store to make; another than in the image makes a second store. */
  readonly name: string;
  /** The image. */
  readonly file?: string;
  /** Where the images lie: the newest good one of a store of this name is taken, or the one with `id`. */
  readonly directory?: string;
  readonly id?: string;
  /** Replace an existing store: everything after the image is lost, and whoever is attached gets RETIRED. Default false. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** A store that was restored. */
export interface RestoredStore {
  readonly name: string;
  /** Id of the image; its file name if it has been renamed. */
  readonly id: string;
  readonly file: string;
  /** What the image's header says. */
  readonly header: ImageHeader;
  /** The new timeline. */
  readonly timeline: number;
  /** Newer files of the directory that were refused, newest first, with the reason. */
  readonly skipped: readonly { readonly file: string; readonly problem: SnapshotErrorCode }[];
}

/**
 * Makes the store `name` from an image. Until everything is verified and loaded nothing of an existing store is touched; a process killed in it
 * leaves the old store, or none, and the image. Open the store as usual afterwards. Needs memory for main and backup, beside that of
 * a store that is replaced.
 *
 * @throws SnapshotError NO_SNAPSHOT, NOT_FOUND, ABORTED, UNKNOWN_OPTION, IO_ERROR, or why the image is refused (then `newestGood` names the image to use
 *   instead, if there is one); ShmStoreError STORE_EXISTS, STORE_INCOMPLETE (both unless forced), OUT_OF_MEMORY, SHM_FULL, INVALID_NAME,
 *   CREATE_LOCK_TIMEOUT, NOT_OWNER; TypeError unless exactly one of file and directory is given.
 */
export async function restoreStore(options: RestoreStoreOptions): Promise<RestoredStore> {
  refuseUnknown('restoreStore', options, ['name', 'file', 'directory', 'id', 'force', 'signal', 'onProgress']);
  const { name, file, directory, id, force = false, signal } = options;
  if ((file === undefined) === (directory === undefined))
    throw new TypeError('restoreStore needs either a file or a directory.');
  if (id !== undefined && directory === undefined)
    throw new TypeError('restoreStore takes an id together with a directory.');
  if (file !== undefined) return restoreFile(file, options, []);
  if (id !== undefined) {
    requireId(id);
    return restoreFile(imagePath(directory as string, id), options, []);
  }
  const { chosen, skipped } = await chooseNewest(directory as string, name, signal);
  return restoreFile(chosen.file, { ...options, force }, skipped);
}

async function restoreFile(
  file: string,
  options: RestoreStoreOptions,
  skipped: RestoredStore['skipped'],
): Promise<RestoredStore> {
  const { name, force = false, signal, onProgress } = options;
  let image: ImageFile | undefined;
  try {
    image = await ImageFile.open(file);
    await image.readChunks({ signal, onProgress });
    const { header, checksums, fd } = image;
    const timeline = await nextTimeline(dirname(file), header, name);
    refuseAborted(signal, 'The restore');
    const { sizeBytes, reservedBytes, dataOffset, chunkBytes } = header;
    const restored = await restoreSegments({
      name,
      fd,
      sizeBytes,
      reservedBytes,
      dataOffset,
      chunkBytes,
      checksums,
      timeline,
      force,
    });
    return { name, id: basename(file, '.mofo'), file, header, timeline: restored, skipped };
  } catch (error) {
    throw await offerNewestGood(error, file, image?.header.name ?? name);
  } finally {
    await image?.close();
  }
}

/** One more than the highest timeline of the images of this store, or of one that bears the name it shall have. */
async function nextTimeline(directory: string, { storeId, timeline }: ImageHeader, name: string): Promise<number> {
  const others = (await listImages(directory)).flatMap(({ header }) =>
    header?.storeId === storeId || header?.name === name ? header.timeline : [],
  );
  return Math.min(Math.max(timeline, ...others) + 1, 2 ** 32 - 1);
}

async function chooseNewest(
  directory: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ chosen: SnapshotInfo; skipped: RestoredStore['skipped'] }> {
  const skipped: { file: string; problem: SnapshotErrorCode }[] = [];
  const names = new Set<string>();
  for (const info of await listImages(directory)) {
    if (info.header !== undefined) names.add(info.header.name);
    if (info.header !== undefined && info.header.name !== name) continue;
    if (info.header !== undefined && (await isGood(info.file, { signal }))) return { chosen: info, skipped };
    skipped.push({ file: info.file, problem: info.problem ?? 'IMAGE_CORRUPT' });
  }
  const others = names.size > 0 ? ` There are images of ${[...names].join(', ')}.` : '';
  const bad =
    skipped.length > 0
      ? ` ${skipped.length} files were refused: ${skipped.map(({ file, problem }) => `${file} (${problem})`).join(', ')}.`
      : '';
  throw new SnapshotError(
    'NO_SNAPSHOT',
    `${directory} holds no good image of a store "${name}".${others}${bad}\n  Nothing was changed. Give the file of the image to restore.`,
    { file: directory },
  );
}

/** The same error, with the image to use instead where the file was at fault. */
async function offerNewestGood(error: unknown, file: string, name: string): Promise<unknown> {
  const isSnapshotError = error instanceof SnapshotError && isImageCode(error.code);
  const isLoadError = error instanceof ShmStoreError && error.code === 'IMAGE_CORRUPT';
  if (!isSnapshotError && !isLoadError) return error;
  // A directory that cannot be listed must not hide why the image was refused.
  const newest = await findNewestGood(dirname(file), (header) => header.name === name).catch(() => undefined);
  const offer =
    newest === undefined ? 'There is no other good one beside it.' : `The newest good one is ${newest.file}.`;
  const { message } = error as Error;
  return new SnapshotError(isSnapshotError ? error.code : 'IMAGE_CORRUPT', `${message}\n  ${offer}`, {
    cause: error,
    file,
    ...(newest === undefined ? {} : { newestGood: newest.file }),
  });
}
