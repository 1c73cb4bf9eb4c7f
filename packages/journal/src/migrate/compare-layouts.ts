// How a declaration stands to what is stored: fits it or only adds to it, is ahead of it (a migration is needed), or behind it (the store was migrated past it).

import { type Memory, ShmStoreError, type StructType } from '@mofo/shm-store';

/** What a program that declares certain types would meet in the store. */
export interface LayoutComparison {
  /** Types whose records are stored otherwise and would have to be migrated, with the version that they have, as in `'Account:1'`. */
  readonly outdated: readonly string[];
  /** Types that the store was migrated past: the program would be refused with FLOOR_TOO_HIGH. */
  readonly tooOld: readonly string[];
  /** Attached processes that know one of the outdated types only otherwise: a migration would be refused with MIGRATION_BLOCKED. */
  readonly strandedPids: readonly number[];
}

/** Compares structs with the catalog. Call in a read section. */
export function compareLayouts(
  memory: Memory,
  structs: readonly StructType[],
): { readonly outdated: string[]; readonly tooOld: string[]; readonly outdatedStructs: StructType[] } {
  const outdated: string[] = [];
  const tooOld: string[] = [];
  const outdatedStructs: StructType[] = [];
  for (const struct of structs) {
    if (!isKnown(memory, struct)) {
      tooOld.push(struct.name);
      continue;
    }
    const newest = memory.catalog.outdated(struct);
    if (newest === undefined) continue;
    outdated.push(`${newest.name}:${newest.version}`);
    outdatedStructs.push(struct);
  }
  return { outdated, tooOld, outdatedStructs };
}

function isKnown(memory: Memory, struct: StructType): boolean {
  try {
    memory.catalog.requireKnown(struct);
    return true;
  } catch (error) {
    if (error instanceof ShmStoreError && error.code === 'FLOOR_TOO_HIGH') return false;
    throw error;
  }
}
