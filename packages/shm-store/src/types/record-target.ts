// Which struct a ref or an owned record has: as declared by the program, or as the catalog describes it.

import { ShmStoreError } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { StructType } from './struct-type.ts';

/** Finds structs for types that name one. */
export interface RecordTarget {
  readonly name: () => string;
  /** The struct that the program declared, if it did. */
  readonly declared?: () => StructType;
  /** The struct with which to look at a block of this layout. */
  structOf(memory: Memory, layoutId: number): StructType;
  /** The struct with which to make new records. */
  structForNew(memory: Memory): StructType;
}

/** The struct that a program declared. */
export function declaredTarget(target: () => StructType): RecordTarget {
  return { name: () => target().name, declared: target, structOf: target, structForNew: target };
}

/** Whatever struct of this name the catalog describes, with all fields of the layout at hand. */
export function catalogTarget(name: string): RecordTarget {
  return {
    name: () => name,
    structOf(memory, layoutId) {
      const entry = memory.catalog.entry(layoutId);
      if (entry.name !== name)
        throw new ShmStoreError(
          'WRONG_TYPE',
          `Found a ${entry.name} where a ${name} was expected. Nothing was changed.`,
        );
      return memory.catalog.storedStruct(layoutId);
    },
    structForNew(memory) {
      const newest = memory.catalog.newest(name);
      if (newest === undefined)
        throw new ShmStoreError(
          'TYPE_UNKNOWN',
          `The catalog has no type ${name}. Nothing was changed. Declare it first.`,
        );
      return memory.catalog.storedStruct(newest.layoutId);
    },
  };
}
