// The named roots of a store: where every walk begins.
//
// A root entry is one block in a list that starts in the superblock:
//
//   word 0   next entry (owning link, 0 none)        chunk 0
//   word 1   byte length of the name
//   word 2   byte length of the type's description
//   word 3   zero
//   word 4-7 the value                                chunk 1
//   word 8…  name, then description (JSON), UTF-8     written once
//
// Entries are only ever added. A crash leaves the old list or the new one: the head changes through the journal. Bytes are input: lengths are
// bounded by the block, the walk by ROOT_COUNT_MAX.

import {
  type FieldType,
  LAYOUT_ROOT_ENTRY,
  MAIN_CATALOG_HEAD,
  MAIN_ROOT_HEAD,
  type Memory,
  ShmStoreError,
  type TypeDescription,
} from '@mofo/shm-store';
import { JournalError } from './errors.ts';

/** Most roots of one store; each costs a step in every walk of the list. */
export const ROOT_COUNT_MAX = 10_000;

/** Longest name of a root in bytes of UTF-8. */
export const ROOT_NAME_MAX_BYTES = 255;

/** Payload word of a root entry at which its value lies. */
export const ROOT_VALUE_WORD = 4;

const HEAD_GRANULE = MAIN_CATALOG_HEAD >> 4;
const HEAD_WORD = (MAIN_ROOT_HEAD & 15) >> 2;
const TEXT_WORD = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** One root as it stands in the store. */
export interface RootEntry {
  readonly name: string;
  readonly block: number;
  readonly description: TypeDescription;
}

/** Reads all root entries. Call inside a read section or transaction. Throws CORRUPT. */
export function listRoots(memory: Memory): RootEntry[] {
  const entries: RootEntry[] = [];
  const head = memory.door.atSystem(HEAD_GRANULE) + HEAD_WORD;
  let block = memory.door.words[head] as number;
  while (block !== 0) {
    if (entries.length >= ROOT_COUNT_MAX)
      throw new ShmStoreError('CORRUPT', 'The list of roots does not end. Run a check of the store.');
    memory.heap.check(block, LAYOUT_ROOT_ENTRY);
    entries.push(readEntry(memory, block));
    const i = memory.door.at(block + 1);
    block = memory.door.words[i] as number;
  }
  return entries;
}

/** Adds a root with its type's default value. In a transaction. */
export function addRoot(memory: Memory, name: string, type: FieldType<unknown, unknown>): RootEntry {
  const nameBytes = encoder.encode(name);
  if (nameBytes.length === 0 || nameBytes.length > ROOT_NAME_MAX_BYTES) {
    throw new JournalError(
      'INVALID_ROOT',
      `A root's name has 1 to ${ROOT_NAME_MAX_BYTES} bytes; ${JSON.stringify(name)} has ${nameBytes.length}.`,
    );
  }
  const description = type.describe();
  const descriptionBytes = encoder.encode(JSON.stringify(description));
  const { door, heap } = memory;
  const block = heap.allocate(LAYOUT_ROOT_ENTRY, TEXT_WORD * 4 + nameBytes.length + descriptionBytes.length);
  const granules = heap.capacityBytes(block) / 16;
  const text = door.own(block, block + 1, granules);
  door.bytes.set(nameBytes, (text + TEXT_WORD) * 4);
  door.bytes.set(descriptionBytes, (text + TEXT_WORD) * 4 + nameBytes.length);
  type.initialize(memory, block, ROOT_VALUE_WORD, undefined);
  const head = door.ownSystem(HEAD_GRANULE) + HEAD_WORD;
  const next = door.words[head] as number;
  door.words[head] = block;
  const i = door.own(block, block + 1, 1);
  door.words[i] = next;
  door.words[i + 1] = nameBytes.length;
  door.words[i + 2] = descriptionBytes.length;
  return { name, block, description };
}

function readEntry(memory: Memory, block: number): RootEntry {
  const { door, heap } = memory;
  // Before the index is taken: it looks into the slab table, which may have an image, and views are good until the next look.
  const capacity = heap.capacityBytes(block) - TEXT_WORD * 4;
  const i = door.at(block + 1);
  const nameLength = door.words[i + 1] as number;
  const descriptionLength = door.words[i + 2] as number;
  if (
    nameLength <= 0 ||
    nameLength > ROOT_NAME_MAX_BYTES ||
    descriptionLength < 0 ||
    nameLength + descriptionLength > capacity
  ) {
    throw new ShmStoreError(
      'CORRUPT',
      `The root entry at granule ${block >>> 0} has lengths that its block cannot hold. Run a check of the store.`,
    );
  }
  const start = (i + TEXT_WORD) * 4;
  try {
    const name = decoder.decode(door.bytes.slice(start, start + nameLength));
    const text = decoder.decode(door.bytes.slice(start + nameLength, start + nameLength + descriptionLength));
    return { name, block, description: JSON.parse(text) as TypeDescription };
  } catch (cause) {
    throw new ShmStoreError(
      'CORRUPT',
      `The root entry at granule ${block >>> 0} does not hold readable text. Run a check of the store.`,
      { cause },
    );
  }
}
