// Reports what a block holds, by the catalog alone: no declaration is needed. One block a call; owned blocks are reported, not entered, so
// that the caller keeps the list of what is to do and no chain of records exhausts the stack.

import { ShmStoreError } from '../errors.ts';
import { LAYOUT_EXTENSION, LAYOUT_USER_FIRST } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { walkExtensions } from '../records/extension.ts';
import { requireCapacity } from '../records/open-record.ts';
import type { CatalogEntry } from './catalog-entry.ts';
import type { TypeDescription, Visitor } from './field-type.ts';
import { readWord } from './words.ts';

/**
 * Reports what the block holds, inside a read section or transaction of the caller. Never throws on bad bytes: they go to
 * `visitor.problem`. Extension blocks of a record are reported as owned and their fields as fields of the record.
 *
 * @param type what the owner said of the block, as passed to `visitor.owned`; needed for blocks of collections
 */
export function visitBlock(memory: Memory, block: number, type: TypeDescription | undefined, visitor: Visitor): void {
  try {
    memory.heap.prove(block);
    const layoutId = memory.heap.layoutOf(block);
    if (layoutId >= LAYOUT_USER_FIRST) {
      visitRecord(memory, block, layoutId, type, visitor);
      return;
    }
    const kind = memory.catalog.kinds.blocks.get(layoutId);
    if (kind !== undefined) kind.visit(memory, block, type, visitor);
    else if (layoutId !== LAYOUT_EXTENSION) throw unknownBlock(block, layoutId);
  } catch (error) {
    visitor.problem(error);
  }
}

function visitRecord(
  memory: Memory,
  block: number,
  layoutId: number,
  type: TypeDescription | undefined,
  visitor: Visitor,
): void {
  const entry = memory.catalog.entry(layoutId);
  if (type?.kind === 'record' && type.name !== entry.name) {
    visitor.problem(
      new ShmStoreError(
        'WRONG_TYPE',
        `The block at granule ${block >>> 0} is a ${entry.name}, not a ${type.name as string}.`,
      ),
    );
  }
  visitFields(memory, entry, block, visitor);
  if (readWord(memory.door, block, 0) === 0) return;
  walkExtensions(memory, block, (extension, extensionId) => {
    visitor.owned(extension, { kind: 'extension', name: entry.name });
    const added = memory.catalog.entry(extensionId);
    if (added.kind === 'extension' && added.base === layoutId) visitFields(memory, added, extension, visitor);
    else visitor.problem(unknownBlock(extension, extensionId));
    return false;
  });
}

function visitFields(memory: Memory, entry: CatalogEntry, block: number, visitor: Visitor): void {
  requireCapacity(memory, entry, block);
  for (const { name, type, word } of memory.catalog.storedFields(entry)) {
    visitor.enter(name);
    try {
      type.visit(memory, block, word, visitor);
    } catch (error) {
      visitor.problem(error);
    }
    visitor.leave();
  }
}

function unknownBlock(block: number, layoutId: number): ShmStoreError {
  return new ShmStoreError(
    'TYPE_UNKNOWN',
    `The block at granule ${block >>> 0} has layout ${layoutId}, which this program does not know.`,
    {
      data: { block: block >>> 0, layoutId },
    },
  );
}
