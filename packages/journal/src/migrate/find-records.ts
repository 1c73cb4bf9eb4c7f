// All records of some layouts, by walking everything that roots own. Owners come before what they own.

import { type Memory, type TypeDescription, typeFromDescription, type Visitor, visitBlock } from '@mofo/shm-store';
import { listRoots, ROOT_VALUE_WORD } from '../roots.ts';

/** Parts of blobs and the like: nothing in them owns a record. */
const LEAF_KINDS: ReadonlySet<string> = new Set(['text', 'bytes', 'json', 'counter']);

/**
 * Granules of the records whose layout is one of `layoutIds`, owners first. In a transaction. Costs a walk over the whole store.
 *
 * @throws what is wrong with the store, if anything is: records that cannot be seen cannot be migrated
 */
export function findRecords(memory: Memory, layoutIds: ReadonlySet<number>): number[] {
  const found: number[] = [];
  const todo: { readonly block: number; readonly type: TypeDescription }[] = [];
  const visitor: Visitor = {
    enter: () => undefined,
    leave: () => undefined,
    scalar: () => undefined,
    json: () => undefined,
    ref: () => undefined,
    owned: (block, type) => {
      if (!LEAF_KINDS.has(type.kind)) todo.push({ block, type });
    },
    problem: (error) => {
      throw error;
    },
  };
  for (const { block, description } of listRoots(memory)) {
    typeFromDescription(description, memory.catalog.kinds).visit(memory, block, ROOT_VALUE_WORD, visitor);
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (next.type.kind === 'record' && layoutIds.has(memory.heap.layoutOf(next.block))) found.push(next.block);
      visitBlock(memory, next.block, next.type, visitor);
    }
  }
  return found;
}
