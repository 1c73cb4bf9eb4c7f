// A whole store in private memory, as records and catalogs see one. Several memories over one store stand for several programs.

import { JournalError } from '../../journal/src/errors.ts';
import { RedoDoor } from '../../journal/src/redo/redo-door.ts';
import { Transactions } from '../../journal/src/transaction.ts';
import { Heap } from '../src/heap/heap.ts';
import type { Memory } from '../src/memory.ts';
import type { NativeStore } from '../src/native-binding.ts';
import { openPrivateStore } from '../src/private-store.ts';
import { Catalog } from '../src/types/catalog.ts';
import type { TypeDescription, Visitor } from '../src/types/field-type.ts';

export { JournalError };

/** What one program holds of a store. */
export interface Program {
  readonly native: NativeStore;
  readonly memory: Memory;
  readonly transactions: Transactions;
}

/** A fresh store. */
export function openStore(sizeBytes: number = 2 ** 21): Program {
  return attach(openPrivateStore({ sizeBytes }));
}

/** Another program on the same store. */
export function attach(native: NativeStore): Program {
  const door = new RedoDoor(native);
  const heap = new Heap(door);
  const transactions = new Transactions(native, door, heap);
  const run = <T>(body: () => T): T => transactions.transaction(body);
  const catalog = new Catalog({ door, heap, run });
  return { native, transactions, memory: { door, heap, catalog, run } };
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
