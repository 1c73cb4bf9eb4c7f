// A store in private memory with transactions, for tests of collections, and a visitor that gathers what a checker would.

import {
  Catalog,
  type FieldType,
  Heap,
  type Memory,
  type NativeStore,
  openPrivateStore,
  type ScalarValue,
  type TypeDescription,
  type Visitor,
  visitBlock,
} from '@mofo/shm-store';
import { expect } from 'vitest';
import { journalKinds } from '../src/collections/collection-kinds.ts';
import type { CollectionType } from '../src/collections/collection-type.ts';
import { RedoDoor } from '../src/redo/redo-door.ts';
import { Transactions } from '../src/transaction.ts';

type Native = ReturnType<typeof openPrivateStore>;

export interface Scratch {
  readonly memory: Memory;
  readonly native: Native;
  readonly door: RedoDoor;
  transaction<T>(body: () => T): T;
  read<T>(body: () => T): T;
  /** Makes a collection that nothing owns. */
  make<H>(type: FieldType<H, undefined>): { handle: H; header: number };
  /** Walks a collection and everything it owns. */
  walk(type: FieldType<unknown, undefined>, header: number): Walk;
  /** Frees a collection. */
  release(type: FieldType<unknown, undefined>, header: number): void;
  /** Number of live blocks of layout ids that collections and their values use. */
  liveBlocks(): number;
}

export interface Walk {
  readonly problems: string[];
  readonly owned: number[];
  readonly scalars: ScalarValue[];
}

export function openScratch(
  sizeBytes = 8 * 2 ** 20,
  makeDoor: (native: Native) => RedoDoor = (native) => new RedoDoor(native),
): Scratch {
  const native = openPrivateStore({ sizeBytes });
  const door = makeDoor(native);
  const heap = new Heap(door);
  const transactions = new Transactions(native as NativeStore, door, heap);
  const run = <T>(body: () => T): T => transactions.transaction(body);
  const memory: Memory = { door, heap, catalog: new Catalog({ door, heap, run, kinds: journalKinds }), run };
  const collection = (type: FieldType<never, never>): CollectionType<unknown> =>
    type as unknown as CollectionType<unknown>;
  return {
    memory,
    native,
    door,
    transaction: run,
    read: (body) => transactions.read(body),
    make<H>(type: FieldType<H, undefined>) {
      const header = run(() => collection(type as never).makeHeader(memory));
      return { handle: collection(type as never).open(memory, header) as H, header };
    },
    walk: (type, header) => walkAll(memory, type.describe(), header),
    release: (type, header) => run(() => collection(type as never).releaseHeader(memory, header)),
    liveBlocks: () => countLive(native, heap),
  };
}

/** Walks from one block through everything that is owned, as a checker does. */
function walkAll(memory: Memory, description: TypeDescription, header: number): Walk {
  const walk: Walk = { problems: [], owned: [], scalars: [] };
  const todo: { block: number; type: TypeDescription }[] = [{ block: header, type: description }];
  const seen = new Set<number>();
  let depth = 0;
  const visitor: Visitor = {
    enter: () => void depth++,
    leave: () => void depth--,
    scalar: (value) => void walk.scalars.push(value),
    json: () => undefined,
    owned: (block, type) => void todo.push({ block, type }),
    ref: () => undefined,
    problem: (error) => void walk.problems.push((error as Error).message),
  };
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (seen.has(next.block)) {
      walk.problems.push(`block ${next.block} is owned twice`);
      continue;
    }
    seen.add(next.block);
    walk.owned.push(next.block);
    visitBlock(memory, next.block, next.type, visitor);
  }
  expect(depth).toBe(0);
  return walk;
}

function countLive(native: Native, heap: Heap): number {
  const words = new Uint32Array(native.windows[0] as ArrayBuffer);
  const end = (words[100 / 4] as number) * 1024;
  let count = 0;
  for (let block = (words[96 / 4] as number) * 1024; block < end; block++) {
    if (heap.isLive(block, words[block * 4 + 1] as number)) count++;
  }
  return count;
}

/** The codes that hostile bytes may lead to. */
export function expectCoded(error: unknown): void {
  expect(String((error as { code?: unknown }).code), String((error as Error).stack)).toMatch(/^[A-Z_]+$/);
  expect((error as Error).constructor.name).toMatch(/^(ShmStoreError|JournalError)$/);
}
