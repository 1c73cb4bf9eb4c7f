// Declares trees, and is their field type: a tree may be a root, a field of a record, or a value of another tree.

import {
  type FieldType,
  LAYOUT_TREE,
  type Memory,
  ShmStoreError,
  type TypeDescription,
  type Visitor,
} from '@mofo/shm-store';
import { CollectionType } from '../collections/collection-type.ts';
import { type StoredValue, storedValue } from '../collections/stored-value.ts';
import { checkTree } from './check-tree.ts';
import { type KeyCodec, keyCodecOf } from './key-codec.ts';
import { Tree } from './tree.ts';
import { shapeWord, TreeCore } from './tree-core.ts';
import { releaseTree } from './tree-release.ts';
import type { KeyType } from './tuple.ts';

/** The field type of a tree. */
export interface TreeType<K, V, In = V> extends FieldType<Tree<K, V, In>, undefined> {
  readonly kind: 'tree';
  readonly keyType: KeyType<K>;
  readonly valueType: FieldType<V, In>;
}

/**
 * An ordered map. Keys: text (in UTF-8 order; lone surrogates refused), bytes, f64 (all doubles in numeric order, -0 is 0, NaN refused), integers, i64, u64,
 * boolean, timestamp, and `tuple` of these; at most KEY_BYTES_MAX bytes encoded. Values: any type of at most 16 bytes; structs
 * become records of their own.
 *
 * @throws JournalError KEY_TYPE_INVALID, VALUE_TYPE_INVALID
 * @example
 * const store = openStore({ name: 'bank', root: { accounts: tree(text(), Account) } });
 * store.root.accounts.set('alice', { owner: 'Alice', balance: 100 });
 */
export function tree<K, V, In = V>(keyType: KeyType<K>, valueType: FieldType<V, In>): TreeType<K, V, In> {
  return new TreeTypeImplementation(keyType, valueType);
}

class TreeTypeImplementation<K, V, In> extends CollectionType<Tree<K, V, In>> implements TreeType<K, V, In> {
  readonly kind = 'tree';
  readonly keyType: KeyType<K>;
  readonly valueType: FieldType<V, In>;
  private readonly codec: KeyCodec;
  private readonly stored: StoredValue;
  private readonly description: TypeDescription;
  private readonly keyHash: number;
  private readonly valueHash: number;

  constructor(keyType: KeyType<K>, valueType: FieldType<V, In>) {
    super();
    this.keyType = keyType;
    this.valueType = valueType;
    this.codec = keyCodecOf(keyType);
    this.stored = storedValue(valueType as FieldType<unknown, never>);
    const key = keyType.describe();
    const value = this.stored.type.describe();
    this.description = { kind: 'tree', key, value };
    this.keyHash = hashOf(key);
    this.valueHash = hashOf(value);
  }

  describe(): TypeDescription {
    return this.description;
  }

  open(memory: Memory, header: number): Tree<K, V, In> {
    return new Tree(this.core(memory, header));
  }

  makeHeader(memory: Memory): number {
    const { door } = memory;
    const header = memory.heap.allocate(LAYOUT_TREE, 32);
    const i = door.own(header, (header + 1) | 0, 2);
    door.words[i + 1] = shapeWord(this.stored.type.words, this.codec.fixedBytes);
    door.words[i + 4] = this.keyHash;
    door.words[i + 5] = this.valueHash;
    return header;
  }

  releaseHeader(memory: Memory, header: number): void {
    releaseTree(this.core(memory, header));
  }

  visitBlocks(memory: Memory, header: number, visitor: Visitor): void {
    try {
      checkTree(this.core(memory, header), visitor);
    } catch (error) {
      visitor.problem(error);
    }
  }

  private core(memory: Memory, header: number): TreeCore {
    const core = new TreeCore(memory, header, this.codec, this.stored.type, this.stored.isPlain);
    const i = memory.door.at((header + 2) | 0);
    const { words } = memory.door;
    if (words[i] === this.keyHash && words[i + 1] === this.valueHash) return core;
    throw new ShmStoreError(
      'WRONG_TYPE',
      `The tree at granule ${header >>> 0} was made for keys or values of another type. Nothing was changed.`,
    );
  }
}

/** JSON with sorted keys: a description that comes back from a store may have its keys in another order. */
function canonical(description: unknown): string {
  return JSON.stringify(description, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function hashOf(description: TypeDescription): number {
  const text = canonical(description);
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return hash;
}
