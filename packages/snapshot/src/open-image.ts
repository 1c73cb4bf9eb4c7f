// Reading the past: an image as a store that can only be read, while the program goes on or after it is gone.
import { openView, type RootDeclaration, type View } from '@mofo/journal';
import { GRANULE_BYTES, WINDOW_GRANULES } from '@mofo/shm-store';
import { refuseUnknown, SnapshotError } from './errors.ts';
import { ImageFile, type ReadProgress } from './image-file.ts';
import type { ImageHeader } from './image-header.ts';

/** Options of {@link openImage}. */
export interface OpenImageOptions<R extends RootDeclaration> {
  /** Roots to read; each must exist with the same type. */
  readonly root?: R;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** An image that can be read like a store. */
export interface Image<R extends RootDeclaration = Record<never, never>> {
  /** Handles, values, heap and types; every change throws READ_ONLY. */
  readonly view: View<R>;
  readonly header: ImageHeader;
  readonly file: string;
}

const WINDOW_BYTES = WINDOW_GRANULES * GRANULE_BYTES;

/**
 * Reads an image into private memory, verifying every byte, and opens it for reading. The file is not needed afterwards. Costs memory for all
 * of it, which is given back when nobody holds the view.
 *
 * @throws SnapshotError NOT_FOUND, ABORTED, OUT_OF_MEMORY, IO_ERROR, or why the image is refused; JournalError ROOT_MISMATCH; ShmStoreError CORRUPT.
 * @example
 * const { view } = await openImage(taken.file, { root: { total: counter() } });
 * console.log(view.root.total.value);
 */
export async function openImage<const R extends RootDeclaration = Record<never, never>>(
  file: string,
  options: OpenImageOptions<R> = {},
): Promise<Image<R>> {
  refuseUnknown('openImage', options, ['root', 'signal', 'onProgress']);
  const image = await ImageFile.open(file);
  try {
    const { header } = image;
    const windows = allocateWindows(header.reservedBytes, file);
    const { signal, onProgress } = options;
    await image.readChunks({ signal, onProgress, onChunk: (offset, bytes) => store(windows, offset, bytes) });
    const view = openView({
      windows,
      reservedBytes: header.reservedBytes,
      name: header.name,
      ...(options.root === undefined ? {} : { root: options.root }),
    });
    return { view, header, file };
  } finally {
    await image.close();
  }
}

function allocateWindows(bytes: number, file: string): ArrayBuffer[] {
  // The file may be one large hole: memory is asked for before it is touched, because the kernel would not refuse but kill.
  const available = process.availableMemory();
  if (bytes > available) {
    throw new SnapshotError(
      'OUT_OF_MEMORY',
      `The image ${file} needs ${bytes} bytes of memory; ${available} are available.\n  Nothing was opened. Restore it under another name instead, or free memory.`,
      { file },
    );
  }
  const windows: ArrayBuffer[] = [];
  for (let at = 0; at < bytes; at += WINDOW_BYTES) windows.push(new ArrayBuffer(Math.min(WINDOW_BYTES, bytes - at)));
  return windows;
}

/** Puts a chunk, which may lie across two windows, where it belongs. */
function store(windows: readonly ArrayBuffer[], offset: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    const at = offset + done;
    const inWindow = at % WINDOW_BYTES;
    const count = Math.min(bytes.length - done, WINDOW_BYTES - inWindow);
    new Uint8Array(windows[Math.floor(at / WINDOW_BYTES)] as ArrayBuffer).set(
      bytes.subarray(done, done + count),
      inWindow,
    );
    done += count;
  }
}
