// Native regions: blocks of the store that belong to a native addon, which keeps raw pointers in them. JavaScript makes, finds and removes them, and
// never sees their bytes (R4); the addon gets at them through the handle and native/include/mofo-region.h.
//
//   superblock  MAIN_REGIONS   [ granule | birth stamp | pages | 0 ] x 32
//   block       page 0: header granule · length of the name, name        page 1 ... : the addon's bytes
//
// A region's block is a large one: whole slabs, so no page of it holds anybody else's bytes, and what the addon writes needs no chunk and no
// journal. The table changes in transactions, through the journal like all else. While it has an entry, the store is mapped at its recorded
// address in every process, or refused.

import { ShmStoreError } from './errors.ts';
import { LAYOUT_REGION, MAIN_REGIONS, PAGE_BYTES, REGION_COUNT_MAX, SLAB_BYTES } from './layout.ts';
import type { Memory } from './memory.ts';
import type { NativeStore } from './native-binding.ts';
import { readSection } from './read-section.ts';

const TABLE_GRANULE = MAIN_REGIONS / 16;
const NAME_MAX_BYTES = 128;
/** Smaller ones would lie in a slab together with other blocks. */
const SIZE_MIN_BYTES = SLAB_BYTES - PAGE_BYTES;

/** Most bytes of one region: a window less the first page. */
export const REGION_SIZE_MAX_BYTES: number = 2 ** 32 - PAGE_BYTES;

/** A region as the store lists it. */
export interface RegionEntry {
  readonly name: string;
  /** Bytes that its owner may use. */
  readonly sizeBytes: number;
  /** Granule of its block. */
  readonly block: number;
}

/** A region that this thread has found. */
export interface NativeRegion extends RegionEntry {
  /** What to pass to the addon; it tells JavaScript nothing. Refused by the addon's calls once the region is removed or the store closed. */
  readonly handle: object;
}

interface TableEntry extends RegionEntry {
  readonly index: number;
  readonly stamp: number;
}

/** All regions of a store. Inside a transaction or read section. Throws CORRUPT. */
export function listRegions(memory: Memory): RegionEntry[] {
  return readTable(memory).map(({ name, sizeBytes, block }) => ({ name, sizeBytes, block }));
}

/** The native regions of one open store. */
export class Regions {
  private readonly memory: Memory;
  private readonly native: NativeStore;

  constructor(memory: Memory, native: NativeStore) {
    this.memory = memory;
    this.native = native;
  }

  /**
   * Makes a region of at least `sizeBytes` zero bytes, in a transaction (its own, or the running one). From the commit on the store can be opened at
   * its recorded address only. The size is rounded up to a power of two of 16 KiB, less 4 KiB: see `sizeBytes` of what is returned.
   *
   * @param name of the owner's choice: 1 to 128 bytes of UTF-8
   * @throws ShmStoreError REGION_EXISTS, TOO_MANY_REGIONS (32), ADDRESS_TAKEN when this process has the store elsewhere, INVALID_ARGUMENT, STORE_FULL,
   *   SHM_FULL, OUT_OF_MEMORY: nothing was changed.
   */
  create(name: string, sizeBytes: number): NativeRegion {
    const nameBytes = new TextEncoder().encode(requireName(name));
    if (!(Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes <= REGION_SIZE_MAX_BYTES)) {
      throw new ShmStoreError(
        'INVALID_ARGUMENT',
        `A native region has 1 to ${REGION_SIZE_MAX_BYTES} bytes, not ${String(sizeBytes)}. Nothing was changed.`,
      );
    }
    this.requireAddress();
    const { memory } = this;
    const { door, heap } = memory;
    return memory.run(() => {
      const table = readTable(memory);
      if (table.some((entry) => entry.name === name)) {
        throw new ShmStoreError(
          'REGION_EXISTS',
          `The store has a native region "${name}" already. Nothing was changed. Open it, or remove it first.`,
        );
      }
      let index = 0;
      while (table.some((entry) => entry.index === index)) index++;
      if (index >= REGION_COUNT_MAX) {
        throw new ShmStoreError(
          'TOO_MANY_REGIONS',
          `The store has ${REGION_COUNT_MAX} native regions, which is the most. Nothing was changed. Remove one.`,
        );
      }
      const block = heap.allocate(LAYOUT_REGION, PAGE_BYTES - 16 + Math.max(sizeBytes, SIZE_MIN_BYTES));
      const pages = (heap.capacityBytes(block) + 16) / PAGE_BYTES - 1;
      const text = door.own(block, block + 1, (NAME_MAX_BYTES + 16) / 16);
      door.words[text] = nameBytes.length;
      door.bytes.set(nameBytes, (text + 1) * 4);
      const stamp = heap.stampOf(block);
      const entry = door.ownSystem(TABLE_GRANULE + index);
      const { words } = door;
      words[entry] = block;
      words[entry + 1] = stamp;
      words[entry + 2] = pages;
      words[entry + 3] = 0;
      return { name, sizeBytes: pages * PAGE_BYTES, block, handle: this.native.lendRegion(block >>> 0, stamp >>> 0) };
    });
  }

  /**
   * Finds a region.
   *
   * @throws ShmStoreError REGION_NOT_FOUND; ADDRESS_TAKEN when this process has the store elsewhere than at its recorded address, because it was opened
   *   before the first region was made.
   */
  open(name: string): NativeRegion {
    this.requireAddress();
    const { sizeBytes, block, stamp } = this.find(name);
    return { name, sizeBytes, block, handle: this.native.lendRegion(block >>> 0, stamp >>> 0) };
  }

  /** Removes a region and frees its memory, in a transaction; handles of it are refused from the commit on. Throws REGION_NOT_FOUND. */
  remove(name: string): void {
    const { memory } = this;
    memory.run(() => {
      const { index, block } = this.find(name);
      const entry = memory.door.ownSystem(TABLE_GRANULE + index);
      memory.door.words.fill(0, entry, entry + 4);
      memory.heap.free(block);
    });
  }

  /** All regions. */
  list(): RegionEntry[] {
    return readSection(this.memory.door, () => listRegions(this.memory));
  }

  private find(name: string): TableEntry {
    const table = readSection(this.memory.door, () => readTable(this.memory));
    const found = table.find((entry) => entry.name === name);
    if (found !== undefined) return found;
    const names = table.map((entry) => `"${entry.name}"`).join(', ');
    throw new ShmStoreError(
      'REGION_NOT_FOUND',
      `The store has no native region "${name}"; it has ${names === '' ? 'none' : names}. Nothing was changed. Create it.`,
    );
  }

  private requireAddress(): void {
    if (this.native.isAtRecordedAddress) return;
    throw new ShmStoreError(
      'ADDRESS_TAKEN',
      'This process has the store elsewhere than at its recorded address, so pointers into a native region would lead astray. Nothing was changed. ' +
        'Open the store in a fresh process, early, with exactAddress: true.',
    );
  }
}

function requireName(name: string): string {
  const length = typeof name === 'string' ? Buffer.byteLength(name) : 0;
  if (length > 0 && length <= NAME_MAX_BYTES && !/\p{Surrogate}/u.test(name)) return name;
  throw new ShmStoreError(
    'INVALID_ARGUMENT',
    `The name of a native region is a text of 1 to ${NAME_MAX_BYTES} bytes; ${JSON.stringify(name)} is not. Nothing was changed.`,
  );
}

function readTable(memory: Memory): TableEntry[] {
  const { door, heap } = memory;
  const entries: TableEntry[] = [];
  for (let index = 0; index < REGION_COUNT_MAX; index++) {
    const i = door.atSystem(TABLE_GRANULE + index);
    const block = door.words[i] as number;
    const stamp = door.words[i + 1] as number;
    const pages = (door.words[i + 2] as number) >>> 0;
    if (block === 0) continue;
    heap.check(block, LAYOUT_REGION);
    if (heap.stampOf(block) !== stamp || (pages + 1) * PAGE_BYTES > heap.capacityBytes(block) + 16) {
      throw new ShmStoreError(
        'CORRUPT',
        `The native region at granule ${block >>> 0} is not what its table says. Run a check of the store.`,
      );
    }
    entries.push({ index, name: readName(memory, block), sizeBytes: pages * PAGE_BYTES, block, stamp });
  }
  return entries;
}

function readName(memory: Memory, block: number): string {
  const i = memory.door.at(block + 1);
  const length = (memory.door.words[i] as number) >>> 0;
  const start = (i + 1) * 4;
  try {
    if (length === 0 || length > NAME_MAX_BYTES) throw new RangeError(`a name of ${length} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(memory.door.bytes.subarray(start, start + length));
  } catch (cause) {
    throw new ShmStoreError(
      'CORRUPT',
      `The native region at granule ${block >>> 0} has no readable name. Run a check of the store.`,
      { cause },
    );
  }
}
