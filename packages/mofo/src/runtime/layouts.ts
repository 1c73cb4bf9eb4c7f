// What a version may do to the form of the data before it is put in place (R15-R17).
//
//   fits, or only adds fields with defaults    nothing to do: older code goes on beside it
//   the data was migrated past it              FLOOR_TOO_HIGH: another version is taken; that is no verdict
//   it changes what older code reads           main alone may migrate, and only when nobody who may run next is stranded by it, or an operator says so:
//                                              a snapshot that is kept, then the module's `migrate` in one transaction that raises the floor
//
// Stranded are: what main runs of the module now, other modules that declare the type as it was, every other attached process (the clone, workers), and the version that a
// revert would go to. An operator's word (`mofo migrate`) gives up the first and the last; the processes have to be gone.

import type { Migrations, Store } from '@mofo/journal';
import { declaredStructs, type FieldType, layoutKey } from '@mofo/shm-store';
import type { Registry, Version } from '@mofo/versions';
import { MofoError } from '../errors.ts';
import type { RuntimeEvent } from './messages.ts';
import { labelOf } from './module-context.ts';
import type { ModuleTable } from './module-table.ts';
import { rootDeclaration } from './root-declaration.ts';
import type { RunGuard } from './run-guard.ts';
import type { RunningVersion } from './running-version.ts';

/** Who says that a migration may be run. */
export type MigrationWord = 'nobody' | 'operator';

/** What layouts are looked at with. */
export interface LayoutParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly table: ModuleTable;
  readonly guard: RunGuard;
  readonly emit: (event: RuntimeEvent) => void;
  /** Takes a snapshot that is kept until somebody deletes it, and gives its id. */
  readonly takeKept: (name: string) => Promise<string>;
  /** True in main. */
  readonly mayMigrate: () => boolean;
}

/** Somebody whom a migration would leave with data that he cannot read. */
export interface Stranded {
  readonly who: 'main' | 'module' | 'process' | 'revert-target';
  /** Version, as in `fees@a1f3d2`. */
  readonly version?: string;
  readonly pid?: number;
}

/** What a migration did. */
export interface Migrated {
  /** Records rewritten, by type and former version. */
  readonly records: Readonly<Record<string, number>>;
  /** The snapshot from before it. */
  readonly snapshot: string;
}

/** Lets versions at the data, or not. */
export class Layouts {
  private readonly parts: LayoutParts;
  private readonly migrations = new WeakMap<RunningVersion, Migrated>();

  constructor(parts: LayoutParts) {
    this.parts = parts;
  }

  /**
   * Resolves when the version may open its state; migrates if it must and may.
   *
   * @throws (rejects) MofoError DATA_TOO_NEW, MIGRATION_STRANDS, both no verdict on the version; JournalError MIGRATION_MISSING, MIGRATION_FAILED, MIGRATION_BLOCKED;
   *   what taking the snapshot threw. The data is as it was.
   */
  async prepare(running: RunningVersion, version: Version, word: MigrationWord): Promise<void> {
    const { store, guard, takeKept, mayMigrate } = this.parts;
    const declaration = rootDeclaration(running.definition);
    const { outdated, tooOld, strandedPids } = store.compareLayouts(declaration);
    if (tooOld.length > 0) throw tooNew(running, tooOld);
    if (outdated.length === 0) return;
    const stranded = this.strandedBy(running, version, word, strandedPids);
    if (!mayMigrate() || stranded.length > 0) throw strands(running, outdated, stranded);
    const snapshot = await takeKept(`before-${version.module}-${version.id}`);
    const migrations = running.definition.migrate as Migrations;
    const { migrated } = guard.run(labelOf({ guard }, running, 'migrate'), () =>
      store.migrate(migrations, declaration),
    );
    this.migrations.set(running, { records: migrated, snapshot });
    this.say(running, { records: migrated, snapshot });
  }

  /** What was migrated for a version when it was put in place. */
  migratedBy(running: RunningVersion): Migrated | undefined {
    return this.migrations.get(running);
  }

  /** Whether the data is in a form that a definition knows, or can be brought into it. */
  isKnownTo(running: RunningVersion): boolean {
    return this.parts.store.compareLayouts(rootDeclaration(running.definition)).tooOld.length === 0;
  }

  private strandedBy(
    running: RunningVersion,
    version: Version,
    word: MigrationWord,
    pids: readonly number[],
  ): Stranded[] {
    const { registry, table } = this.parts;
    const stranded: Stranded[] = pids.map((pid) => ({ who: 'process', pid }));
    for (const other of table.all()) {
      if (other.name.module !== version.module && declaresOtherwise(other, running))
        stranded.push({ who: 'module', version: other.title });
    }
    if (word === 'operator') return stranded;
    const current = table.get(version.module);
    if (current !== undefined && declaresOtherwise(current, running))
      stranded.push({ who: 'main', version: current.title });
    const target = registry.latestStable(version.module);
    const isOther = target !== undefined && target.hash !== version.hash;
    // One that is not loaded cannot be asked.
    if (isOther && (current?.name.hash !== target.hash || declaresOtherwise(current, running)))
      stranded.push({ who: 'revert-target', version: `${target.module}@${target.id}` });
    return stranded;
  }

  private say({ name }: RunningVersion, { records, snapshot }: Migrated): void {
    const what = Object.entries(records).map(([type, count]) => `${count} records of ${type}`);
    this.parts.emit({
      at: Date.now(),
      kind: 'update',
      module: name.module,
      version: name.id,
      message: `migrated ${what.join(', ') || 'its types'}; versions that do not know the new form are not loaded any more. Snapshot ${snapshot} is from before it`,
      data: { hash: name.hash, records, snapshot },
    });
  }
}

/** True if a version declares a struct of the same name as another one's, with other fields. */
function declaresOtherwise(one: RunningVersion, other: RunningVersion): boolean {
  const keys = new Map(structsOf(other).map((struct) => [struct.name, layoutKey(struct.describe())]));
  return structsOf(one).some((struct) => {
    const key = keys.get(struct.name);
    return key !== undefined && key !== layoutKey(struct.describe());
  });
}

function structsOf({ definition }: RunningVersion): ReturnType<typeof declaredStructs> {
  return declaredStructs(Object.values(definition.state) as unknown as FieldType<unknown, never>[]);
}

function tooNew({ title, name }: RunningVersion, types: readonly string[]): MofoError {
  return new MofoError(
    'DATA_TOO_NEW',
    `${title} knows ${types.join(', ')} only as it was before a migration, so it cannot be run on this data. What runs goes on. ` +
      `Run a newer version, or restore a snapshot from before the migration; see: npx mofo versions ${name.module}`,
    { data: { types } },
  );
}

function strands(running: RunningVersion, types: readonly string[], stranded: readonly Stranded[]): MofoError {
  const { title, name, definition } = running;
  const missing = types.filter((type) => !Object.hasOwn(definition.migrate, type));
  const advice =
    missing.length > 0
      ? `Say what becomes of old records: migrate: { '${missing[0]}': (old) => ({ … }) }, and save; or only add fields, with defaults.`
      : `To migrate, which no revert undoes: npx mofo migrate ${name.module}. Or only add fields, with defaults.`;
  const who = stranded.map(({ who: kind, version, pid }) => {
    if (kind === 'process') return `process ${pid}, which has loaded other code`;
    if (kind === 'revert-target') return `${version}, which a revert goes to`;
    return kind === 'main' ? `${version}, which runs now` : `${version}, which declares it too`;
  });
  return new MofoError(
    'MIGRATION_STRANDS',
    `${title} changes how ${types.join(', ')} is stored by more than added fields. ` +
      `${who.length === 0 ? 'Only main may migrate' : `That would strand ${who.join(' and ')}`}, so nothing was changed and what runs goes on.\n${advice}`,
    { data: { types, stranded, missing } },
  );
}

/** True of errors that say nothing about the version, only that it may not run on this data now. */
export function isAboutData(error: unknown): boolean {
  return error instanceof MofoError && (error.code === 'MIGRATION_STRANDS' || error.code === 'DATA_TOO_NEW');
}
