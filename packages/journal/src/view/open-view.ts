// A read-only view of a store: the bytes of a main segment, wherever they come from (an image file, a copy of the backup), with heap, types
// and roots as if it were the live store. For reading the past, exports and checks.
//
// The bytes are input. The superblock is judged before anything is opened; whatever lies behind it is bounded at each step, so garbage
// makes an operation fail with CORRUPT and never crashes or hangs.
import {
  BYTE_ORDER_MARK,
  Catalog,
  type FieldType,
  FORMAT_VERSION,
  GRANULE_BYTES,
  Heap,
  LAYOUT_HASH,
  MAIN_BYTE_ORDER,
  MAIN_FORMAT,
  MAIN_HEAP_END_SLAB,
  MAIN_HEAP_FIRST_SLAB,
  MAIN_HEAP_NOMINAL_SLABS,
  MAIN_LAST_TRANSACTION_ID,
  MAIN_LAYOUT_HASH,
  MAIN_SIZE,
  MAIN_STORE_ID,
  MAIN_TIMELINE,
  type Memory,
  ShmStoreError,
  SLAB_BYTES,
  SLAB_GRANULES,
  STORE_SIZE_MAX_BYTES,
  STORE_SIZE_MIN_BYTES,
  WINDOW_GRANULES,
} from '@mofo/shm-store';
import { journalKinds } from '../collections/collection-kinds.ts';
import { JournalError } from '../errors.ts';
import { listRoots, ROOT_VALUE_WORD, type RootEntry } from '../roots.ts';
import type { RootDeclaration, RootHandles } from '../store.ts';
import { heapFirstGranule, ViewDoor } from './view-door.ts';

const WINDOW_BYTES = WINDOW_GRANULES * GRANULE_BYTES;

/** Options of {@link openView}. */
export interface OpenViewOptions<R extends RootDeclaration> {
  /** The bytes of main in pieces of 4 GiB, the last one shorter. They must not change while the view is used. */
  readonly windows: readonly ArrayBuffer[];
  /** Bound of all refs in bytes; default: all bytes of the windows. */
  readonly reservedBytes?: number;
  /** For messages; default `view`. */
  readonly name?: string;
  /** Roots to read; all must exist with the same type. Any others are left alone. */
  readonly root?: R;
}

/** A store that can only be read. */
export class View<R extends RootDeclaration = Record<never, never>> {
  readonly name: string;
  /** Handles and values of the declared roots; every change through them throws READ_ONLY. */
  readonly root: RootHandles<R>;
  /** What field types, collections, exporters and checkers work on. */
  readonly memory: Memory;
  /** Nominal size of the store in bytes. */
  readonly sizeBytes: number;
  /** Bound of all refs in bytes. */
  readonly reservedBytes: number;
  /** Identity of the store, 32 hexadecimal digits; all zero in a private store. */
  readonly storeId: string;
  readonly timeline: number;
  /** Highest id of a transaction that had been committed. */
  readonly lastTransactionId: number;

  /** Use {@link openView}. */
  constructor(options: OpenViewOptions<R>) {
    const { windows, name = 'view' } = options;
    const byteLength = checkWindows(windows);
    const main = new DataView(windows[0] as ArrayBuffer);
    this.name = name;
    this.sizeBytes = checkSuperblock(main, name);
    this.reservedBytes = options.reservedBytes ?? byteLength;
    const heapFirst = heapFirstGranule(this.sizeBytes) * GRANULE_BYTES;
    if (
      !(this.reservedBytes >= heapFirst && this.reservedBytes <= Math.min(byteLength, this.sizeBytes)) ||
      this.reservedBytes % GRANULE_BYTES !== 0
    ) {
      throw corrupt(
        name,
        `${this.reservedBytes} bytes of ${this.sizeBytes} cannot be in use when ${byteLength} are given`,
      );
    }
    const endSlab = main.getUint32(MAIN_HEAP_END_SLAB, isLittleEndian);
    if (endSlab * SLAB_GRANULES < heapFirst / GRANULE_BYTES || endSlab * SLAB_BYTES > this.reservedBytes) {
      throw corrupt(name, `slabs up to ${endSlab} are said to be handed out, of ${this.reservedBytes} bytes`);
    }
    this.storeId = Buffer.from(windows[0] as ArrayBuffer, MAIN_STORE_ID, 16).toString('hex');
    this.timeline = main.getUint32(MAIN_TIMELINE, isLittleEndian);
    this.lastTransactionId = main.getFloat64(MAIN_LAST_TRANSACTION_ID, isLittleEndian);
    const door = new ViewDoor(windows, this.sizeBytes, this.reservedBytes);
    const heap = new Heap(door);
    const run = (): never => door.requireTransaction('write');
    this.memory = { door, heap, catalog: new Catalog({ door, heap, run, kinds: journalKinds }), run };
    this.root = this.openRoots((options.root ?? {}) as R);
  }

  /** The named roots with their types, as they stand in the bytes. Throws CORRUPT. */
  listRoots(): RootEntry[] {
    return listRoots(this.memory);
  }

  /**
   * Handles of further roots.
   *
   * @throws JournalError ROOT_MISMATCH when one is missing or has another type; ShmStoreError CORRUPT.
   */
  openRoots<const A extends RootDeclaration>(declaration: A): RootHandles<A> {
    const handles = {};
    const names = Object.keys(declaration);
    const found =
      names.length === 0 ? new Map() : new Map(this.listRoots().map((entry) => [entry.name, entry] as const));
    for (const name of names) {
      const type = declaration[name] as unknown as FieldType<unknown, unknown>;
      const entry = found.get(name);
      const declared = JSON.stringify(type.describe());
      const stored = entry === undefined ? 'absent' : JSON.stringify(entry.description);
      if (entry === undefined || declared !== stored) {
        throw new JournalError(
          'ROOT_MISMATCH',
          `The root "${name}" of ${this.name} is declared as ${declared} but stored as ${stored}. Declare it as it is stored.`,
        );
      }
      Object.defineProperty(handles, name, {
        enumerable: true,
        get: () => type.read(this.memory, entry.block, ROOT_VALUE_WORD),
      });
    }
    return handles as RootHandles<A>;
  }

  /** Runs `body`; there to be used like a live store's `read`. */
  read<T>(body: () => T): T {
    return body();
  }

  /** Nothing to give back: the bytes go when nobody holds them. There to be used like a live store. */
  close(): void {}

  [Symbol.dispose](): void {}
}

/**
 * Opens the bytes of a main segment for reading. Synchronous, some microseconds whatever the size; nothing is copied.
 *
 * @throws ShmStoreError FORMAT_UNKNOWN, WRONG_BYTE_ORDER, LAYOUT_MISMATCH, CORRUPT; JournalError ROOT_MISMATCH.
 */
export function openView<const R extends RootDeclaration = Record<never, never>>(options: OpenViewOptions<R>): View<R> {
  for (const key of Object.keys(options)) {
    if (key === 'windows' || key === 'reservedBytes' || key === 'name' || key === 'root') continue;
    throw new TypeError(`openView has no option "${key}"; it has windows, reservedBytes, name, root.`);
  }
  return new View(options);
}

const isLittleEndian = new Uint8Array(new Uint32Array([BYTE_ORDER_MARK]).buffer)[0] === (BYTE_ORDER_MARK & 0xff);

/** Windows are 4 GiB each but for the last; returns the sum. */
function checkWindows(windows: readonly ArrayBuffer[]): number {
  let total = 0;
  for (const [index, { byteLength }] of windows.entries()) {
    if (
      index < windows.length - 1
        ? byteLength !== WINDOW_BYTES
        : byteLength > WINDOW_BYTES || byteLength % SLAB_BYTES !== 0
    ) {
      throw new RangeError(
        `Window ${index} of a view has ${byteLength} bytes; each has 4 GiB, and the last one at most that in slabs of 16 KiB.`,
      );
    }
    total += byteLength;
  }
  if (total < SLAB_BYTES) throw new RangeError(`A view of ${total} bytes does not hold a superblock.`);
  return total;
}

/** Judges the superblock in the order magic, byte order, format, layout, size; returns the nominal size. */
function checkSuperblock(main: DataView, name: string): number {
  if (Buffer.from(main.buffer, 0, 8).toString('latin1') !== 'MOFOMAIN') {
    throw new ShmStoreError(
      'FORMAT_UNKNOWN',
      `The bytes of ${name} are no main segment. Nothing was opened. Give the bytes of an image or a backup.`,
    );
  }
  if (main.getUint32(MAIN_BYTE_ORDER, !isLittleEndian) === BYTE_ORDER_MARK) {
    throw new ShmStoreError(
      'WRONG_BYTE_ORDER',
      `${name} was written in the other byte order. Nothing was opened. Export it as XML on the machine that made it and import that here.`,
    );
  }
  if (main.getUint32(MAIN_BYTE_ORDER, isLittleEndian) !== BYTE_ORDER_MARK)
    throw corrupt(name, 'its byte order mark is wrong');
  const format = main.getUint32(MAIN_FORMAT, isLittleEndian);
  if (format !== FORMAT_VERSION) {
    throw new ShmStoreError(
      'FORMAT_UNKNOWN',
      `${name} has format ${format}, this is ${FORMAT_VERSION}. Nothing was opened. Use the version that made it.`,
    );
  }
  const hash = main.getUint32(MAIN_LAYOUT_HASH, isLittleEndian);
  if (hash !== LAYOUT_HASH) {
    throw new ShmStoreError(
      'LAYOUT_MISMATCH',
      `${name} has another layout of its bytes (hash ${hash}, this is ${LAYOUT_HASH}). Nothing was opened. Export it as XML with the version that made it.`,
    );
  }
  const size = main.getFloat64(MAIN_SIZE, isLittleEndian);
  if (!(size >= STORE_SIZE_MIN_BYTES && size <= STORE_SIZE_MAX_BYTES) || size % SLAB_BYTES !== 0)
    throw corrupt(name, `its size is said to be ${size} bytes`);
  const firstSlab = main.getUint32(MAIN_HEAP_FIRST_SLAB, isLittleEndian);
  const slabs = main.getUint32(MAIN_HEAP_NOMINAL_SLABS, isLittleEndian);
  if (firstSlab !== heapFirstGranule(size) / SLAB_GRANULES || slabs !== size / SLAB_BYTES) {
    throw corrupt(name, `its heap is said to be slabs ${firstSlab} to ${slabs}`);
  }
  return size;
}

function corrupt(name: string, what: string): ShmStoreError {
  return new ShmStoreError(
    'CORRUPT',
    `The superblock of ${name} contradicts itself: ${what}. Nothing was opened. Use an older image.`,
  );
}
