// A store of 8 GiB that is full, for the time it takes to open it: some entries, and blobs for the rest.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, f64, openStore, type RootDeclaration, type Store, tree } from '@mofo/journal';
import { open } from 'lmdb';
import type { PartAssignment, PartHandler } from './part.ts';
import type { PeerContext } from './peer.ts';
import type { Size } from './sizes.ts';
import { requireEqual } from './workload.ts';

/** Its size in bytes. */
export const BIG_STORE_BYTES: Size = { full: 8 * 2 ** 30, quick: 64 * 2 ** 20 };

/** The heap's blocks are powers of two of 16 KiB; a little less than one, with room for its header. */
const BLOB_BYTES = { full: 32 * 2 ** 20 - 4096, quick: 2 ** 20 - 4096 };
const ENTRY_COUNT = 10_000;
/** Of the store's size that is filled: the head of the segment and the last block's rest stay free. */
const FILLED_SHARE = 0.97;

interface BigStore {
  readonly entries: { set(key: number, value: number): unknown; get(key: number): number | undefined };
  addBlob(number: number, blob: Uint8Array): void;
  filledBytes(): number;
  close(): unknown;
}

const openers: Readonly<Record<string, (context: PeerContext) => BigStore>> = { mofo: openInMofo, lmdb: openInLmdb };

/** Makes and fills it. */
export async function fillBigStore(subject: string, context: PeerContext): Promise<void> {
  const size = context.quick ? BIG_STORE_BYTES.quick : BIG_STORE_BYTES.full;
  const store = openBig(subject, context);
  for (let entry = 0; entry < ENTRY_COUNT; entry++) store.entries.set(entry, entry * 3);
  const blob = new Uint8Array(context.quick ? BLOB_BYTES.quick : BLOB_BYTES.full);
  for (let number = 0; store.filledBytes() < size * FILLED_SHARE; number++) store.addBlob(number, blob.fill(number));
  await store.close();
}

/** Starts the part that opens it. It answers `open` with the ms from opening it to the first value read. */
export async function startOpener({ subject, context }: PartAssignment): Promise<PartHandler> {
  return async () => {
    const startedAt = performance.now();
    const store = openBig(subject, context);
    const value = store.entries.get(ENTRY_COUNT - 1);
    const elapsedMs = performance.now() - startedAt;
    requireEqual('value of the last entry', value ?? Number.NaN, (ENTRY_COUNT - 1) * 3);
    await store.close();
    return elapsedMs;
  };
}

function openBig(subject: string, context: PeerContext): BigStore {
  const open = openers[subject];
  if (open === undefined) throw new Error(`There is no big store of subject "${subject}".`);
  return open(context);
}

function openInMofo({ storeName, quick }: PeerContext): BigStore {
  const root = { entries: tree(f64(), f64()), blobs: tree(f64(), bytes()) } satisfies RootDeclaration;
  const sizeBytes = quick ? BIG_STORE_BYTES.quick : BIG_STORE_BYTES.full;
  const store: Store<typeof root> = openStore({ name: storeName, sizeBytes, root });
  const { entries, blobs } = store.root;
  return {
    entries,
    addBlob: (number, blob) => void blobs.set(number, blob),
    filledBytes: () => store.status.reservedBytes,
    close: () => store.close(),
  };
}

function openInLmdb({ directory, quick }: PeerContext): BigStore {
  const path = join(directory, 'big.mdb');
  const mapSize = 1.2 * (quick ? BIG_STORE_BYTES.quick : BIG_STORE_BYTES.full);
  const root = open<never, string>({ path, maxDbs: 4, noSync: true, mapSize });
  const entries = root.openDB<number, number>('entries', { keyEncoding: 'uint32' });
  const blobs = root.openDB<Buffer, number>('blobs', { encoding: 'binary', keyEncoding: 'uint32' });
  return {
    entries: { set: (key, value) => entries.putSync(key, value), get: (key) => entries.get(key) },
    addBlob: (number, blob) => void blobs.putSync(number, Buffer.from(blob.buffer)),
    filledBytes: () => statSync(path).size,
    close: () => root.close(),
  };
}
