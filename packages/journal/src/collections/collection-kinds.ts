// The kinds of types and blocks of a store with collections, for whoever reads it by its catalog alone: checkers, exporters, and the deletion of fields
// that a newer program added.

import {
  type BlockKind,
  extendKinds,
  type FieldType,
  LAYOUT_COUNTER,
  LAYOUT_LIST,
  LAYOUT_LIST_CHUNK,
  LAYOUT_QUEUE,
  LAYOUT_QUEUE_CHUNK,
  LAYOUT_TREE,
  LAYOUT_TREE_BUCKET,
  LAYOUT_TREE_LEAF,
  LAYOUT_TREE_NODE,
  LAYOUT_TREE_SMALL_NODE,
  type Memory,
  ShmStoreError,
  standardKinds,
  type TypeDescription,
  type TypeKinds,
  typeFromDescription,
} from '@mofo/shm-store';
import { tree } from '../tree/tree-type.ts';
import { type KeyType, tuple } from '../tree/tuple.ts';
import type { CollectionType } from './collection-type.ts';
import { counter } from './counter.ts';
import { list } from './list.ts';
import { queue } from './queue.ts';

type Inner = (description: unknown) => FieldType<unknown, unknown>;

/** Deepest nesting of tuples in a key; what a reader accepts from a store. */
const TUPLE_DEPTH_MAX = 8;

/** The kinds of shm-store and of this package. */
export const journalKinds: TypeKinds = extendKinds(standardKinds, {
  types: [
    ['tree', (description, inner) => any(tree(keyType(description['key'], inner, 0), inner(description['value'])))],
    ['list', (description, inner) => any(list(inner(description['value'])))],
    ['queue', (description, inner) => any(queue(inner(description['value'])))],
    ['counter', () => any(counter())],
  ],
  blocks: [
    [LAYOUT_TREE, header('tree')],
    [LAYOUT_TREE_LEAF, part('tree leaf')],
    [LAYOUT_TREE_NODE, part('tree node')],
    [LAYOUT_TREE_SMALL_NODE, part('tree node')],
    [LAYOUT_TREE_BUCKET, part('tree bucket')],
    [LAYOUT_LIST, header('list')],
    [LAYOUT_LIST_CHUNK, part('list chunk')],
    [LAYOUT_QUEUE, header('queue')],
    [LAYOUT_QUEUE_CHUNK, part('queue chunk')],
    [LAYOUT_COUNTER, header('counter')],
  ],
});

/** A header: its collection is walked as a whole, with the type that its owner says it has. */
function header(kind: string): BlockKind {
  return {
    name: kind,
    visit(memory: Memory, block: number, type: TypeDescription | undefined, visitor) {
      if (type?.kind !== kind) {
        visitor.problem(
          new ShmStoreError(
            'WRONG_TYPE',
            `The ${kind} at granule ${block >>> 0} belongs to no field or root that is a ${kind}.`,
          ),
        );
        return;
      }
      const collection = typeFromDescription(type, memory.catalog.kinds) as unknown as CollectionType<unknown>;
      collection.visitBlocks(memory, block, visitor);
    },
  };
}

/** A block inside a collection, reported and proved when the collection's header is visited. */
function part(name: string): BlockKind {
  return { name, visit() {} };
}

function keyType(description: unknown, inner: Inner, depth: number): KeyType<unknown> {
  const { kind, elements } = (description ?? {}) as { kind?: unknown; elements?: unknown };
  if (kind !== 'tuple') return inner(description);
  if (!Array.isArray(elements) || depth >= TUPLE_DEPTH_MAX)
    throw new ShmStoreError('INVALID_TYPE', 'A tuple key is described by a list of elements.');
  return tuple(...elements.map((element) => keyType(element, inner, depth + 1)));
}

function any(type: unknown): FieldType<unknown, unknown> {
  return type as FieldType<unknown, unknown>;
}
