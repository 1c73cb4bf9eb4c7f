// A whole store in private memory, as records and catalogs see one. Several memories over one store stand for several programs.

import { RedoDoor } from '../../journal/src/redo/redo-door.ts';
import { Transactions } from '../../journal/src/transaction.ts';
import { Heap } from '../src/heap/heap.ts';
import {
  MAIN_HEAP_END_SLAB,
  MAIN_HEAP_FIRST_SLAB,
  MAIN_SLAB_TABLE,
  SLAB_KIND_LARGE,
  SLAB_KIND_SMALL,
} from '../src/layout.ts';
import type { Memory } from '../src/memory.ts';
import type { StoreSegments } from '../src/native-binding.ts';
import { openPrivateStore } from '../src/private-store.ts';
import { Catalog } from '../src/types/catalog.ts';
import type { TypeDescription, Visitor } from '../src/types/field-type.ts';

/** What one program holds of a store. */
export interface Program {
  readonly native: StoreSegments;
  readonly memory: Memory;
  readonly transactions: Transactions;
}

/** A fresh store. */
export function openStore(sizeBytes: number = 2 ** 21): Program {
  return attach(openPrivateStore({ sizeBytes }));
}

/** Another program on the same store. */
export function attach(native: StoreSegments): Program {
  const door = new RedoDoor(native);
  const heap = new Heap(door);
  // The journal was compiled against the built heap, which is the same class from another file.
  const transactions = new Transactions(native, door, heap as unknown as ConstructorParameters<typeof Transactions>[2]);
  const run = <T>(body: () => T): T => transactions.transaction(body);
  const catalog = new Catalog({ door, heap, run });
  return { native, transactions, memory: { door, heap, catalog, run } };
}

/** Number of live blocks, counted in the slab table: blocks in use of slabs of small blocks, and large blocks. */
export function liveBlocks(native: StoreSegments): number {
  const words = new Int32Array(native.windows[0] as ArrayBuffer);
  const end = words[MAIN_HEAP_END_SLAB / 4] as number;
  let count = 0;
  for (let slab = words[MAIN_HEAP_FIRST_SLAB / 4] as number; slab < end; slab++) {
    const word = words[MAIN_SLAB_TABLE / 4 + slab * 4] as number;
    const kind = word & 0xff;
    if (kind === SLAB_KIND_SMALL) count += word >>> 16;
    if (kind === SLAB_KIND_LARGE) count++;
  }
  return count;
}

/** Matcher for an error with this code. */
export function code(expected: string, message = ''): unknown {
  return {
    asymmetricMatch: (error: { code?: unknown; message?: string }) =>
      error.code === expected && String(error.message).includes(message),
  };
}

/** A visitor that writes down what it is told. */
export class Recorder implements Visitor {
  readonly scalars: Record<string, unknown> = {};
  readonly owns: { path: string; block: number; type: TypeDescription }[] = [];
  readonly refs: { path: string; block: number; stamp: number }[] = [];
  readonly problems: { path: string; code: unknown }[] = [];
  private readonly path: (string | number)[] = [];

  enter(name: string | number): void {
    this.path.push(name);
  }

  leave(): void {
    this.path.pop();
  }

  scalar(value: unknown): void {
    this.scalars[this.path.join('.')] = value;
  }

  json(value: unknown): void {
    this.scalars[this.path.join('.')] = value;
  }

  owned(block: number, type: TypeDescription): void {
    this.owns.push({ path: this.path.join('.'), block, type });
  }

  ref(block: number, stamp: number): void {
    this.refs.push({ path: this.path.join('.'), block, stamp });
  }

  problem(error: unknown): void {
    this.problems.push({ path: this.path.join('.'), code: (error as { code?: unknown }).code ?? String(error) });
  }
}
