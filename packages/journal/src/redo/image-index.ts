// Which chunks have an image in the running transaction's journal: chunk granule -> word index of the image. An open-addressing hash table
// in private memory, two words an entry, so that the images of a batch of a thousand operations stay in the first-level cache. `clear` costs what
// was put: the slots in use are listed.

const SLOTS_FIRST = 1024;
/** A table this many times as large as the last transaction needed is given back. */
const SLOTS_PER_IMAGE_MAX = 64;

/** Maps chunks to journal images for one transaction at a time. */
export class ImageIndex {
  /** Chunks put since the last `clear`. */
  size = 0;
  // Slot s: chunk at 2 s, image at 2 s + 1; an image of 0 means that the slot is free.
  private table: Int32Array = new Int32Array(SLOTS_FIRST * 2);
  private used: Int32Array = new Int32Array(SLOTS_FIRST >> 1);
  private mask = SLOTS_FIRST - 1;
  private shift = 32 - Math.log2(SLOTS_FIRST);

  /** Forgets everything. */
  clear(): void {
    const { size, table, used, mask } = this;
    if (size === 0) return;
    if (mask >= SLOTS_FIRST && size * SLOTS_PER_IMAGE_MAX < mask) {
      this.become(new Int32Array(SLOTS_FIRST * 2), new Int32Array(SLOTS_FIRST >> 1), 0);
      return;
    }
    for (let k = 0; k < size; k++) table[(used[k] as number) * 2 + 1] = 0;
    // Last, so that a call that is cut short by the end of the stack is simply repeated by the next one.
    this.size = 0;
  }

  /** Word index of the chunk's image in the journal, or 0. */
  get(chunk: number): number {
    const { table, mask } = this;
    for (let slot = Math.imul(chunk, 0x9e3779b1) >>> this.shift; ; slot = (slot + 1) & mask) {
      const image = table[slot * 2 + 1] as number;
      if (image === 0 || table[slot * 2] === chunk) return image;
    }
  }

  /** Adds a chunk that has no image yet. `image` is not 0. */
  put(chunk: number, image: number): void {
    if (this.size * 2 >= this.mask) this.grow();
    const { table, mask } = this;
    let slot = Math.imul(chunk, 0x9e3779b1) >>> this.shift;
    while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    table[slot * 2] = chunk;
    table[slot * 2 + 1] = image;
    this.used[this.size++] = slot;
  }

  private grow(): void {
    const { table: old, used: oldUsed, size } = this;
    const slots = (this.mask + 1) * 2;
    const table = new Int32Array(slots * 2);
    const used = new Int32Array(slots >> 1);
    const shift = this.shift - 1;
    for (let k = 0; k < size; k++) {
      const i = (oldUsed[k] as number) * 2;
      let slot = Math.imul(old[i] as number, 0x9e3779b1) >>> shift;
      while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot * 2] = old[i] as number;
      table[slot * 2 + 1] = old[i + 1] as number;
      used[k] = slot;
    }
    this.become(table, used, size);
  }

  /** The only place where a table is replaced: once called, nothing in it can fail. */
  private become(table: Int32Array, used: Int32Array, size: number): void {
    this.table = table;
    this.used = used;
    this.mask = (table.length >> 1) - 1;
    this.shift = Math.clz32(this.mask);
    this.size = size;
  }
}
