// The list of catalog entries as one thread has read it.
//
// Entries never change once committed, so what was read is right without looking again, except for entries added by a transaction that may
// still roll back: while `tentative` is set, callers refresh first, which compares the list's head and its birth stamp. (Head alone would not
// do: after a rollback another entry may be made at the same place. Stamps are never given twice.)

import type { Door } from '../door.ts';
import { ShmStoreError } from '../errors.ts';
import type { Heap } from '../heap/heap.ts';
import { LAYOUT_USER_FIRST, MAIN_CATALOG_HEAD } from '../layout.ts';
import { readSection } from '../read-section.ts';
import {
  type CatalogEntry,
  type LayoutDescription,
  readCatalogEntry,
  readEntryLinks,
  writeCatalogEntry,
} from './catalog-entry.ts';
import { corruptValue } from './corrupt.ts';

/** Most entries of one catalog; each is parsed once by every thread that opens the store. */
export const CATALOG_ENTRY_COUNT_MAX: number = 10_000;

const SUPERBLOCK_GRANULE = MAIN_CATALOG_HEAD / 16;
const HEAD_WORD = 0;
const NEXT_LAYOUT_ID_WORD = 2;
const FLOOR_WORD = 3;

/** Reads and extends the list of entries. */
export class CatalogList {
  /** All entries as last read, newest first. */
  newestFirst: readonly CatalogEntry[] = [];
  /** True while what was read may still be rolled back. */
  tentative = false;
  /** Grows whenever other entries are read than before. */
  generation = 0;
  private byId = new Map<number, CatalogEntry>();
  private readonly memory: { readonly door: Door; readonly heap: Heap };

  constructor(memory: { readonly door: Door; readonly heap: Heap }) {
    this.memory = memory;
  }

  /** The entry of a layout id, as last read. */
  get(layoutId: number): CatalogEntry | undefined {
    return this.byId.get(layoutId);
  }

  /** The newest record layout of a type name, as last read. */
  newest(name: string): CatalogEntry | undefined {
    return this.newestFirst.find((entry) => entry.kind === 'struct' && entry.name === name);
  }

  /** Extensions of a record layout, oldest first. */
  extensionsOf(base: CatalogEntry): CatalogEntry[] {
    return this.newestFirst
      .filter((entry) => entry.kind === 'extension' && entry.base === base.layoutId && entry.name === base.name)
      .reverse();
  }

  /** Layout floor of the store. */
  get floor(): number {
    return this.superblock(FLOOR_WORD) >>> 0;
  }

  set floor(layoutId: number) {
    const { door } = this.memory;
    const i = door.ownSystem(SUPERBLOCK_GRANULE);
    door.words[i + FLOOR_WORD] = layoutId;
  }

  /** Looks whether the list has changed, and reads what is new. Throws CORRUPT. */
  refresh(): void {
    const { door, heap } = this.memory;
    readSection(door, () => {
      const head = this.superblock(HEAD_WORD);
      const first = this.newestFirst[0];
      const same = first === undefined ? head === 0 : head === first.block && heap.isLive(head, first.stamp);
      if (!same) this.load(head);
      else if (!door.inTransaction) this.tentative = false;
    });
  }

  /** Adds an entry in the running transaction and returns its layout id. The list must be fresh. */
  append(layout: LayoutDescription): number {
    const { door } = this.memory;
    const layoutId = this.superblock(NEXT_LAYOUT_ID_WORD);
    if (layoutId < LAYOUT_USER_FIRST || this.byId.size >= CATALOG_ENTRY_COUNT_MAX) {
      throw new ShmStoreError(
        'INVALID_TYPE',
        `The catalog takes no more than ${CATALOG_ENTRY_COUNT_MAX} layouts. Nothing was changed. Use fewer types.`,
      );
    }
    const previous = this.newestFirst.find((entry) => entry.name === layout.name)?.layoutId ?? 0;
    const block = writeCatalogEntry(this.memory, { next: this.superblock(HEAD_WORD), layoutId, previous }, layout);
    const i = door.ownSystem(SUPERBLOCK_GRANULE);
    door.words[i + HEAD_WORD] = block;
    door.words[i + NEXT_LAYOUT_ID_WORD] = layoutId + 1;
    this.refresh();
    return layoutId;
  }

  /** Ids fall along the list, so a circle in damaged bytes ends. */
  private load(head: number): void {
    const byId = new Map<number, CatalogEntry>();
    let newerId = this.superblock(NEXT_LAYOUT_ID_WORD);
    for (let block = head; block !== 0; ) {
      const links = readEntryLinks(this.memory, block);
      if (links.layoutId >= newerId || byId.size === CATALOG_ENTRY_COUNT_MAX) {
        throw corruptValue(block, 1, `layout id ${links.layoutId} in a catalog in which ids fall`);
      }
      const cached = this.byId.get(links.layoutId);
      const isCached = cached !== undefined && cached.block === block && cached.stamp === links.stamp;
      byId.set(links.layoutId, isCached ? cached : readCatalogEntry(this.memory, block));
      newerId = links.layoutId;
      block = links.next;
    }
    this.byId = byId;
    this.newestFirst = [...byId.values()];
    this.generation++;
    this.tentative = this.memory.door.inTransaction;
  }

  private superblock(word: number): number {
    const i = this.memory.door.atSystem(SUPERBLOCK_GRANULE);
    return this.memory.door.words[i + word] as number;
  }
}
