// Where in the heap a granule lies, by the slab table alone: what a ref that names no live record is told apart by.

import {
  MAIN_HEAP,
  MAIN_SLAB_TABLE,
  type Memory,
  SIZE_CLASSES_BYTES,
  SLAB_GRANULES,
  SLAB_KIND_LARGE,
  SLAB_KIND_SMALL,
} from '@mofo/shm-store';

/** Outside the heap, at a place where no block starts, or at the start of a block, live or free. */
export function placeInHeap({ door }: Memory, granule: number): 'outside' | 'inside' | 'start' {
  const slab = granule >>> 10;
  const h = door.atSystem(MAIN_HEAP / 16);
  if (slab < door.heapFirst / SLAB_GRANULES || slab >= (door.words[h + 1] as number) >>> 0) return 'outside';
  const i = door.atSystem(MAIN_SLAB_TABLE / 16 + slab);
  const word0 = door.words[i] as number;
  const handedOut = (door.words[i + 1] as number) >>> 16;
  const kind = word0 & 0xff;
  const offset = granule & (SLAB_GRANULES - 1);
  if (kind === SLAB_KIND_LARGE) return offset === 0 ? 'start' : 'inside';
  const bytes = SIZE_CLASSES_BYTES[(word0 >>> 8) & 0xff];
  if (kind !== SLAB_KIND_SMALL || bytes === undefined) return 'inside';
  const granules = bytes / 16;
  return offset % granules === 0 && offset + granules <= handedOut ? 'start' : 'inside';
}
