// Which chunks have an image in the running transaction's journal: chunk granule -> word index of the image. An open-addressing hash table
// in private memory; `clear` is O(1), because each entry carries the generation in which it was put.

const ENTRY_WORDS = 4; // chunk, image, generation, unused (a power of two keeps entries inside cache lines)
const SLOTS_FIRST = 1024;

/** Maps chunks to journal images for one transaction at a time. */
export class ImageIndex {
  /** Chunks put since the last `clear`. */
  size = 0;
  private table = new Int32Array(SLOTS_FIRST * ENTRY_WORDS);
  private mask = SLOTS_FIRST - 1;
  private generation = 1;

  /** Forgets everything. */
  clear(): void {
    this.size = 0;
    this.generation = (this.generation + 1) | 0;
    if (this.generation === 0) {
      this.table.fill(0);
      this.generation = 1;
    }
  }

  /** Word index of the chunk's image in the journal, or 0. */
  get(chunk: number): number {
    const { table, mask, generation } = this;
    for (let slot = hash(chunk) & mask; ; slot = (slot + 1) & mask) {
      const i = slot * ENTRY_WORDS;
      if (table[i + 2] !== generation) return 0;
      if (table[i] === chunk) return table[i + 1] as number;
    }
  }

  /** Adds a chunk that has no image yet. */
  put(chunk: number, image: number): void {
    if (this.size * 2 > this.mask) this.grow();
    this.insert(chunk, image);
    this.size++;
  }

  private insert(chunk: number, image: number): void {
    const { table, mask, generation } = this;
    let slot = hash(chunk) & mask;
    while (table[slot * ENTRY_WORDS + 2] === generation) slot = (slot + 1) & mask;
    const i = slot * ENTRY_WORDS;
    table[i] = chunk;
    table[i + 1] = image;
    table[i + 2] = generation;
  }

  private grow(): void {
    const old = this.table;
    const slots = (this.mask + 1) * 2;
    this.table = new Int32Array(slots * ENTRY_WORDS);
    this.mask = slots - 1;
    for (let i = 0; i < old.length; i += ENTRY_WORDS) {
      if (old[i + 2] === this.generation) this.insert(old[i] as number, old[i + 1] as number);
    }
  }
}

function hash(chunk: number): number {
  const mixed = Math.imul(chunk, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
