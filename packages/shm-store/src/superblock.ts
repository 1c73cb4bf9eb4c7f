// Writes the superblock and control words of a fresh store over zeroed memory: what the addon does for shared segments, here for private
// memory. Both are read through the same layout table.

import {
  BYTE_ORDER_MARK,
  CONTROL_JOURNAL_BYTES,
  CONTROL_RESERVED_GRANULES,
  CONTROL_SIZE,
  CONTROL_UNDO_BYTES,
  FORMAT_VERSION,
  LAYOUT_HASH,
  LAYOUT_USER_FIRST,
  MAIN_BYTE_ORDER,
  MAIN_FORMAT,
  MAIN_HEAP_END_SLAB,
  MAIN_HEAP_FIRST_SLAB,
  MAIN_HEAP_NOMINAL_SLABS,
  MAIN_LAYOUT_HASH,
  MAIN_NEXT_LAYOUT_ID,
  MAIN_SIZE,
  MAIN_SLAB_TABLE,
  SLAB_BYTES,
} from './layout.ts';

/** Slab at which the heap of a store of this nominal size begins: the first one behind the slab table. */
export function firstHeapSlab(sizeBytes: number): number {
  const slabs = sizeBytes / SLAB_BYTES;
  return Math.ceil((MAIN_SLAB_TABLE + slabs * 16) / SLAB_BYTES);
}

/** Writes the superblock of an empty store into zeroed memory. */
export function formatMain(main: ArrayBuffer, sizeBytes: number): void {
  const view = new DataView(main);
  new Uint8Array(main).set(new TextEncoder().encode('MOFOMAIN'));
  const first = firstHeapSlab(sizeBytes);
  view.setUint32(MAIN_FORMAT, FORMAT_VERSION, true);
  view.setUint32(MAIN_BYTE_ORDER, BYTE_ORDER_MARK, true);
  view.setFloat64(MAIN_SIZE, sizeBytes, true);
  view.setUint32(MAIN_LAYOUT_HASH, LAYOUT_HASH, true);
  view.setUint32(MAIN_NEXT_LAYOUT_ID, LAYOUT_USER_FIRST, true);
  view.setUint32(MAIN_HEAP_FIRST_SLAB, first, true);
  view.setUint32(MAIN_HEAP_END_SLAB, first, true);
  view.setUint32(MAIN_HEAP_NOMINAL_SLABS, sizeBytes / SLAB_BYTES, true);
}

/** Writes the control words that JavaScript reads into zeroed memory. */
export function formatControl(control: ArrayBuffer, sizeBytes: number, journalBytes: number, undoBytes: number): void {
  const view = new DataView(control);
  new Uint8Array(control).set(new TextEncoder().encode('MOFOCTRL'));
  view.setFloat64(CONTROL_SIZE, sizeBytes, true);
  view.setFloat64(CONTROL_JOURNAL_BYTES, journalBytes, true);
  view.setFloat64(CONTROL_UNDO_BYTES, undoBytes, true);
  view.setUint32(CONTROL_RESERVED_GRANULES, sizeBytes / 16, true);
}
