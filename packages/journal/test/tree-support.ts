// A store in private memory with transactions, for tests of collections, and a visitor that gathers what a checker would.

import { type FieldType, Heap, type Memory, type NativeStore, openPrivateStore, type ScalarValue, type TypeDescription, type Visitor } from '@mofo/shm-store';
import { CollectionType } from '../src/collections/collection-type.ts';
import { RedoDoor } from '../src/redo/redo-door.ts';
import { Transactions } from '../src/transaction.ts';

export interface Scratch {
  readonly memory: Memory;
  readonly native: NativeStore;
  readonly door: RedoDoor;
  transaction<T>(body: () => T): T;
  read<T>(body: () => T): T;
  /** Makes a collection that nothing owns. */
  make<H>(type: FieldType<H, undefined>): { handle: H; header: number };
  /** Walks a collection. */
  walk(type: FieldType<unknown, undefined>, header: number): Walk;
}

export interface Walk {
  readonly problems: string[];
  readonly owned: number[];
  readonly scalars: ScalarValue[];
}

export function openScratch(sizeBytes = 8 * 2 ** 20, makeDoor: (native: NativeStore) => RedoDoor = (native) => new RedoDoor(native)): Scratch {
  const native = openPrivateStore({ sizeBytes });
  const door = makeDoor(native);
  const heap = new Heap(door);
  const transactions = new Transactions(native, door, heap);
  const run = <T>(body: () => T): T => transactions.transaction(body);
  const memory = makeMemory(door, heap, run);
  return {
    memory,
    native,
    door,
    transaction: run,
    read: (body) => transactions.read(body),
    make<H>(type: FieldType<H, undefined>) {
      const collection = type as unknown as CollectionType<H>;
      const header = run(() => collection.makeHeader(memory));
      return { handle: collection.open(memory, header), header };
    },
    walk(type, header) {
      const walk: Walk = { problems: [], owned: [header], scalars: [] };
      (type as unknown as CollectionType<unknown>).visitBlocks(memory, header, gather(memory, walk));
      return walk;
    },
  };
}

function makeMemory(door: RedoDoor, heap: Heap, run: Memory['run']): Memory {
  return { door, heap, catalog: undefined as unknown as Memory['catalog'], run };
}

function gather(_memory: Memory, walk: Walk): Visitor {
  return {
    enter() {},
    leave() {},
    scalar: (value) => walk.scalars.push(value),
    json() {},
    owned: (block: number, _type: TypeDescription) => walk.owned.push(block),
    ref() {},
    problem: (error) => walk.problems.push((error as Error).message),
  };
}
