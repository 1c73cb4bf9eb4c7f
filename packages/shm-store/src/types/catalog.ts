// The catalog: which types a store holds, and how each lies in memory. It stands in the store itself, as a list of entries from the
// superblock (catalog-entry.ts), so that an image describes itself and programs of different ages agree.
//
// A type has a *base* layout, whose id every record of it carries, and extensions: fields that later programs added (R16). So records made by
// new code are read by old code, and the other way round. A struct that neither fits a layout nor extends one is refused; changing what
// is stored is a migration to a new base (R17).

import type { Door } from '../door.ts';
import { ShmStoreError } from '../errors.ts';
import type { Heap } from '../heap/heap.ts';
import { LAYOUT_USER_FIRST } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { EXTENSION_COUNT_MAX, EXTENSION_FIRST_WORD } from '../records/extension.ts';
import type { RecordShape } from '../records/record-shape.ts';
import type { CatalogEntry, StoredField } from './catalog-entry.ts';
import { CatalogList } from './catalog-list.ts';
import { compileShape, requireRoom, type TypedField } from './compile-shape.ts';
import { layoutKey } from './description.ts';
import type { FieldType } from './field-type.ts';
import { type LayoutMatch, matchLayout } from './match-layout.ts';
import { packFields, RECORD_WORDS_MAX } from './pack-fields.ts';
import { splitFields } from './split-fields.ts';
import { struct as declareStruct } from './struct.ts';
import type { StructType } from './struct-type.ts';
import { standardKinds, type TypeKinds, typeFromDescription } from './type-kinds.ts';

export { CATALOG_ENTRY_COUNT_MAX } from './catalog-list.ts';
export type { TypedField } from './compile-shape.ts';

/** What a catalog works on. */
export interface CatalogOptions {
  readonly door: Door;
  readonly heap: Heap;
  /** Runs a transaction, or joins the open one. */
  readonly run: <T>(body: () => T) => T;
  /** Kinds of types that may be found in the store; default: those of this package. */
  readonly kinds?: TypeKinds;
  /** Told of each struct before the first use of one of its layouts; may be told again. */
  readonly onUse?: (struct: StructType) => void;
}

/** The catalog of one store as one thread sees it. */
export class Catalog {
  /** Kinds of types and blocks that may be found in the store. */
  readonly kinds: TypeKinds;
  private readonly list: CatalogList;
  private readonly run: <T>(body: () => T) => T;
  private readonly onUse: ((struct: StructType) => void) | undefined;
  /** Types that the program declared, by description: for kinds that are not in the table. */
  private readonly declared = new Map<string, FieldType<unknown, unknown>>();
  // What was made from the entries of one generation of the list. Weak: a program may declare a type anew ten thousand times, with each version of a module.
  private generation = 0;
  private floorSeen = 0;
  private shapes = new WeakMap<StructType, Map<number, RecordShape>>();
  private resolved = new WeakMap<StructType, number>();
  // What was asked for last, which is mostly what is asked for next: a weak map costs a call.
  private lastStruct: StructType | undefined;
  private lastLayoutId = 0;
  private lastShape: RecordShape | undefined;
  private readonly typed = new Map<number, readonly TypedField[]>();
  private readonly structs = new Map<number, StructType>();

  constructor({ door, heap, run, kinds, onUse }: CatalogOptions) {
    this.list = new CatalogList({ door, heap });
    this.run = run;
    this.kinds = kinds ?? standardKinds;
    this.onUse = onUse;
  }

  /**
   * The layout id with which to make records of `struct`. Adds the type, or its new fields, to the catalog when they are not there yet (a
   * transaction of its own outside one).
   *
   * @throws ShmStoreError TYPE_MISMATCH when records of that name are stored differently: a migration is needed; FLOOR_TOO_HIGH when
   *   the store has been migrated past what `struct` knows (R15); INVALID_TYPE; CORRUPT
   */
  resolve(struct: StructType): number {
    if (this.list.tentative) this.refresh();
    const { floor } = this;
    if (floor !== this.floorSeen) {
      this.floorSeen = floor;
      this.resolved = new WeakMap();
    }
    const known = this.resolved.get(struct);
    if (known !== undefined) return known;
    this.refresh();
    let found = this.find(struct);
    if (found === undefined) {
      found = this.run(() => {
        this.refresh();
        const again = this.find(struct);
        if (again !== undefined) return again;
        this.add(struct);
        return this.find(struct);
      });
    }
    const layoutId = found as number;
    this.resolved.set(struct, layoutId);
    return layoutId;
  }

  /**
   * Makes a new base layout for `struct`, with a version one higher than the newest, and returns its id; or the newest one's id if the struct
   * fits that already. Records of the old layouts stay as they are until something migrates them; call {@link raiseFloor} after that.
   *
   * @param wordsMax payload words that the records to be migrated have room for; fields beyond it lie in an extension
   * @throws ShmStoreError INVALID_TYPE when `struct` names a version that is not higher, or a field without a default finds no room
   */
  declareBreaking(struct: StructType, wordsMax: number = RECORD_WORDS_MAX): number {
    return this.run(() => {
      this.refresh();
      const newest = this.newest(struct.name);
      if (newest !== undefined && isComplete(this.match(struct, newest))) return newest.layoutId;
      const version = struct.version ?? (newest?.version ?? 0) + 1;
      if (newest !== undefined && version <= newest.version) {
        throw new ShmStoreError(
          'INVALID_TYPE',
          `${struct.name} has version ${newest.version} in the catalog, so ${version} is no new one. Nothing was changed. Declare a higher version.`,
        );
      }
      return this.addBase(struct, version, wordsMax);
    });
  }

  /** The newest layout of the type's name if `struct` neither fits it nor only adds to it: its records need a migration. */
  outdated(struct: StructType): CatalogEntry | undefined {
    const newest = this.newest(struct.name);
    return newest === undefined || this.match(struct, newest).differences.length === 0 ? undefined : newest;
  }

  /** All record layouts of a type name, newest first. */
  layoutsOf(name: string): readonly CatalogEntry[] {
    this.refresh();
    return this.list.newestFirst.filter((entry) => entry.kind === 'struct' && entry.name === name);
  }

  /**
   * Throws FLOOR_TOO_HIGH if `struct` is what an older program knows of a type that has been migrated since (R15). One that no layout fits is
   * left alone: it is newer, or refused when it is used.
   */
  requireKnown(struct: StructType): void {
    const { name } = struct;
    if (this.floor < LAYOUT_USER_FIRST) return;
    const known = this.layoutsOf(name).find((entry) => this.match(struct, entry).differences.length === 0);
    if (known !== undefined) this.requireAboveFloor(struct, known);
  }

  /** The entry of a layout id. Throws TYPE_UNKNOWN if there is none, WRONG_TYPE for a layout of the system. */
  entry(layoutId: number): CatalogEntry {
    if (this.list.tentative) this.refresh();
    const known = this.list.get(layoutId);
    if (known !== undefined) return known;
    if (layoutId >= 0 && layoutId < LAYOUT_USER_FIRST) {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `Layout ${layoutId} is one of the system's, no record. Nothing was changed.`,
        {
          data: { layoutId },
        },
      );
    }
    this.refresh();
    const entry = this.list.get(layoutId);
    if (entry !== undefined) return entry;
    throw new ShmStoreError(
      'TYPE_UNKNOWN',
      `Layout ${layoutId} is not in the store's catalog. Nothing was changed. Run a check of the store.`,
      {
        data: { layoutId },
      },
    );
  }

  /** All entries as they stand now, newest first. */
  entries(): readonly CatalogEntry[] {
    this.refresh();
    return this.list.newestFirst;
  }

  /** The newest record layout of a type name, or `undefined`. */
  newest(name: string): CatalogEntry | undefined {
    this.refresh();
    return this.list.newest(name);
  }

  /** Layout id up to which a program must know the layouts of the types it uses (R15). */
  get floor(): number {
    return this.list.floor;
  }

  /** Raises the floor in the running transaction; a floor never falls. See {@link raiseFloor}. */
  raiseFloor(layoutId: number): void {
    this.entry(layoutId);
    if (this.floor < layoutId) this.list.floor = layoutId;
  }

  /**
   * How `struct` reads and writes blocks of this layout. Hot: a look-up once compiled.
   *
   * @throws ShmStoreError WRONG_TYPE when the layout belongs to another type, TYPE_UNKNOWN when there is no such layout
   */
  shape(struct: StructType, layoutId: number): RecordShape {
    if (this.list.tentative) this.refresh();
    if (struct === this.lastStruct && layoutId === this.lastLayoutId) return this.lastShape as RecordShape;
    const shape = this.shapes.get(struct)?.get(layoutId) ?? this.compile(struct, layoutId);
    this.lastStruct = struct;
    this.lastLayoutId = layoutId;
    this.lastShape = shape;
    return shape;
  }

  /** All fields of one entry with types made from their descriptions. Throws TYPE_UNKNOWN for kinds that this program does not know. */
  storedFields(entry: CatalogEntry): readonly TypedField[] {
    const known = this.typed.get(entry.layoutId);
    if (known !== undefined) return known;
    const fields = [...entry.fields.values()].map((field): TypedField => ({ ...field, type: this.storedType(field) }));
    requireRoom(entry, fields);
    this.typed.set(entry.layoutId, fields);
    return fields;
  }

  /** A struct made from the catalog alone: all fields of this record layout and of its extensions. */
  storedStruct(layoutId: number): StructType {
    const base = this.entry(layoutId);
    const known = this.structs.get(layoutId);
    if (known !== undefined) return known;
    if (base.kind !== 'struct')
      throw new ShmStoreError('WRONG_TYPE', `Layout ${layoutId} is an extension, no record. Nothing was changed.`);
    const fields: Record<string, FieldType<unknown, unknown>> = {};
    for (const entry of [base, ...this.list.extensionsOf(base)]) {
      for (const field of this.storedFields(entry)) fields[field.name] = field.type;
    }
    const struct = declareStored(base, fields);
    this.structs.set(layoutId, struct);
    return struct;
  }

  /** Looks whether the list has changed, and reads what is new. */
  refresh(): void {
    this.list.refresh();
    if (this.list.generation === this.generation) return;
    this.generation = this.list.generation;
    this.shapes = new WeakMap();
    this.lastStruct = undefined;
    this.resolved = new WeakMap();
    this.typed.clear();
    this.structs.clear();
  }

  /** Layout id of the base that `struct` fits without additions; `undefined` when something has to be added. Throws TYPE_MISMATCH. */
  private find(struct: StructType): number | undefined {
    const bases = this.basesOf(struct);
    const newest = bases[0];
    if (newest === undefined) return undefined;
    for (const base of bases) {
      if (isComplete(this.match(struct, base))) {
        this.requireAboveFloor(struct, base);
        return base.layoutId;
      }
    }
    const { differences } = this.match(struct, newest);
    if (differences.length === 0) {
      this.requireAboveFloor(struct, newest);
      return undefined;
    }
    this.requireKnown(struct);
    throw new ShmStoreError(
      'TYPE_MISMATCH',
      `${struct.name} is stored differently (version ${newest.version}, layout ${newest.layoutId}): ${differences.join('; ')}. ` +
        'Nothing was changed. Older programs could not read the new form: declare a migration, or only add fields with defaults.',
      { data: { name: struct.name, version: newest.version, layoutId: newest.layoutId, differences } },
    );
  }

  private add(struct: StructType): void {
    const base = this.basesOf(struct)[0];
    if (base === undefined) {
      const newest = this.newest(struct.name);
      if (newest !== undefined) {
        throw new ShmStoreError(
          'TYPE_MISMATCH',
          `${struct.name} has no version ${struct.version} in the catalog; the newest is ${newest.version}. Nothing was changed. Migrate to the new version.`,
          {
            data: {
              name: struct.name,
              version: newest.version,
              layoutId: newest.layoutId,
              differences: [`version ${struct.version}`],
            },
          },
        );
      }
      this.addBase(struct, struct.version ?? 1, RECORD_WORDS_MAX);
      return;
    }
    const { added } = this.match(struct, base);
    if (this.list.extensionsOf(base).length >= EXTENSION_COUNT_MAX) {
      throw new ShmStoreError(
        'INVALID_TYPE',
        `${struct.name} has been added to ${EXTENSION_COUNT_MAX} times. Nothing was changed. Migrate it to a new version that folds the fields in.`,
      );
    }
    this.addExtension(struct.name, base.version, base.layoutId, added);
  }

  private addBase(struct: StructType, version: number, wordsMax: number): number {
    const { name } = struct;
    const { inside, outside } = splitFields(
      name,
      Object.entries(struct.fields) as [string, FieldType<unknown, unknown>][],
      wordsMax,
    );
    const packed = packFields(inside, 1);
    const fields = describeFields(inside, packed.words);
    const layoutId = this.list.append({ kind: 'struct', name, version, base: undefined, words: packed.end, fields });
    if (outside.length > 0) this.addExtension(name, version, layoutId, outside);
    return layoutId;
  }

  private addExtension(
    name: string,
    version: number,
    base: number,
    added: readonly (readonly [string, FieldType<unknown, unknown>])[],
  ): void {
    const packed = packFields(added, EXTENSION_FIRST_WORD);
    const fields = describeFields(added, packed.words);
    this.list.append({ kind: 'extension', name, version, base, words: packed.end, fields });
  }

  private compile(struct: StructType, layoutId: number): RecordShape {
    const base = this.entry(layoutId);
    // What the catalog describes itself fits by itself.
    if (this.structs.get(layoutId) !== struct) {
      this.requireKnown(struct);
      this.onUse?.(struct);
    }
    const shape = compileShape(struct, base, this.list.extensionsOf(base), (entry) => this.storedFields(entry));
    for (const { type } of shape.fields) this.declared.set(layoutKey(type.describe()), type);
    const ofStruct = this.shapes.get(struct) ?? new Map<number, RecordShape>();
    this.shapes.set(struct, ofStruct.set(layoutId, shape));
    return shape;
  }

  private storedType(field: StoredField): FieldType<unknown, unknown> {
    try {
      return typeFromDescription(field.description, this.kinds);
    } catch (error) {
      const declared = this.declared.get(field.key);
      if (declared === undefined || !(error instanceof ShmStoreError) || error.code !== 'TYPE_UNKNOWN') throw error;
      return declared;
    }
  }

  private match(struct: StructType, base: CatalogEntry): LayoutMatch {
    return matchLayout(struct, base, this.list.extensionsOf(base));
  }

  private basesOf(struct: StructType): CatalogEntry[] {
    return this.list.newestFirst.filter((entry) => {
      return (
        entry.kind === 'struct' && entry.name === struct.name && (struct.version ?? entry.version) === entry.version
      );
    });
  }

  /** True unless the floor demands a newer layout of this type than `layoutId`. */
  private isAboveFloor(name: string, layoutId: number): boolean {
    const { floor } = this;
    return !this.list.newestFirst.some((entry) => {
      return entry.kind === 'struct' && entry.name === name && entry.layoutId > layoutId && entry.layoutId <= floor;
    });
  }

  private requireAboveFloor(struct: StructType, base: CatalogEntry): void {
    if (this.isAboveFloor(struct.name, base.layoutId)) return;
    throw new ShmStoreError(
      'FLOOR_TOO_HIGH',
      `The store was migrated past what this program knows of ${struct.name} (version ${base.version}; the floor is layout ${this.floor}). ` +
        'Nothing was changed. Run the newer version of the program, or restore a snapshot from before the migration.',
      { data: { name: struct.name, version: base.version, layoutId: base.layoutId, floor: this.floor } },
    );
  }
}

/**
 * Raises the store's floor: programs that do not know the layouts up to `layoutId` of the types they use are refused from now on (R15). In a
 * transaction of its own outside one. A floor never falls.
 *
 * @throws ShmStoreError TYPE_UNKNOWN when the catalog has no such layout
 */
export function raiseFloor(memory: Memory, layoutId: number): void {
  memory.run(() => memory.catalog.raiseFloor(layoutId));
}

function declareStored(base: CatalogEntry, fields: Readonly<Record<string, FieldType<unknown, unknown>>>): StructType {
  try {
    return declareStruct(base.name, fields, { version: base.version });
  } catch (error) {
    throw new ShmStoreError(
      'CORRUPT',
      `The catalog describes ${base.name} as something that no program can declare. Run a check of the store.`,
      {
        cause: error,
      },
    );
  }
}

function isComplete(match: LayoutMatch): boolean {
  return match.differences.length === 0 && match.added.length === 0;
}

function describeFields(
  fields: readonly (readonly [string, FieldType<unknown, unknown>])[],
  words: ReadonlyMap<string, number>,
): ReadonlyMap<string, StoredField> {
  const stored = new Map<string, StoredField>();
  for (const [name, type] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const description = type.describe();
    stored.set(name, { name, word: words.get(name) as number, description, key: layoutKey(description) });
  }
  return stored;
}
