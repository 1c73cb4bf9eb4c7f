// Entries that an iteration has read ahead: a batch is filled run by run (see cursor.ts), checked and decoded a bucket at a time, and handed out one by one.
//
// Encoded keys are kept beside the decoded ones: an iteration that has to seek goes on from there, whatever the program has done with the key it was given.
// Keys of at most eight bytes take two words each; others stand one behind the other.

import { cursor } from './cursor.ts';
import { KEY_BYTES_MAX, KeyBuffer } from './key-buffer.ts';
import type { TreeCore } from './tree-core.ts';

/** Most entries of one batch: longer batches cost less per entry but are read again when a commit comes in between. */
export const BATCH_ENTRIES_MAX = 64;

/** What is wanted of each entry. */
export type EntryParts = 'entries' | 'keys' | 'values' | 'none';

const KEY_WORDS_MAX = KEY_BYTES_MAX / 4;
const WINDOW_MASK = 0x0fffffff;

// Two, so that each key is compared with the one before without copying.
let key = new KeyBuffer();
let keyBefore = new KeyBuffer();

/** One batch. */
export class EntryBatch {
  count = 0;
  // The first `count` of each. The arrays stay as long as they have become: setting a length is a slow call.
  readonly keys: unknown[] = [];
  readonly values: unknown[] = [];
  private words = new Int32Array(BATCH_ENTRIES_MAX * 2);
  private readonly starts = new Int32Array(BATCH_ENTRIES_MAX + 1);
  private readonly lengths = new Int32Array(BATCH_ENTRIES_MAX);

  /** Adds the first `count` entries of the cursor's run. Throws CORRUPT if their keys do not grow in the walk's direction. */
  addRun(core: TreeCore, count: number, reverse: boolean, parts: EntryParts): void {
    const isWhole =
      core.keyWords === 0 ? this.addLongKeys(core, count, reverse, parts) : this.addShortKeys(core, count, parts);
    if (!isWhole) throw core.corrupt('its keys are out of order');
    if (parts === 'entries' || parts === 'values') this.addValues(core, count);
    this.count += count;
  }

  /** Copies an entry's encoded key. */
  loadKey(core: TreeCore, index: number, target: KeyBuffer): void {
    const isShort = core.keyWords !== 0;
    const start = isShort ? index * 2 : (this.starts[index] as number);
    const length = isShort ? core.fixedBytes : (this.lengths[index] as number);
    target.take(this.words, start, length);
  }

  /** Holds the program's objects no longer. */
  empty(): void {
    this.count = 0;
    this.keys.length = 0;
    this.values.length = 0;
  }

  private addShortKeys(core: TreeCore, count: number, parts: EntryParts): boolean {
    const { words, keys } = this;
    const first = this.count;
    if (!cursor.copyRunWords(count, words, first * 2)) return false;
    if (parts === 'values' || parts === 'none') return true;
    const { codec } = core;
    if (codec.decodeAll !== undefined) {
      codec.decodeAll(words, first * 2, count, keys, first);
      return true;
    }
    for (let n = first; n < first + count; n++) {
      this.loadKey(core, n, key);
      keys[n] = codec.decode(key);
    }
    return true;
  }

  private addLongKeys(core: TreeCore, count: number, reverse: boolean, parts: EntryParts): boolean {
    const { keys, starts, lengths } = this;
    const { codec } = core;
    const isDecoded = parts === 'keys' || parts === 'entries';
    const first = this.count;
    for (let n = 0; n < count; n++) {
      cursor.loadRunKey(n, key);
      if (n > 0) {
        const order = key.compare(keyBefore);
        if (reverse ? order >= 0 : order <= 0) return false;
      }
      const at = first + n;
      const start = at === 0 ? 0 : (starts[at] as number);
      const end = start + ((key.length + 3) >> 2);
      if (end > this.words.length) this.grow(end);
      const { words } = this;
      for (let w = start, k = 0; w < end; w++, k++) words[w] = key.words[k] as number;
      starts[at + 1] = end;
      lengths[at] = key.length;
      if (isDecoded) keys[at] = codec.decode(key);
      const swapped = keyBefore;
      keyBefore = key;
      key = swapped;
    }
    return true;
  }

  private addValues(core: TreeCore, count: number): void {
    const { values } = this;
    const { bucket } = cursor;
    const first = this.count;
    const { door } = core;
    if (core.isDoubleInSlot && !door.hasImages) {
      const floats = door.windowFloats[bucket >>> 28] as Float64Array;
      const base = ((bucket & WINDOW_MASK) << 1) + 2 + (core.slotsAt >> 1);
      for (let n = 0; n < count; n++) values[first + n] = floats[base + cursor.runSlot(n) * 2];
      return;
    }
    for (let n = 0; n < count; n++) values[first + n] = core.readSlot(bucket, cursor.runSlot(n));
  }

  private grow(words: number): void {
    const grown = new Int32Array(Math.min(words * 2, BATCH_ENTRIES_MAX * KEY_WORDS_MAX));
    grown.set(this.words);
    this.words = grown;
  }
}
