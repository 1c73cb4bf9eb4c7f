// Size classes: how many granules a small block of each class has, and which class serves a size.

import { GRANULE_BYTES, SIZE_CLASSES_BYTES, SLAB_GRANULES } from '../layout.ts';

/** Granules of a block, by class. */
export const CLASS_GRANULES: Int32Array = Int32Array.from(SIZE_CLASSES_BYTES, (bytes) => bytes / GRANULE_BYTES);

/** Blocks that fit into one slab, by class. */
export const CLASS_CAPACITY: Int32Array = Int32Array.from(CLASS_GRANULES, (granules) =>
  Math.floor(SLAB_GRANULES / granules),
);

/** Granules of the largest small block; anything larger is a span of slabs. */
export const SMALL_GRANULES_MAX: number = CLASS_GRANULES[CLASS_GRANULES.length - 1] ?? 0;

/** Class that serves a block of this many granules (header included). */
export const CLASS_OF_GRANULES: Uint8Array = classOfGranules();

function classOfGranules(): Uint8Array {
  const table = new Uint8Array(SMALL_GRANULES_MAX + 1);
  let sizeClass = 0;
  for (let granules = 0; granules <= SMALL_GRANULES_MAX; granules++) {
    while ((CLASS_GRANULES[sizeClass] ?? 0) < granules) sizeClass++;
    table[granules] = sizeClass;
  }
  return table;
}
