// Lowering the end of the heap: the part of giving memory back that changes main, in a transaction like any other. What lies above the new end
// is then given back by the addon, when nobody else is attached (native/trim.h).

import { MAIN_CLASS_HEADS, MAIN_HEAP, MAIN_SPAN_HEADS, SLAB_KIND_FREE, SPAN_ORDER_MAX } from '../layout.ts';
import { CLASS_GRANULES } from './size-class.ts';
import { type HeapWords, releaseSpan } from './spans.ts';

const HEAP_GRANULE = MAIN_HEAP / 16;
const SPAN_HEADS_GRANULE = MAIN_SPAN_HEADS / 16;
const CLASS_HEADS_GRANULE = MAIN_CLASS_HEADS / 16;

/**
 * Gives empty slabs back that a size class kept for its next block, and lowers the heap's end below the free spans that lie at it. The caller has
 * begun a transaction in which nothing else happens. Costs as much as there are free spans at the end, at most a few hundred.
 */
export function trimHeap(heap: HeapWords): void {
  heap.settling = true;
  try {
    for (let sizeClass = 0; sizeClass < CLASS_GRANULES.length; sizeClass++) releaseEmptySlab(heap, sizeClass);
    for (let order = orderAtEnd(heap); order >= 0; order = orderAtEnd(heap)) {
      const start = heap.bounds(1) - 2 ** order;
      heap.unlink(SPAN_HEADS_GRANULE, order, start);
      // Beyond the end every descriptor says "none": growth counts on it.
      heap.writeSlab(start, 0, 0, 0, 0);
      heap.put(HEAP_GRANULE, 1, start);
    }
  } finally {
    heap.settling = false;
  }
}

/** An empty slab stays with its class only as the last one of its list. */
function releaseEmptySlab(heap: HeapWords, sizeClass: number): void {
  const slab = heap.head(CLASS_HEADS_GRANULE, sizeClass);
  if (slab < heap.bounds(0) || slab >= heap.bounds(1)) return;
  if (heap.slabWord(slab, 0) >>> 16 !== 0 || heap.slabWord(slab, 2) !== 0) return;
  heap.unlink(CLASS_HEADS_GRANULE, sizeClass, slab);
  releaseSpan(heap, slab, 0);
}

/** Order of the free span that ends where the heap ends, or -1. */
function orderAtEnd(heap: HeapWords): number {
  const first = heap.bounds(0);
  const end = heap.bounds(1);
  for (let order = 0; order <= SPAN_ORDER_MAX; order++) {
    const size = 2 ** order;
    if (end % size !== 0 || end - size < first) return -1;
    if ((heap.slabWord(end - size, 0) & 0xffff) === (SLAB_KIND_FREE | (order << 8))) return order;
  }
  return -1;
}
