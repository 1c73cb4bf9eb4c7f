// A type that reads as the place of its value: given to a collection as its value type, it makes the collection's own iteration hand out where each
// value lies, in order and in batches, so that an exporter can stream a collection of any size.

import type { FieldType, Memory, TypeDescription, Visitor } from '@mofo/shm-store';

const WORDS_SPAN = 16384;

/** Block of a place. */
export function blockOfPlace(place: number): number {
  return Math.floor(place / WORDS_SPAN) | 0;
}

/** Payload word of a place. */
export function wordOfPlace(place: number): number {
  return place % WORDS_SPAN;
}

/** Stands in for `inner`: same size and description, but reading gives the place. It cannot write. */
export class PlaceType implements FieldType<number> {
  readonly kind: string;
  readonly words: number;
  readonly alignWords: 1 | 2 | 4;
  readonly hasDefault = false;
  private readonly description: TypeDescription;

  constructor(inner: FieldType<unknown, unknown>, description: TypeDescription) {
    this.kind = inner.kind;
    this.words = inner.words;
    this.alignWords = inner.alignWords;
    this.description = description;
  }

  read(_memory: Memory, block: number, word: number): number {
    return (block >>> 0) * WORDS_SPAN + word;
  }

  initialize(memory: Memory): void {
    memory.door.requireTransaction('write through a type that only reads');
  }

  write(memory: Memory): void {
    memory.door.requireTransaction('write through a type that only reads');
  }

  release(memory: Memory): void {
    memory.door.requireTransaction('write through a type that only reads');
  }

  visit(memory: Memory, block: number, word: number, visitor: Visitor): void {
    visitor.scalar(this.read(memory, block, word), this.description);
  }

  describe(): TypeDescription {
    return this.description;
  }
}
