// What each attached thread's program knows of record types, so that a migration strands nobody (R17).
//
// A thread writes a pair of checksums, of a type's name and of its fields, into its own slot for every record type that it declares, before it uses one; the
// count is written last. Whoever migrates reads the slots of all other living threads. The words are a courtesy between programs of one user: a
// thread that comes between that look and the commit is refused by the floor instead, at its next use of the type (FLOOR_TOO_HIGH).

import { crc32 } from 'node:zlib';
import {
  CONTROL_SLOTS,
  layoutKey,
  SLOT_BYTES,
  SLOT_TYPE_COUNT,
  SLOT_TYPE_COUNT_MAX,
  SLOT_TYPES,
  type StructType,
} from '@mofo/shm-store';

/** The count of a program that declares more types than its slot has room for. */
const MORE_THAN_FIT = 0xffffffff;

/** The pairs of one store's slots. */
export class KnownTypes {
  private readonly controlWords: Uint32Array;
  private readonly slot: number;
  private readonly announced = new WeakSet<StructType>();

  constructor(control: ArrayBuffer, slot: number) {
    this.controlWords = new Uint32Array(control);
    this.slot = slot;
  }

  /** Says in this thread's slot that its program declares `struct`. */
  announce(struct: StructType): void {
    if (this.announced.has(struct)) return;
    this.announced.add(struct);
    const { controlWords } = this;
    const count = this.countOf(this.slot);
    const [name, fields] = checksums(struct);
    if (count === MORE_THAN_FIT || this.knows(this.slot, name, fields)) return;
    if (count === SLOT_TYPE_COUNT_MAX) {
      Atomics.store(controlWords, this.at(this.slot, SLOT_TYPE_COUNT), MORE_THAN_FIT);
      return;
    }
    const pair = this.at(this.slot, SLOT_TYPES) + count * 2;
    Atomics.store(controlWords, pair, name);
    Atomics.store(controlWords, pair + 1, fields);
    Atomics.store(controlWords, this.at(this.slot, SLOT_TYPE_COUNT), count + 1);
  }

  /** True if the thread of `slot` may use a type called like `struct` and has not declared it as `struct` does. */
  isStrandedBy(slot: number, struct: StructType): boolean {
    const count = this.countOf(slot);
    if (count === MORE_THAN_FIT) return true;
    const [name, fields] = checksums(struct);
    return this.knows(slot, name) && !this.knows(slot, name, fields);
  }

  private knows(slot: number, name: number, fields?: number): boolean {
    const count = Math.min(this.countOf(slot), SLOT_TYPE_COUNT_MAX);
    const first = this.at(slot, SLOT_TYPES);
    for (let pair = first; pair < first + count * 2; pair += 2) {
      if (Atomics.load(this.controlWords, pair) !== name) continue;
      if (fields === undefined || Atomics.load(this.controlWords, pair + 1) === fields) return true;
    }
    return false;
  }

  private countOf(slot: number): number {
    return Atomics.load(this.controlWords, this.at(slot, SLOT_TYPE_COUNT));
  }

  private at(slot: number, offset: number): number {
    return (CONTROL_SLOTS + slot * SLOT_BYTES + offset) / 4;
  }
}

function checksums(struct: StructType): [name: number, fields: number] {
  return [crc32(struct.name), crc32(layoutKey(struct.describe()))];
}
