// Opening, destroying and listing stores as segments: options are checked here, everything else is done by the addon under the create lock.
//
// openSegments gives the bare memory of one thread. Heap, types and transactions over it are made by openStore in @mofo/journal.
import { ShmStoreError } from './errors.ts';
import { loadNative, type NativeAttachment, type NativeStoreInfo } from './native.ts';
import type { NativeStore } from './native-binding.ts';

/** How {@link openSegments} opens a store. */
export interface OpenSegmentsOptions {
  /** 1 to 64 letters, digits, `_` and `-`, beginning with a letter or digit. One per machine and user. */
  readonly name: string;
  /** Nominal size in bytes: a multiple of 16 KiB from 1 MiB to 64 GiB. Absent: attach to what there is. */
  readonly sizeBytes?: number;
  /** Make it if it is not there; default: true if `sizeBytes` is given. */
  readonly create?: boolean;
  /**
   * True: map main at exactly the address it was first mapped at, or refuse with ADDRESS_TAKEN. Default: only if the store has native regions, which hold
   * raw pointers; then false is refused with ADDRESS_REQUIRED.
   */
  readonly exactAddress?: boolean;
  /**
   * Give memory that this handle reserves pages of 2 MiB, where the kernel has them (Linux 6.1 and later, no setting needed); default true. It takes no
   * more memory than is reserved, which from 8 MiB on grows by whole huge pages.
   */
  readonly hugePages?: boolean;
}

/** How {@link destroyStore} destroys. */
export interface DestroyStoreOptions {
  /** Also while a living process owns it, and also when some of its files are missing or not understood; default false. */
  readonly force?: boolean;
}

/** A process or thread attached to a store. */
export interface StoreAttachment extends Omit<NativeAttachment, 'role'> {
  readonly role: 'none' | 'main' | 'clone' | 'worker';
}

/** One store, as {@link listStores} found it. */
export interface StoreInfo extends Omit<NativeStoreInfo, 'attached'> {
  readonly attached: readonly StoreAttachment[];
}

const ROLES = ['none', 'main', 'clone', 'worker'] as const;

/**
 * Attaches this thread to a store, creating it if asked to. Safe between any number of processes that start at once, and after a creator
 * that was killed half-way: what it left is recognized and replaced. Journals of dead processes are replayed first when a slot needs it.
 *
 * Synchronous: some 0.2 ms, and up to 10 s for the create lock. The handle stays valid until `close()`; its buffers until they are
 * garbage collected. A killed process leaves its slot, which the next opener takes back.
 *
 * @throws ShmStoreError INVALID_NAME, INVALID_SIZE, UNKNOWN_OPTION, NOT_FOUND, NOT_OWNER, UNSAFE_MODE, FORMAT_UNKNOWN, WRONG_BYTE_ORDER,
 *   LAYOUT_MISMATCH, PID_NAMESPACE, LIBC_MISMATCH, SIZE_MISMATCH, STORE_INCOMPLETE, STORE_DAMAGED, ADDRESS_TAKEN, ADDRESS_REQUIRED, MAP_FAILED,
 *   NO_EXTERNAL_BUFFERS, TOO_MANY_PROCESSES, CREATE_LOCK_TIMEOUT, SHM_FULL, SHM_READ_ONLY, SHM_UNAVAILABLE, OUT_OF_MEMORY, UNSUPPORTED_PLATFORM.
 */
export function openSegments(options: OpenSegmentsOptions): NativeStore {
  refuseUnknown('openSegments', options, ['name', 'sizeBytes', 'create', 'exactAddress', 'hugePages']);
  const { name, sizeBytes = 0, create = sizeBytes !== 0, exactAddress, hugePages = true } = options;
  if (options.sizeBytes === 0) {
    throw new ShmStoreError(
      'INVALID_SIZE',
      '0 bytes is no size for a store.\n  Nothing was opened. Give a multiple of 16 KiB from 1 MiB to 64 GiB.',
    );
  }
  const { NativeStore } = loadNative();
  return new NativeStore({ name, sizeBytes, create, exactAddress, hugePages });
}

/**
 * Removes a store and all its data. Processes that are attached keep the memory that they see, and get RETIRED at their next
 * transaction. Returns false when there was none. Synchronous, up to 10 s for the create lock; a process killed while it destroys leaves what the next
 * opener or destroyer finishes.
 *
 * @throws ShmStoreError STORE_BUSY while a living process has the role of main or holds the write lock (unless forced), STORE_INCOMPLETE (unless
 *   forced), INVALID_NAME, NOT_OWNER, UNSAFE_MODE, PERMISSION, CREATE_LOCK_TIMEOUT, and unless forced the codes of a store that cannot be understood.
 */
export function destroyStore(name: string, options: DestroyStoreOptions = {}): boolean {
  refuseUnknown('destroyStore', options, ['force']);
  return loadNative().destroyStore(name, options.force ?? false);
}

/** This user's stores, with size, memory and who is attached, without mapping or locking any of them. Synchronous. */
export function listStores(): StoreInfo[] {
  return loadNative().listStores().map(withRoleNames);
}

/**
 * One of this user's stores, as {@link listStores} would give it; undefined if there is none of that name. Synchronous; it costs what one store costs, however many there are.
 *
 * @throws ShmStoreError INVALID_NAME.
 */
export function findStore(name: string): StoreInfo | undefined {
  const found = loadNative().findStore(name);
  return found === undefined ? undefined : withRoleNames(found);
}

function withRoleNames(store: NativeStoreInfo): StoreInfo {
  return { ...store, attached: store.attached.map(withRoleName) };
}

function withRoleName(attachment: NativeAttachment): StoreAttachment {
  return { ...attachment, role: ROLES[attachment.role] ?? 'none' };
}

function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new ShmStoreError(
      'UNKNOWN_OPTION',
      `${what} has no option "${key}".\n  Nothing was done. It knows ${known.join(', ')}.`,
    );
  }
}
