// What the field types of tree, list, queue and counter share: one word, an owning link to a header block, made empty with its owner.
//
// A collection is never assigned: it is made with whatever owns it, and from then on changed through its handle. Writing `undefined` to it
// replaces it by an empty one.

import {
  type FieldType,
  type Memory,
  readWord,
  ShmStoreError,
  type TypeDescription,
  type Visitor,
  writeWord,
} from '@mofo/shm-store';
import { enterRelease, leaveRelease } from './release-depth.ts';

/** The field type of a collection whose handle is a `Handle`. */
export abstract class CollectionType<Handle> implements FieldType<Handle, undefined> {
  abstract readonly kind: string;
  readonly words = 1;
  readonly alignWords = 1;
  readonly hasDefault = true;
  /** Reading gives a live handle, which may be kept. */
  readonly isHandle = true;

  read(memory: Memory, block: number, word: number): Handle {
    let header = readWord(memory.door, block, word);
    if (header === 0) {
      memory.door.requireTransaction(`read a ${this.kind} that has not been made yet`);
      header = this.makeHeader(memory);
      writeWord(memory.door, block, word, header);
    }
    return this.open(memory, header);
  }

  initialize(memory: Memory, block: number, word: number, value: undefined): void {
    this.refuseValue(value);
    writeWord(memory.door, block, word, this.makeHeader(memory));
  }

  write(memory: Memory, block: number, word: number, value: undefined): void {
    this.refuseValue(value);
    this.release(memory, block, word);
    writeWord(memory.door, block, word, this.makeHeader(memory));
  }

  release(memory: Memory, block: number, word: number): void {
    const header = readWord(memory.door, block, word);
    if (header === 0) return;
    enterRelease();
    try {
      this.releaseHeader(memory, header);
    } finally {
      leaveRelease();
    }
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    try {
      const header = readWord(memory.door, block, word);
      if (header !== 0) visitor.owned(header, this.describe());
    } catch (error) {
      visitor.problem(error);
    }
  }

  parts(): readonly FieldType<unknown, never>[] {
    // A counter has none.
    const { valueType } = this as { readonly valueType?: FieldType<unknown, never> };
    return valueType === undefined ? [] : [valueType];
  }

  abstract describe(): TypeDescription;
  /** The handle of the collection with this header. Throws CORRUPT, WRONG_TYPE. */
  abstract open(memory: Memory, header: number): Handle;
  /** Makes an empty collection and returns its header block. In a transaction. */
  abstract makeHeader(memory: Memory): number;
  /** Frees the collection with all it owns. In a transaction. */
  abstract releaseHeader(memory: Memory, header: number): void;
  /**
   * Walks the whole structure below the header: every block of its own (`owned`, with a type whose kind is `<kind>.<part>`), every value
   * (through its type's `visit`, inside `enter(key or index)`), every broken invariant (`problem`). Bounded, never throws on bad bytes.
   */
  abstract visitBlocks(memory: Memory, header: number, visitor: Visitor): void;

  private refuseValue(value: unknown): void {
    if (value === undefined) return;
    throw new ShmStoreError(
      'INVALID_VALUE',
      `A ${this.kind} is not assigned: it is made empty. Nothing was written there. Change it through its handle.`,
      {
        data: { path: '', problem: `a ${this.kind} is not assigned` },
      },
    );
  }
}
