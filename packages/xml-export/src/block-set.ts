// Facts about blocks by granule, in memory that depends on the heap in use and on nothing a damaged store says: one bit, or one number, for
// each granule of the slabs that are touched.

import { SLAB_GRANULES } from '@mofo/shm-store';

/** A set of granules. */
export class BlockSet {
  private readonly slabs: (Uint32Array | undefined)[] = [];

  has(granule: number): boolean {
    const bits = this.slabs[granule >>> 10];
    if (bits === undefined) return false;
    const offset = granule & (SLAB_GRANULES - 1);
    return ((bits[offset >> 5] as number) & (1 << (offset & 31))) !== 0;
  }

  /** Adds a granule; false if it was there. */
  add(granule: number): boolean {
    const slab = granule >>> 10;
    let bits = this.slabs[slab];
    if (bits === undefined) {
      bits = new Uint32Array(SLAB_GRANULES / 32);
      this.slabs[slab] = bits;
    }
    const offset = granule & (SLAB_GRANULES - 1);
    const bit = 1 << (offset & 31);
    const word = bits[offset >> 5] as number;
    bits[offset >> 5] = word | bit;
    return (word & bit) === 0;
  }
}

/** Numbers granules in the order in which they are asked for, from 1 on. */
export class BlockNumbers {
  private readonly slabs: (Uint32Array | undefined)[] = [];
  private last = 0;

  numberOf(granule: number): number {
    const slab = granule >>> 10;
    let numbers = this.slabs[slab];
    if (numbers === undefined) {
      numbers = new Uint32Array(SLAB_GRANULES);
      this.slabs[slab] = numbers;
    }
    const offset = granule & (SLAB_GRANULES - 1);
    const known = numbers[offset] as number;
    if (known !== 0) return known;
    numbers[offset] = ++this.last;
    return this.last;
  }
}
