// One coherent moment of a store. A view does not change, so it is one. A live store is copied into private memory under its write lock: the
// writers wait for that copy (about 0.3 s for each GiB in use), then go on while the copy is read.

import { journalKinds, openView, usedTableBytes, type View, ViewDoor } from '@mofo/journal';
import {
  Catalog,
  GRANULE_BYTES,
  MAIN_HEAP_END_SLAB,
  MAIN_SIZE,
  type Memory,
  SLAB_BYTES,
  WINDOW_GRANULES,
} from '@mofo/shm-store';
import { XmlExportError } from './xml-export-error.ts';

const WINDOW_BYTES = WINDOW_GRANULES * GRANULE_BYTES;

/** What can be exported and checked: an open store, or a view of an image or a backup. */
export interface StoreSource {
  readonly memory: Memory;
}

/** A store that does not change. */
export interface Moment {
  readonly view: View;
  /** The view's memory, with a catalog that knows all kinds of the journal. */
  readonly memory: Memory;
}

/**
 * Takes the moment. Throws IN_TRANSACTION; whatever `openView` throws on a superblock that makes no sense; and what a transaction of the store
 * throws when its write lock cannot be had.
 */
export function takeMoment(source: StoreSource): Moment {
  const { door } = source.memory;
  const view = door instanceof ViewDoor ? (source as unknown as View) : copyOf(source.memory);
  const { heap, run } = view.memory;
  const catalog = new Catalog({ door: view.memory.door, heap, run, kinds: journalKinds });
  return { view, memory: { door: view.memory.door, heap, catalog, run } };
}

function copyOf(memory: Memory): View {
  if (memory.door.inTransaction) {
    throw new XmlExportError(
      'IN_TRANSACTION',
      'A store cannot be exported or checked inside a transaction, whose changes are not yet there. Nothing was read. Do it after the transaction.',
    );
  }
  return openView(memory.run(() => copyMain(memory)));
}

/** Copies superblock, slab table and all slabs that were ever handed out. Under the write lock. */
function copyMain(memory: Memory): { windows: ArrayBuffer[]; reservedBytes: number } {
  const { door } = memory;
  const i = door.atSystem(0);
  const sizeBytes = door.floats[(i >> 1) + MAIN_SIZE / 8] as number;
  const endSlab = (door.words[i + MAIN_HEAP_END_SLAB / 4] as number) >>> 0;
  const heapFirstBytes = door.heapFirst * GRANULE_BYTES;
  const reservedBytes = reservedGranules(memory) * GRANULE_BYTES;
  const endBytes = endSlab * SLAB_BYTES;
  // A bound that makes no sense is left to the view to judge; then everything that may be read is copied.
  const usedBytes = endBytes >= heapFirstBytes && endBytes <= reservedBytes ? endBytes : reservedBytes;
  const windows: ArrayBuffer[] = [];
  for (let start = 0; start < usedBytes; start += WINDOW_BYTES) {
    windows.push(new ArrayBuffer(Math.min(WINDOW_BYTES, usedBytes - start)));
  }
  const tableBytes = Number.isFinite(sizeBytes) ? usedTableBytes(sizeBytes, usedBytes) : heapFirstBytes;
  copyRange(memory, windows, 0, Math.min(tableBytes > 0 ? tableBytes : heapFirstBytes, heapFirstBytes));
  copyRange(memory, windows, heapFirstBytes, usedBytes);
  return { windows, reservedBytes: usedBytes };
}

function copyRange(memory: Memory, windows: readonly ArrayBuffer[], startBytes: number, endBytes: number): void {
  for (let start = startBytes; start < endBytes; ) {
    const window = Math.floor(start / WINDOW_BYTES);
    const end = Math.min(endBytes, (window + 1) * WINDOW_BYTES);
    memory.door.atSystem((window * WINDOW_GRANULES) | 0);
    const offset = window * WINDOW_BYTES;
    const target = new Uint8Array(windows[window] as ArrayBuffer);
    target.set(memory.door.bytes.subarray(start - offset, end - offset), start - offset);
    start = end;
  }
}

/** Granules that may be read, found by asking the door, which bounds every ref by them. */
function reservedGranules({ door }: Memory): number {
  let low = door.heapFirst;
  let high = 2 ** 32;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isInside(door, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isInside(door: Memory['door'], granule: number): boolean {
  try {
    door.at(granule | 0);
    return true;
  } catch {
    // Out of bounds is the answer that was asked for; the door has no other.
    return false;
  }
}
