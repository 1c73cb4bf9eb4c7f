// A store: segments, heap, types, transactions and named roots, put together for one thread.

import {
  Catalog,
  CHANNEL_COMMITS,
  CONTROL_CHANNELS,
  CONTROL_COMMIT_COUNT,
  CONTROL_RESERVED_GRANULES,
  CONTROL_SEQUENCE,
  CONTROL_SLOTS,
  CONTROL_TERM,
  declaredStructs,
  type FieldType,
  findStore,
  Heap,
  MAIN_SIZE,
  MAIN_TIMELINE,
  type Memory,
  type NativeStore,
  openSegments,
  Regions,
  readSection,
  ShmStoreError,
  type StoreSegments,
  type StructType,
  type TrimReport,
} from '@mofo/shm-store';
import { journalKinds } from './collections/collection-kinds.ts';
import { Counter } from './collections/counter.ts';
import { JournalError } from './errors.ts';
import { compareLayouts, type LayoutComparison } from './migrate/compare-layouts.ts';
import { KnownTypes } from './migrate/known-types.ts';
import { type MigrationReport, type Migrations, migrateRecords, outdatedTypes } from './migrate/migrate.ts';
import { RedoDoor } from './redo/redo-door.ts';
import { addRoot, listRoots, ROOT_VALUE_WORD, type RootEntry } from './roots.ts';
import { type TransactionLock, Transactions } from './transaction.ts';

/** Types of a store's named roots. */
export type RootDeclaration = Readonly<Record<string, FieldType<unknown, never>>>;

/** What a declaration of roots gives: a live handle, or the value, by name. */
export type RootHandles<R extends RootDeclaration> = {
  readonly [Name in keyof R]: R[Name] extends FieldType<infer Out, never> ? Out : never;
};

/** Options of {@link openStore}. */
export interface OpenStoreOptions<R extends RootDeclaration> {
  /** 1 to 64 letters, digits, `_` and `-`. */
  readonly name: string;
  /** Largest size the store may grow to, in bytes: a multiple of 16 KiB from 1 MiB to 64 GiB. Not needed to attach. Default 64 MiB when created. */
  readonly sizeBytes?: number;
  /** Make the store when there is none. Default true. */
  readonly create?: boolean;
  /** True: map main at its recorded address or refuse with ADDRESS_TAKEN. Default: only if the store has native regions; false is refused then. */
  readonly exactAddress?: boolean;
  /** Reserve memory in pages of 2 MiB where the kernel has them (Linux 6.1 and later, no setting needed). Default true. */
  readonly hugePages?: boolean;
  /** Roots that this program uses; missing ones are made, existing ones must have the same type. */
  readonly root?: R;
  /** What becomes of records that are stored otherwise than `root` declares them; run before this returns. See {@link Store.migrate}. */
  readonly migrate?: Migrations;
}

/** Options of {@link Store.transaction}. */
export interface TransactionOptions {
  /**
   * When the write lock is taken. `'begin'` (default): before `body` runs. `'first-write'`: when `body` first changes something. Then all reads
   * before that run beside other writers, and a `body` that changes nothing takes no lock. Its price: if another process or thread committed after what
   * `body` read first and before what it wrote first, `body` is run again from the start, under the lock: twice at most, so it must not have effects
   * outside the store that do not bear repeating.
   */
  readonly lock?: TransactionLock;
}

/** What {@link Store.watch} returns. */
export interface Watch {
  /** Ends it. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Facts about an open store. */
export interface StoreStatus {
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes of main with memory behind them. */
  readonly reservedBytes: number;
  /** Commits since the store was created or restored here. */
  readonly commitCount: number;
  readonly commitSequence: number;
  readonly term: number;
  readonly timeline: number;
  /** This thread's slot. */
  readonly slot: number;
}

/** Size of a store that is created without `sizeBytes`. */
export const STORE_SIZE_DEFAULT_BYTES: number = 64 * 2 ** 20;

/** Kinds whose value is a live handle that never changes. */
const HANDLE_KINDS: ReadonlySet<string> = new Set(['tree', 'list', 'queue', 'counter']);

const OPTION_NAMES = new Set(['name', 'sizeBytes', 'create', 'exactAddress', 'hugePages', 'root', 'migrate']);

/**
 * Opens the store `name`, making it when there is none.
 *
 * Synchronous; some milliseconds to attach, whatever the store holds. Its memory is shown to JavaScript when a read goes there or the first transaction
 * begins; V8 answers views of gigabytes with a full collection of its heap, then. The data stays until `destroyStore(name)`, whatever becomes of the processes; it
 * is in memory only: use snapshots against power cuts. Any number of processes and worker threads may open it at once.
 *
 * @throws ShmStoreError as documented in the README of @mofo/shm-store, FLOOR_TOO_HIGH when the store was migrated past what `root` declares;
 *   JournalError ROOT_MISMATCH when a root has another type, and what {@link Store.migrate} throws.
 * @example
 * const store = openStore({ name: 'bank', sizeBytes: 64 * 2 ** 20, root: { total: counter() } });
 * store.transaction(() => store.root.total.add(100));
 * store.close();
 */
export function openStore<const R extends RootDeclaration = Record<never, never>>(
  options: OpenStoreOptions<R>,
): Store<R> {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name))
      throw new TypeError(`openStore has no option "${name}"; it has ${[...OPTION_NAMES].join(', ')}.`);
  }
  const native = attachOrCreate(options);
  try {
    const store = new Store(options.name, native, options.root);
    if (options.migrate !== undefined) store.migrate(options.migrate);
    return store;
  } catch (error) {
    native.close();
    throw error;
  }
}

/** One store as one thread sees it. */
export class Store<R extends RootDeclaration = Record<never, never>> {
  readonly name: string;
  /** Live handles and values of the declared roots. */
  readonly root: RootHandles<R>;
  /** What field types and collections work on; for packages that bring their own. */
  readonly memory: Memory;
  private readonly door: RedoDoor;
  private readonly transactions: Transactions;
  /** Types of the roots that this program has declared, each as it was declared last: a module's next version declares its roots anew. */
  private readonly declared = new Map<string, FieldType<unknown, never>>();
  private readonly knownTypes: KnownTypes;
  /** What each declared root holds now: the value, of a counter the count, of other collections the handle. */
  private readonly rootValues = new Map<string, () => unknown>();
  private readonly watches = new Set<() => void>();
  private readonly controlWords: Uint32Array;
  private readonly controlFloats: Float64Array;
  private readonly main: DataView;
  private readonly segments: StoreSegments;
  private nativeRegions: Regions | undefined;
  private closed = false;

  /** Use {@link openStore}; this is for segments that are open already, such as those of `openPrivateStore`. */
  constructor(name: string, segments: StoreSegments, root?: R) {
    const native = segments;
    this.name = name;
    this.segments = segments;
    const door = new RedoDoor(native);
    this.door = door;
    const heap = new Heap(door);
    this.transactions = new Transactions(native, door, heap);
    const run = <T>(body: () => T): T => this.runTransaction(body, 'begin');
    const knownTypes = new KnownTypes(native.control, native.slot);
    this.knownTypes = knownTypes;
    const onUse = (struct: StructType): void => knownTypes.announce(struct);
    const catalog = new Catalog({ door, heap, run, kinds: journalKinds, onUse });
    this.memory = { door, heap, catalog, run };
    this.controlWords = new Uint32Array(native.control, 0, CONTROL_SLOTS / 4);
    this.controlFloats = new Float64Array(native.control, 0, CONTROL_SLOTS / 8);
    this.main = new DataView(native.windows[0] as ArrayBuffer);
    this.root = this.addRoots((root ?? {}) as R);
  }

  /**
   * Runs `body` synchronously: all its changes happen, or none. It sees its own writes. Nested, it joins the outer one, and its failure undoes
   * only itself. What was cut short by a full store or journal, or by the end of the stack, fails with the transaction it happened in, also if the
   * error is caught there: put it into a nested one to go on without it. Survives SIGKILL of this process at any instruction: then nothing happened, or (after the mark) whoever comes next completes it.
   *
   * @returns what `body` returns; rethrows what it throws.
   * @throws JournalError ASYNC_TRANSACTION when `body` returns a promise, TRANSACTION_IN_READ inside `read`.
   * @throws ShmStoreError STORE_FULL, OUT_OF_MEMORY, JOURNAL_FULL (all after rolling back), FENCED, RETIRED, STORE_DAMAGED (nothing was begun).
   */
  transaction<T>(body: () => T, options?: TransactionOptions): T {
    this.requireOpen();
    return this.runTransaction(body, options === undefined ? 'begin' : lockOf(options));
  }

  /** The segments with role, slots and waiting; for the packages above. Throws JournalError PRIVATE_STORE for a store in private memory. */
  get native(): NativeStore {
    if ('watchRole' in this.segments) return this.segments as NativeStore;
    throw new JournalError(
      'PRIVATE_STORE',
      `The store "${this.name}" lies in private memory: other processes cannot take part in it. Use openStore.`,
    );
  }

  /** Native regions: memory of native addons, with raw pointers in it. Throws JournalError PRIVATE_STORE for a store in private memory. */
  get regions(): Regions {
    this.requireOpen();
    this.nativeRegions ??= new Regions(this.memory, this.native);
    return this.nativeRegions;
  }

  /**
   * Runs `body` without a lock, again until everything it read belongs to one moment. It must have no effects. Inside a transaction it just runs.
   */
  read<T>(body: () => T): T {
    this.requireOpen();
    return this.transactions.read(body);
  }

  /**
   * Adds roots to the store (in one transaction, if any is missing) and returns their handles.
   *
   * @throws JournalError ROOT_MISMATCH when a root of that name has another type; nothing is changed. ShmStoreError FLOOR_TOO_HIGH when the store
   *   was migrated past what is declared of some type.
   */
  addRoots<const A extends RootDeclaration>(declaration: A): RootHandles<A> {
    this.requireOpen();
    const names = Object.keys(declaration);
    const { memory } = this;
    const types = declaration as unknown as Readonly<Record<string, FieldType<unknown, unknown>>>;
    // First said, then looked: whoever migrates either sees what this program knows, or has raised the floor.
    const structs = declaredStructs(Object.values(types) as FieldType<unknown, never>[]);
    for (const struct of structs) this.knownTypes.announce(struct);
    let entries = this.transactions.read(() => {
      for (const struct of structs) memory.catalog.requireKnown(struct);
      return this.findRoots(names, types);
    });
    for (const name of names) this.declared.set(name, types[name] as FieldType<unknown, never>);
    if (entries.size < names.length) {
      entries = this.transactions.transaction(() => {
        const found = this.findRoots(names, types);
        for (const name of names) {
          if (!found.has(name)) found.set(name, addRoot(memory, name, types[name] as FieldType<unknown, unknown>));
        }
        return found;
      });
    }
    const handles = {};
    for (const name of names) {
      const type = types[name] as FieldType<unknown, unknown>;
      const { block } = entries.get(name) as RootEntry;
      const property = rootProperty(memory, type, block);
      Object.defineProperty(handles, name, property);
      const read = (): unknown => (property.get === undefined ? property.value : property.get.call(undefined));
      this.rootValues.set(name, () => {
        const value = read();
        return value instanceof Counter ? value.value : value;
      });
    }
    return handles as RootHandles<A>;
  }

  /**
   * Rewrites the records of all declared types that are stored otherwise, in one transaction: all or nothing, also when the process is killed. Each
   * record keeps its place, so refs to it stay good. Afterwards programs that know such a type only as it was are refused (FLOOR_TOO_HIGH). Does nothing
   * when everything is stored as declared. Costs a walk over the store, and some microseconds and 1.5 times its bytes of journal a record.
   *
   * @param migrations what becomes of a record, by type and old version: `{ 'Account:1': (old) => ({ ...old, openedAt: 0 }) }`
   * @param declaration roots whose types are meant; default: all that this program has declared
   * @throws JournalError MIGRATION_MISSING, MIGRATION_FAILED (with `cause`), MIGRATION_BLOCKED, MIGRATION_INVALID; ShmStoreError JOURNAL_FULL, STORE_FULL.
   *   Everything was rolled back.
   */
  migrate(migrations: Migrations, declaration?: RootDeclaration): MigrationReport {
    this.requireOpen();
    const structs = declaredStructs(
      declaration === undefined ? this.declared.values() : (Object.values(declaration) as FieldType<unknown, never>[]),
    );
    return this.runTransaction(
      () => migrateRecords(this.memory, structs, migrations, (struct) => this.strandedBy(struct)),
      'begin',
    );
  }

  /** Declared types whose records are stored otherwise and wait for {@link migrate}, with the version they have, as in `'Account:1'`. */
  get outdatedTypes(): readonly string[] {
    this.requireOpen();
    return this.transactions.read(() => outdatedTypes(this.memory, declaredStructs(this.declared.values())));
  }

  /**
   * How the types of a declaration stand to what is stored, before anything is declared by it: for whoever decides whether a program may be run, and
   * whether its migrations may. Nothing is changed. Costs a look at the catalog and at the slots.
   */
  compareLayouts(declaration: RootDeclaration): LayoutComparison {
    this.requireOpen();
    const structs = declaredStructs(Object.values(declaration) as FieldType<unknown, never>[]);
    const compared = this.transactions.read(() => compareLayouts(this.memory, structs));
    const strandedPids = compared.outdatedStructs.flatMap((struct) => this.strandedBy(struct));
    return { outdated: compared.outdated, tooOld: compared.tooOld, strandedPids: [...new Set(strandedPids)] };
  }

  /**
   * Calls `onCommit` after commits of any process, soon and at most once for several. Does not keep the process alive.
   *
   * With the name of a root, only after commits that may have changed what that root holds: for a counter and for plain values exactly when the value is
   * another one than at the last call, for trees, lists and queues after every commit. (A commit knows which words it changes, not under which root the
   * record lies that they belong to; a mark per root would cost every write, and one that misses writes to records would be worse than none.)
   *
   * @returns a handle whose `close` ends it.
   * @throws JournalError UNKNOWN_ROOT when this program has declared no root of that name.
   */
  watch(onCommit: () => void): Watch;
  watch(root: keyof R & string, onCommit: () => void): Watch;
  watch(first: string | (() => void), second?: () => void): Watch {
    this.requireOpen();
    const watch = typeof first === 'string' ? this.rootWatch(first, second as () => void) : (): void => first();
    this.watches.add(watch);
    if (this.watches.size === 1) this.startDoorbell();
    const close = (): void => {
      this.watches.delete(watch);
      if (this.watches.size === 0) this.endDoorbell();
    };
    return { close, [Symbol.dispose]: close };
  }

  /** True inside a transaction of this thread. */
  get isInTransaction(): boolean {
    return this.transactions.isOpen;
  }

  /** True inside a read section of this thread, where nothing can be changed. */
  get isInRead(): boolean {
    return this.door.inReadSection && !this.transactions.isOpen;
  }

  /** Nominal size in bytes. */
  get sizeBytes(): number {
    return this.main.getFloat64(MAIN_SIZE, true);
  }

  /** Facts for people and programs. Costs microseconds. */
  get status(): StoreStatus {
    this.requireOpen();
    return {
      name: this.name,
      sizeBytes: this.sizeBytes,
      reservedBytes: (this.controlWords[CONTROL_RESERVED_GRANULES / 4] as number) * 16,
      commitCount: this.controlFloats[CONTROL_COMMIT_COUNT / 8] as number,
      commitSequence: this.controlWords[CONTROL_SEQUENCE / 4] as number,
      term: this.controlFloats[CONTROL_TERM / 8] as number,
      timeline: this.main.getUint32(MAIN_TIMELINE, true),
      slot: this.segments.slot,
    };
  }

  /**
   * Gives memory that the data no longer needs back to the system: what is free at the heap's end. Free space inside the heap stays, and is
   * used again. Only while no other process or thread has the store open and no snapshot is being written; otherwise the report says so and only the end of
   * the heap was lowered. Synchronous; about 0.1 s for each GiB that goes back. A process killed in it leaves a sound store.
   *
   * @throws ShmStoreError IN_TRANSACTION inside a transaction or read section, and what a transaction throws; JournalError PRIVATE_STORE.
   */
  trim(): TrimReport {
    this.requireOpen();
    const { native } = this;
    if (this.isInTransaction || this.isInRead) {
      throw new ShmStoreError(
        'IN_TRANSACTION',
        `Memory of the store "${this.name}" cannot be given back inside a transaction or read section. Nothing was changed. Do it outside.`,
      );
    }
    this.transactions.transaction(() => this.memory.heap.trim());
    const report = native.trim();
    this.door.forgetBounds();
    return report;
  }

  /** Detaches this thread. The data stays. Safe to call twice. Throws ShmStoreError IN_TRANSACTION inside a transaction of this handle. */
  close(): void {
    if (this.closed) return;
    if (this.isInTransaction) {
      throw new ShmStoreError(
        'IN_TRANSACTION',
        `The store "${this.name}" cannot be closed inside its own transaction. It stays open. Close it afterwards.`,
      );
    }
    this.closed = true;
    this.endDoorbell();
    this.watches.clear();
    this.segments.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Pids of attached threads that know `struct` only otherwise. */
  private strandedBy(struct: StructType): number[] {
    if (!('watchRole' in this.segments)) return [];
    const attached = findStore(this.name)?.attached ?? [];
    const others = attached.filter(({ slot, alive }) => alive && slot !== this.segments.slot);
    return others.filter(({ slot }) => this.knownTypes.isStrandedBy(slot, struct)).map(({ pid }) => pid);
  }

  private findRoots(
    names: readonly string[],
    types: Readonly<Record<string, FieldType<unknown, unknown>>>,
  ): Map<string, RootEntry> {
    const wanted = new Set(names);
    const found = new Map<string, RootEntry>();
    for (const entry of listRoots(this.memory)) {
      if (!wanted.has(entry.name)) continue;
      const type = types[entry.name] as FieldType<unknown, unknown>;
      const declared = JSON.stringify(type.describe());
      const stored = JSON.stringify(entry.description);
      if (declared !== stored) {
        throw new JournalError(
          'ROOT_MISMATCH',
          `The root "${entry.name}" of store "${this.name}" is declared as ${declared} but stored as ${stored}. Nothing was changed. ` +
            'Declare it as it is stored, or use another name and move the data.',
        );
      }
      found.set(entry.name, entry);
    }
    return found;
  }

  private runTransaction<T>(body: () => T, lock: TransactionLock): T {
    const result = this.transactions.transaction(body, lock);
    // No doorbell rings in private memory; there the only writer tells its own watches.
    if (this.watches.size > 0 && !('watchRole' in this.segments) && !this.transactions.isOpen)
      setImmediate(() => this.callWatches());
    return result;
  }

  /** Calls `onChange` unless the root's value is known to be what it was. */
  private rootWatch(name: string, onChange: () => void): () => void {
    const look = this.rootValues.get(name);
    if (look === undefined) {
      throw new JournalError(
        'UNKNOWN_ROOT',
        `This program has declared no root "${name}" of store "${this.name}", so it cannot be watched. Declare it when the store is opened, or with addRoots.`,
      );
    }
    let seen = look();
    return () => {
      const now = look();
      // Of a collection only the handle is seen, which tells nothing; bytes are a copy each time.
      if (typeof now !== 'object' && Object.is(now, seen)) return;
      seen = now;
      onChange();
    };
  }

  private startDoorbell(): void {
    if (!('watchRole' in this.segments)) return;
    const channel = (CONTROL_CHANNELS >> 2) + CHANNEL_COMMITS;
    let seen = this.controlWords[channel] as number;
    this.native.watchDoorbell(() => {
      const now = this.controlWords[channel] as number;
      if (now === seen) return;
      seen = now;
      this.callWatches();
    }, false);
  }

  private endDoorbell(): void {
    if ('watchRole' in this.segments) this.native.unwatchDoorbell();
  }

  private callWatches(): void {
    for (const watch of [...this.watches]) if (this.watches.has(watch)) watch();
  }

  private requireOpen(): void {
    if (!this.closed) return;
    throw new JournalError(
      'CLOSED',
      `The handle of store "${this.name}" is closed. The data is untouched: open it again.`,
    );
  }
}

function lockOf(options: TransactionOptions): TransactionLock {
  for (const name of Object.keys(options)) {
    if (name !== 'lock') throw new TypeError(`store.transaction has no option "${name}"; it has lock.`);
  }
  const { lock = 'begin' } = options;
  if (lock !== 'begin' && lock !== 'first-write')
    throw new TypeError(`The lock of a transaction is taken at "begin" or "first-write", not ${JSON.stringify(lock)}.`);
  return lock;
}

/** Attaches; makes the store when there is none, with the default size if none was given. */
function attachOrCreate(options: OpenStoreOptions<RootDeclaration>): NativeStore {
  const { name, sizeBytes, create = true, exactAddress, hugePages = true } = options;
  const address = exactAddress === undefined ? {} : { exactAddress };
  if (sizeBytes !== undefined) return openSegments({ name, sizeBytes, create, ...address, hugePages });
  try {
    return openSegments({ name, create: false, ...address, hugePages });
  } catch (error) {
    if (!create || !(error instanceof ShmStoreError) || error.code !== 'NOT_FOUND') throw error;
    return openSegments({ name, sizeBytes: STORE_SIZE_DEFAULT_BYTES, create, ...address, hugePages });
  }
}

/** Collections are live handles and are made once; other values are read at each use. */
function rootProperty(memory: Memory, type: FieldType<unknown, unknown>, block: number): PropertyDescriptor {
  const read = (): unknown => readSection(memory.door, () => type.read(memory, block, ROOT_VALUE_WORD));
  return HANDLE_KINDS.has(type.kind) ? { enumerable: true, value: read() } : { enumerable: true, get: read };
}
