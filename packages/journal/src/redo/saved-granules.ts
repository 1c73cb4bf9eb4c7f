// Granules that the running level has saved in the undo list already. The undo list restores from its end to its start, so the first old
// value of a granule in a level is what counts, and one entry is enough however often the level overwrites it (R11).
//
// A small table without collisions chains: a granule that another one has displaced is saved once more, which costs an entry and breaks nothing.
// An entry counts only for the level that made it: `next` makes all of them void, whenever a level begins or ends, because a rollback
// takes entries off the list and puts old values back.

const SLOTS = 256;

/** Remembers which granules need no further undo entry. */
export class SavedGranules {
  private readonly table = new Int32Array(SLOTS * 2);
  private level = 1;

  /** Forgets everything: a level begins or ends. O(1). */
  next(): void {
    this.level = (this.level + 1) | 0;
    if (this.level !== 0) return;
    this.table.fill(0);
    this.level = 1;
  }

  /** True if the granule has been saved since the last `next`. */
  has(granule: number): boolean {
    const slot = slotOf(granule);
    return this.table[slot] === granule && this.table[slot + 1] === this.level;
  }

  /** Notes that the granule is saved. */
  add(granule: number): void {
    const slot = slotOf(granule);
    this.table[slot] = granule;
    this.table[slot + 1] = this.level;
  }
}

function slotOf(granule: number): number {
  return (Math.imul(granule, 0x9e3779b1) >>> 24) << 1;
}
