// What a nested transaction overwrote that is not in the undo list: bytes of blocks made by an outer level, and images that an outer level
// had already put into the journal (R12). Kept in private memory, because a crash rolls back the outermost transaction anyway.

interface SavedChunk {
  readonly chunk: number;
  readonly words: Int32Array;
  readonly index: number;
  readonly old: Int32Array;
}

/** The old words of one level, each chunk saved once. */
export class SavepointLog {
  private readonly saved: SavedChunk[] = [];
  private readonly chunks = new Set<number>();

  /** Saves `count` words at `index`, unless this level has saved the chunk before. */
  save(chunk: number, words: Int32Array, index: number, count: number): void {
    if (this.chunks.has(chunk)) return;
    this.chunks.add(chunk);
    this.saved.push({ chunk, words, index, old: words.slice(index, index + count) });
  }

  /**
   * Takes over what an inner level saved, when that level ends well: what this level had not saved itself it had not changed either, so
   * the inner level's old words are also this level's.
   */
  adopt(inner: SavepointLog): void {
    for (const saved of inner.saved) {
      if (this.chunks.has(saved.chunk)) continue;
      this.chunks.add(saved.chunk);
      this.saved.push(saved);
    }
  }

  /** Puts all old words back. */
  restore(): void {
    for (const { words, index, old } of this.saved) words.set(old, index);
  }
}
