// Migrations: every record of a type from an old layout to the declared one, in one transaction (R17).
//
//   declared struct does not fit the newest layout of its name
//     └─▶ in one transaction: new layout into the catalog · each record rewritten in its place · floor raised · is anybody attached who would be
//         stranded? then everything is rolled back
//
// A killed process leaves all records old or all new. Records keep their blocks, so refs and links to them stay good.

import {
  type CatalogEntry,
  type Memory,
  type PlainFields,
  rewriteRecord,
  ShmStoreError,
  type StructType,
} from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import { findRecords } from './find-records.ts';

/**
 * What becomes of one old record: gets a frozen plain copy and returns the fields of the new one. A field that it leaves out or returns as it got it keeps
 * what it holds, collections and owned records included, if its type is the same; else it gets its default. Fields that are no longer declared may be
 * returned and are ignored. Refs are records, dangling ones `undefined`. Called once a record and transaction; must not have effects.
 */
// The shape of an old record is known to the program that wrote it, not to this one's types.
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type Migration = (old: any) => PlainFields;

/** Migrations by type and old version: `{ 'Account:1': (old) => ({ ...old, openedAt: 0 }) }`. Each leads to what is declared now. */
export type Migrations = Readonly<Record<`${string}:${number}`, Migration>>;

/** What {@link migrateRecords} did. */
export interface MigrationReport {
  /** Migrations that were run, as in `'Account:1'`, with the records each has rewritten. */
  readonly migrated: Readonly<Record<string, number>>;
}

interface Step {
  readonly struct: StructType;
  readonly layouts: readonly CatalogEntry[];
}

const KEY = /^([A-Za-z_$][\w$]*):([1-9]\d*)$/;

/** Types among `structs` whose records have to be migrated, as in `'Account:1'`. Call in a read section. */
export function outdatedTypes(memory: Memory, structs: readonly StructType[]): string[] {
  return structs.flatMap((struct) => {
    const newest = memory.catalog.outdated(struct);
    return newest === undefined ? [] : [keyOf(newest)];
  });
}

/**
 * Rewrites the records of all `structs` that are stored differently. In a transaction, which fails as a whole.
 *
 * @param strandedPids processes that know a type only otherwise; asked last, when nothing but the commit is left to do
 * @throws JournalError MIGRATION_MISSING, MIGRATION_FAILED, MIGRATION_BLOCKED, MIGRATION_INVALID
 */
export function migrateRecords(
  memory: Memory,
  structs: readonly StructType[],
  migrations: Migrations,
  strandedPids: (struct: StructType) => readonly number[],
): MigrationReport {
  requireKeys(migrations);
  const { catalog } = memory;
  const steps = structs
    .filter((struct) => catalog.outdated(struct) !== undefined)
    .map((struct): Step => ({ struct, layouts: catalog.layoutsOf(struct.name) }));
  const stepOf = new Map(steps.flatMap((step) => step.layouts.map(({ layoutId }) => [layoutId, step] as const)));
  const blocks = steps.length === 0 ? [] : findRecords(memory, new Set(stepOf.keys()));
  const room = new Map<Step, number>();
  for (const block of blocks) {
    const step = stepOf.get(memory.heap.layoutOf(block)) as Step;
    room.set(step, Math.min(room.get(step) ?? Number.POSITIVE_INFINITY, memory.heap.capacityBytes(block) / 4));
  }
  const targets = new Map(steps.map((step) => [step, catalog.declareBreaking(step.struct, room.get(step))] as const));

  const migrated: Record<string, number> = {};
  for (const { layouts } of steps) if (migrations[keyOf(layouts[0])] !== undefined) migrated[keyOf(layouts[0])] = 0;
  // What is owned before its owner: an owner that gives it up frees it in its new form.
  for (const block of blocks.reverse()) {
    const old = catalog.entry(memory.heap.layoutOf(block));
    const step = stepOf.get(old.layoutId) as Step;
    const key = keyOf(old);
    rewrite(memory, block, step.struct, targets.get(step) as number, key, migrationOf(migrations, key, step.struct));
    migrated[key] = (migrated[key] ?? 0) + 1;
  }

  for (const { struct } of steps) {
    const pids = strandedPids(struct);
    if (pids.length === 0) continue;
    throw new JournalError(
      'MIGRATION_BLOCKED',
      `${struct.name} cannot be migrated while programs are attached that know it only as it was: pid ${pids.join(', ')}. Everything was rolled back. ` +
        'End them, or let them declare the new form as well, and migrate again.',
    );
  }
  for (const layoutId of targets.values()) catalog.raiseFloor(layoutId);
  return { migrated };
}

function rewrite(
  memory: Memory,
  block: number,
  struct: StructType,
  layoutId: number,
  key: string,
  migration: Migration,
): void {
  try {
    rewriteRecord(memory, block, struct, layoutId, migration);
  } catch (cause) {
    // What a full store or journal and the end of the stack say is not about this record.
    const isAboutRecord = !(cause instanceof RangeError) && memory.door.failure === undefined;
    if (!isAboutRecord || (cause instanceof ShmStoreError && cause.code === 'CORRUPT')) throw cause;
    throw new JournalError(
      'MIGRATION_FAILED',
      `The migration '${key}' failed at the record at granule ${block >>> 0}: ${(cause as Error)?.message ?? cause}. Everything was rolled back. Correct the migration.`,
      { cause },
    );
  }
}

function migrationOf(migrations: Migrations, key: string, struct: StructType): Migration {
  const migration = Object.hasOwn(migrations, key) ? migrations[key as `${string}:${number}`] : undefined;
  if (migration !== undefined) return migration;
  throw new JournalError(
    'MIGRATION_MISSING',
    `Records of ${struct.name} are stored as '${key}', which is not what is declared, and no migration says what becomes of them. ` +
      `Everything was rolled back. Give one: migrate: { '${key}': (old) => ({ … }) }.`,
  );
}

function requireKeys(migrations: Migrations): void {
  for (const [key, migration] of Object.entries(migrations)) {
    if (KEY.test(key) && typeof migration === 'function') continue;
    throw new JournalError(
      'MIGRATION_INVALID',
      `A migration is a function under a type and a version, as in { 'Account:1': (old) => ({ … }) }, not ${JSON.stringify(key)}. Nothing was changed.`,
    );
  }
}

function keyOf(entry: CatalogEntry | undefined): `${string}:${number}` {
  return `${entry?.name ?? ''}:${entry?.version ?? 0}`;
}
