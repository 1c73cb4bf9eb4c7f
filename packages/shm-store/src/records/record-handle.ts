// A record in the program's hands: a place in the store, and accessors that read and write it there.
//
// The handle remembers the block and its birth stamp; each access compares stamp and layout with the block's header first, so a deleted
// record is DANGLING_REF and never garbage, and an offset is never applied to another layout (R15). That the block starts there at all
// was proved when the handle was made. Outside a transaction each read is a section of its own (R14) and a write is READ_ONLY (R13).
//
// Accessors are closures over constant places; they live here because only this class sees its private fields, which keep all names free
// for the fields of the struct.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { FieldType } from '../types/field-type.ts';
import { atPath, invalidValue } from '../types/invalid-value.ts';
import { ensureExtension, findExtension } from './extension.ts';
import type { ExtensionLayout } from './record-shape.ts';

/** Where a record, or a struct inside one, lies. */
export interface RecordPlace {
  readonly memory: Memory;
  readonly block: number;
  readonly stamp: number;
  readonly layoutId: number;
  /** Payload word at which the struct begins; 0 for a record of its own. */
  readonly base: number;
}

/** An accessor of one field, to be put on a prototype. */
export interface FieldAccessor {
  readonly get: (this: RecordHandle) => unknown;
  readonly set: (this: RecordHandle, value: unknown) => void;
}

/** Base of all record classes. */
export class RecordHandle {
  readonly #memory: Memory;
  readonly #block: number;
  readonly #stamp: number;
  readonly #layoutId: number;
  readonly #base: number;

  constructor(memory: Memory, block: number, stamp: number, layoutId: number, base: number) {
    this.#memory = memory;
    this.#block = block;
    this.#stamp = stamp;
    this.#layoutId = layoutId;
    this.#base = base;
  }

  /** Where `value` lies if it is a record or struct in a store, otherwise `undefined`. */
  static placeOf(value: unknown): RecordPlace | undefined {
    if (typeof value !== 'object' || value === null || !(#memory in value)) return undefined;
    return {
      memory: value.#memory,
      block: value.#block,
      stamp: value.#stamp,
      layoutId: value.#layoutId,
      base: value.#base,
    };
  }

  /** Accessor of a double. */
  static double(path: string, word: number): FieldAccessor {
    return {
      get(this: RecordHandle): number {
        const { door } = this.#memory;
        for (;;) {
          const sequence = door.beginRead();
          try {
            const header = door.at(this.#block);
            if (door.words[header + 1] !== this.#stamp || door.words[header] !== this.#layoutId)
              throw gone(this.#block, path, door.words[header + 1] === this.#stamp);
            const w = this.#base + word;
            const i = door.at((this.#block + 1 + (w >> 2)) | 0) + (w & 3);
            const value = door.floats[i >> 1] as number;
            if (door.endRead(sequence)) return value;
          } catch (error) {
            if (door.endRead(sequence)) throw error;
          }
        }
      },
      set(this: RecordHandle, value: unknown): void {
        const { door } = this.#memory;
        if (!door.inTransaction) door.requireTransaction(`set ${path}`);
        if (typeof value !== 'number') throw atPath(path, invalidValue('a number', value));
        const header = door.at(this.#block);
        if (door.words[header + 1] !== this.#stamp || door.words[header] !== this.#layoutId)
          throw gone(this.#block, path, door.words[header + 1] === this.#stamp);
        const w = this.#base + word;
        const i = door.own(this.#block, (this.#block + 1 + (w >> 2)) | 0, 1) + (w & 3);
        door.floats[i >> 1] = value;
      },
    };
  }

  /** Accessor of a field of any type that lies in the record. */
  static field(path: string, type: FieldType<unknown, unknown>, word: number): FieldAccessor {
    return {
      get(this: RecordHandle): unknown {
        return this.#read(path, (block) => type.read(this.#memory, block, this.#base + word));
      },
      set(this: RecordHandle, value: unknown): void {
        this.#write(path, (block) => type.write(this.#memory, block, this.#base + word, value));
      },
    };
  }

  /** Accessor of a field that lies in an extension block. */
  static extensionField(
    path: string,
    type: FieldType<unknown, unknown>,
    extension: ExtensionLayout,
    word: number,
  ): FieldAccessor {
    return {
      get(this: RecordHandle): unknown {
        const memory = this.#memory;
        if (type.readAbsent === undefined) this.#ensure(path, extension);
        return this.#read(path, (record) => {
          const block = findExtension(memory, record, extension);
          return block === 0 ? type.readAbsent?.(memory) : type.read(memory, block, word);
        });
      },
      set(this: RecordHandle, value: unknown): void {
        this.#write(path, (record) =>
          type.write(this.#memory, ensureExtension(this.#memory, record, extension), word, value),
        );
      },
    };
  }

  /** Accessor of a field that records of this layout do not have: reads its default, refuses writes. */
  static absentField(path: string, type: FieldType<unknown, unknown>): FieldAccessor {
    return {
      get(this: RecordHandle): unknown {
        if (type.readAbsent === undefined) throw mismatch(path, 'is missing in this record, which has an older layout');
        return type.readAbsent(this.#memory);
      },
      set(): void {
        throw mismatch(path, 'is missing in this record, which has an older layout');
      },
    };
  }

  /** Accessor of a field under whose name this layout has something else. */
  static changedField(path: string): FieldAccessor {
    const refuse = (): never => {
      throw mismatch(path, 'has another type in this record, which has another layout');
    };
    return { get: refuse, set: refuse };
  }

  /** Runs `body` as a read section of this record, after checking that it lives. */
  static readSection<T>(record: RecordHandle, path: string, body: (block: number) => T): T {
    return record.#read(path, body);
  }

  #read<T>(path: string, body: (block: number) => T): T {
    const { door } = this.#memory;
    for (;;) {
      const sequence = door.beginRead();
      try {
        this.#prove(path);
        const value = body(this.#block);
        if (door.endRead(sequence)) return value;
      } catch (error) {
        if (door.endRead(sequence)) throw error;
      }
    }
  }

  #write(path: string, body: (block: number) => void): void {
    const { door } = this.#memory;
    if (!door.inTransaction) door.requireTransaction(`set ${path}`);
    this.#prove(path);
    try {
      body(this.#block);
    } catch (error) {
      if (error instanceof RangeError) door.failure ??= error;
      throw atPath(path, error);
    }
  }

  #ensure(path: string, extension: ExtensionLayout): void {
    const memory = this.#memory;
    if (this.#read(path, (record) => findExtension(memory, record, extension)) !== 0) return;
    memory.run(() => {
      this.#prove(path);
      ensureExtension(memory, this.#block, extension);
    });
  }

  #prove(path: string): void {
    const { door } = this.#memory;
    const header = door.at(this.#block);
    if (door.words[header + 1] !== this.#stamp || door.words[header] !== this.#layoutId)
      throw gone(this.#block, path, door.words[header + 1] === this.#stamp);
  }
}

/** The header is another one than when the handle was made. */
function gone(block: number, path: string, isSameRecord: boolean): ShmStoreError {
  if (isSameRecord) return mismatch(path, 'belongs to a record that a migration has given another layout');
  return new ShmStoreError(
    'DANGLING_REF',
    `${path}: the record at granule ${block >>> 0} was deleted. Nothing was changed. Look it up again where it came from.`,
    { data: { block: block >>> 0, path } },
  );
}

function mismatch(path: string, what: string): ShmStoreError {
  return new ShmStoreError(
    'TYPE_MISMATCH',
    `${path} ${what}. Nothing was changed. Look the record up again, or migrate it first.`,
    {
      data: { path },
    },
  );
}
