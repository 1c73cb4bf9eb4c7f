// The catalog: which types a store holds, and how each lies in memory. It stands in the store itself, as a list of entries from the
// superblock (catalog-entry.ts), so that an image describes itself and programs of different ages agree.
//
// A type has a *base* layout, whose id every record of it carries, and extensions: fields that later programs added (R16). So records made by
// new code are read by old code, and the other way round. A struct that neither fits a layout nor extends one is refused; changing what
// is stored is a migration to a new base (R17).
//
// Each thread caches entries. They never change once committed, so the cache is right without looking, except for entries added by a
// transaction that may still roll back: while `tentative` is set every look-up first compares the list's head and its stamp.

import type { Door } from '../door.ts';
import { ShmStoreError } from '../errors.ts';
import type { Heap } from '../heap/heap.ts';
import { LAYOUT_USER_FIRST, MAIN_CATALOG_HEAD } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { readSection } from '../read-section.ts';
import { EXTENSION_COUNT_MAX, EXTENSION_FIRST_WORD } from '../records/extension.ts';
import { makeShape } from '../records/record-class.ts';
import type { ExtensionLayout, FieldPlace, RecordShape, ShapedField } from '../records/record-shape.ts';
import {
  type CatalogEntry,
  readCatalogEntry,
  readEntryLinks,
  type StoredField,
  writeCatalogEntry,
} from './catalog-entry.ts';
import { corruptValue } from './corrupt.ts';
import { layoutKey } from './description.ts';
import type { FieldType } from './field-type.ts';
import { type LayoutMatch, matchLayout } from './match-layout.ts';
import { packFields } from './pack-fields.ts';
import { struct as declareStruct } from './struct.ts';
import type { StructType } from './struct-type.ts';
import { standardKinds, type TypeKinds, typeFromDescription } from './type-kinds.ts';

/** Most entries of one catalog; each is parsed once by every thread that opens the store. */
export const CATALOG_ENTRY_COUNT_MAX: number = 10_000;

const SUPERBLOCK_GRANULE = MAIN_CATALOG_HEAD / 16;
const HEAD_WORD = 0;
const NEXT_LAYOUT_ID_WORD = 2;
const FLOOR_WORD = 3;

/** What a catalog works on. */
export interface CatalogOptions {
  readonly door: Door;
  readonly heap: Heap;
  /** Runs a transaction, or joins the open one. */
  readonly run: <T>(body: () => T) => T;
  /** Kinds of types that may be found in the store; default: those of this package. */
  readonly kinds?: TypeKinds;
}

/** A field of a stored layout with its type. */
export interface TypedField extends StoredField {
  readonly type: FieldType<unknown, unknown>;
}

/** The catalog of one store as one thread sees it. */
export class Catalog {
  /** Kinds of types and blocks that may be found in the store. */
  readonly kinds: TypeKinds;
  private readonly memory: Pick<Memory, 'door' | 'heap'>;
  private readonly run: <T>(body: () => T) => T;
  private byId = new Map<number, CatalogEntry>();
  private newestFirst: readonly CatalogEntry[] = [];
  private tentative = false;
  private floorSeen = 0;
  private shapes = new Map<StructType, Map<number, RecordShape>>();
  private resolved = new Map<StructType, number>();
  private typed = new Map<number, readonly TypedField[]>();
  private structs = new Map<number, StructType>();

  constructor({ door, heap, run, kinds }: CatalogOptions) {
    this.memory = { door, heap };
    this.run = run;
    this.kinds = kinds ?? standardKinds;
  }

  /**
   * The layout id with which to make records of `struct`. Adds the type, or its new fields, to the catalog when they are not there yet (a
   * transaction of its own outside one).
   *
   * @throws ShmStoreError TYPE_MISMATCH when records of that name are stored differently: a migration is needed; FLOOR_TOO_HIGH when
   *   the store has been migrated past what `struct` knows (R15); INVALID_TYPE; CORRUPT
   */
  resolve(struct: StructType): number {
    if (this.tentative) this.refresh();
    const { floor } = this;
    if (floor !== this.floorSeen) {
      this.floorSeen = floor;
      this.resolved.clear();
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
   * @throws ShmStoreError INVALID_TYPE when `struct` names a version that is not higher
   */
  declareBreaking(struct: StructType): number {
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
      return this.addBase(struct, version);
    });
  }

  /** The entry of a layout id. Throws TYPE_UNKNOWN if there is none, WRONG_TYPE for a layout of the system. */
  entry(layoutId: number): CatalogEntry {
    if (this.tentative) this.refresh();
    const known = this.byId.get(layoutId);
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
    const entry = this.byId.get(layoutId);
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
    return this.newestFirst;
  }

  /** The newest record layout of a type name, or `undefined`. */
  newest(name: string): CatalogEntry | undefined {
    return this.entries().find((entry) => entry.kind === 'struct' && entry.name === name);
  }

  /** Layout id up to which a program must know the layouts of the types it uses (R15). */
  get floor(): number {
    return this.superblock(FLOOR_WORD) >>> 0;
  }

  /**
   * How `struct` reads and writes blocks of this layout. Hot: a look-up once compiled.
   *
   * @throws ShmStoreError WRONG_TYPE when the layout belongs to another type, TYPE_UNKNOWN when there is no such layout
   */
  shape(struct: StructType, layoutId: number): RecordShape {
    if (this.tentative) this.refresh();
    return this.shapes.get(struct)?.get(layoutId) ?? this.compile(struct, layoutId);
  }

  /** All fields of one entry with types made from their descriptions. Throws TYPE_UNKNOWN for kinds that this program does not know. */
  storedFields(entry: CatalogEntry): readonly TypedField[] {
    const known = this.typed.get(entry.layoutId);
    if (known !== undefined) return known;
    const taken = new Uint8Array(entry.words);
    const fields = [...entry.fields.values()].map((field): TypedField => {
      const type = typeFromDescription(field.description, this.kinds);
      const end = field.word + type.words;
      if (field.word % type.alignWords !== 0 || end > entry.words || taken.subarray(field.word, end).includes(1)) {
        throw corruptValue(entry.block, 0, `a field ${field.name} at word ${field.word}, where it cannot lie,`);
      }
      taken.fill(1, field.word, end);
      return { ...field, type };
    });
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
    for (const entry of [base, ...this.extensionsOf(base)]) {
      for (const field of this.storedFields(entry)) fields[field.name] = field.type;
    }
    const struct = declareStored(base, fields);
    this.structs.set(layoutId, struct);
    return struct;
  }

  /** Looks whether the list has changed, and reads what is new. */
  refresh(): void {
    const { door, heap } = this.memory;
    readSection(door, () => {
      const head = this.superblock(HEAD_WORD);
      const first = this.newestFirst[0];
      const same = first === undefined ? head === 0 : head === first.block && heap.isLive(head, first.stamp);
      if (same) {
        if (!door.inTransaction) this.tentative = false;
      } else this.load(head);
    });
  }

  private load(head: number): void {
    const byId = new Map<number, CatalogEntry>();
    let newerId = this.superblock(NEXT_LAYOUT_ID_WORD);
    for (let block = head; block !== 0; ) {
      const links = readEntryLinks(this.memory, block);
      if (links.layoutId >= newerId || byId.size === CATALOG_ENTRY_COUNT_MAX) {
        throw corruptValue(block, 1, `layout id ${links.layoutId} in a catalog in which ids fall`);
      }
      const cached = this.byId.get(links.layoutId);
      const entry =
        cached?.block === block && cached.stamp === links.stamp ? cached : readCatalogEntry(this.memory, block);
      byId.set(links.layoutId, entry);
      newerId = links.layoutId;
      block = links.next;
    }
    this.byId = byId;
    this.newestFirst = [...byId.values()];
    this.shapes = new Map();
    this.resolved = new Map();
    this.typed = new Map();
    this.structs = new Map();
    this.tentative = this.memory.door.inTransaction;
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
      this.addBase(struct, struct.version ?? 1);
      return;
    }
    const { added } = this.match(struct, base);
    if (this.extensionsOf(base).length >= EXTENSION_COUNT_MAX) {
      throw new ShmStoreError(
        'INVALID_TYPE',
        `${struct.name} has been added to ${EXTENSION_COUNT_MAX} times. Nothing was changed. Migrate it to a new version that folds the fields in.`,
      );
    }
    const packed = packFields(added, EXTENSION_FIRST_WORD);
    this.append({
      kind: 'extension',
      name: struct.name,
      version: base.version,
      base: base.layoutId,
      words: packed.end,
      fields: describeFields(added, packed.words),
    });
  }

  private addBase(struct: StructType, version: number): number {
    const fields = Object.entries(struct.fields) as [string, FieldType<unknown, unknown>][];
    const packed = packFields(fields, 1);
    return this.append({
      kind: 'struct',
      name: struct.name,
      version,
      base: undefined,
      words: packed.end,
      fields: describeFields(fields, packed.words),
    });
  }

  private append(layout: Parameters<typeof writeCatalogEntry>[2]): number {
    const { door } = this.memory;
    const layoutId = this.superblock(NEXT_LAYOUT_ID_WORD);
    if (layoutId < LAYOUT_USER_FIRST || this.byId.size >= CATALOG_ENTRY_COUNT_MAX) {
      throw new ShmStoreError(
        'INVALID_TYPE',
        `The catalog takes no more than ${CATALOG_ENTRY_COUNT_MAX} layouts. Nothing was changed.`,
      );
    }
    const previous = this.newestFirst.find((entry) => entry.name === layout.name)?.layoutId ?? 0;
    const links = { next: this.superblock(HEAD_WORD), layoutId, previous };
    const block = writeCatalogEntry(this.memory, links, layout);
    const i = door.ownSystem(SUPERBLOCK_GRANULE);
    door.words[i + HEAD_WORD] = block;
    door.words[i + NEXT_LAYOUT_ID_WORD] = layoutId + 1;
    this.refresh();
    return layoutId;
  }

  private compile(struct: StructType, layoutId: number): RecordShape {
    const base = this.entry(layoutId);
    if (base.name !== struct.name || base.kind !== 'struct') {
      throw new ShmStoreError(
        'WRONG_TYPE',
        `Found a ${base.name} (layout ${layoutId}) where a ${struct.name} was expected. Nothing was changed.`,
        {
          data: { layoutId, found: base.name, expected: struct.name },
        },
      );
    }
    const extensions = this.extensionsOf(base);
    this.storedFields(base);
    const fields = Object.entries(struct.fields).map(([name, declared]): ShapedField => {
      const type = declared as FieldType<unknown, unknown>;
      return { name, type, place: this.placeOf(struct, name, type, [base, ...extensions]) };
    });
    const shape = makeShape({ name: struct.name, layoutId, words: base.words, fields });
    const ofStruct = this.shapes.get(struct) ?? new Map<number, RecordShape>();
    this.shapes.set(struct, ofStruct.set(layoutId, shape));
    return shape;
  }

  private placeOf(
    struct: StructType,
    name: string,
    type: FieldType<unknown, unknown>,
    layouts: readonly CatalogEntry[],
  ): FieldPlace {
    const home = layouts.find((entry) => entry.fields.has(name));
    const stored = home?.fields.get(name);
    if (home === undefined || stored === undefined) return { where: 'absent' };
    if (stored.key !== layoutKey(type.describe())) return { where: 'changed' };
    if (home.kind === 'struct') return { where: 'record', word: stored.word };
    return { where: 'extension', word: stored.word, extension: this.extensionLayout(home, struct) };
  }

  /** How an extension block begins: with the program's own types where it declares the field, else with what the catalog says. */
  private extensionLayout(entry: CatalogEntry, struct: StructType): ExtensionLayout {
    return {
      layoutId: entry.layoutId,
      words: entry.words,
      initialize: (memory, block) => {
        for (const { name, key, type, word } of this.storedFields(entry)) {
          const declared = struct.fields[name] as FieldType<unknown, unknown> | undefined;
          const known = declared !== undefined && layoutKey(declared.describe()) === key ? declared : type;
          known.initialize(memory, block, word, undefined);
        }
      },
    };
  }

  private match(struct: StructType, base: CatalogEntry): LayoutMatch {
    return matchLayout(struct, base, this.extensionsOf(base));
  }

  /** Extensions of a record layout, oldest first. */
  private extensionsOf(base: CatalogEntry): CatalogEntry[] {
    return this.newestFirst
      .filter((entry) => entry.kind === 'extension' && entry.base === base.layoutId && entry.name === base.name)
      .reverse();
  }

  private basesOf(struct: StructType): CatalogEntry[] {
    return this.newestFirst.filter((entry) => {
      return (
        entry.kind === 'struct' && entry.name === struct.name && (struct.version ?? entry.version) === entry.version
      );
    });
  }

  /** True unless the floor demands a newer layout of this type than `layoutId`. */
  private isAboveFloor(name: string, layoutId: number): boolean {
    const { floor } = this;
    return !this.newestFirst.some((entry) => {
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

  private superblock(word: number): number {
    const i = this.memory.door.atSystem(SUPERBLOCK_GRANULE);
    return this.memory.door.words[i + word] as number;
  }
}

/**
 * Raises the store's floor: programs that do not know the layouts up to `layoutId` of the types they use are refused from now on (R15). In a
 * transaction of its own outside one. A floor never falls.
 *
 * @throws ShmStoreError TYPE_UNKNOWN when the catalog has no such layout
 */
export function raiseFloor(memory: Memory, layoutId: number): void {
  memory.run(() => {
    memory.catalog.entry(layoutId);
    const { door } = memory;
    if (memory.catalog.floor >= layoutId) return;
    const i = door.ownSystem(SUPERBLOCK_GRANULE);
    door.words[i + FLOOR_WORD] = layoutId;
  });
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
