// A checker of the heap that shares no code with it: reads main's bytes as heap/spans.ts and heap/heap.ts describe them and accounts for every slab.

import {
  BLOCK_STATE_FREE,
  BLOCK_STATE_LIVE,
  listRegions,
  type Memory,
  SIZE_CLASSES_BYTES,
  SLAB_KIND_FREE,
  SLAB_KIND_LARGE,
  SLAB_KIND_SMALL,
  SPAN_ORDER_MAX,
  type TypeDescription,
  typeFromDescription,
  type Visitor,
  visitBlock,
} from '@mofo/shm-store';
import { listRoots } from '../../src/roots.ts';

/** What the bytes of one heap say. */
export interface HeapReport {
  readonly problems: string[];
  /** Granules of live blocks. */
  readonly live: Set<number>;
  /** Per granule 1 if its bytes mean something: all but payloads of free blocks, memory never handed out, and the stamp counter. */
  readonly important: Uint8Array;
}

export function checkHeap(bytes: Uint8Array): HeapReport {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  const problems: string[] = [];
  const live = new Set<number>();
  const important = new Uint8Array(bytes.byteLength / 16);
  // The bytes may be anything: what leads out of them is a problem, and no loop follows it.
  const slabs = bytes.byteLength >>> 14;
  const first = Math.min(words[24] as number, slabs);
  const end = Math.min(words[25] as number, slabs);
  const nominal = Math.min(words[26] as number, slabs);
  // The nominal size may lie beyond the bytes: a store is shown as far as its memory goes.
  if (first !== words[24] || end !== words[25]) problems.push('the bounds of the heap lead out of it');
  important.fill(1, 0, 256 + nominal);
  important[5] = 0; // MAIN_LAST_TRANSACTION_ID and the stamp counter
  const slab = (index: number, word: number): number => words[(256 + index) * 4 + word] ?? 0;
  const spans = new Map<number, number>();
  for (let index = first; index < end; ) {
    const word0 = slab(index, 0);
    const kind = word0 & 0xff;
    const value = (word0 >>> 8) & 0xff;
    const base = index * 1024;
    let size = 1;
    if (kind === SLAB_KIND_SMALL) checkSmall(index, value, word0 >>> 16, slab(index, 1));
    else if ((kind === SLAB_KIND_LARGE || kind === SLAB_KIND_FREE) && value > SPAN_ORDER_MAX)
      problems.push(`slab ${index} is said to be of order ${value}`);
    else if (kind === SLAB_KIND_LARGE) {
      size = 2 ** value;
      if (!isLive(base)) problems.push(`slab ${index}: a large block that is not live`);
      live.add(base);
      important.fill(1, base, base + size * 1024);
    } else if (kind === SLAB_KIND_FREE) {
      size = 2 ** value;
      spans.set(index, value);
    } else problems.push(`slab ${index} has kind ${kind}`);
    if (index % size !== 0) problems.push(`span ${index} of ${size} slabs is not aligned`);
    for (let k = index + 1; k < index + size; k++)
      if ((slab(k, 0) & 0xff) !== 0) problems.push(`slab ${k} lies inside a span`);
    index += size;
    if (index > end) problems.push(`the span before ${index} leads over the end ${end}`);
  }
  for (let order = 0; order <= SPAN_ORDER_MAX; order++) {
    for (const index of chain(words[32 + order] as number)) {
      if (spans.get(index) !== order) problems.push(`free list ${order} holds slab ${index}, which is no such span`);
      spans.delete(index);
    }
  }
  for (const [index, order] of spans) problems.push(`the free span ${index} of order ${order} is in no list`);
  for (let sizeClass = 0; sizeClass < SIZE_CLASSES_BYTES.length; sizeClass++) {
    const listed = new Set(chain(words[64 + sizeClass] as number));
    const capacity = Math.floor(16384 / (SIZE_CLASSES_BYTES[sizeClass] as number));
    for (let index = first; index < end; index++) {
      if ((slab(index, 0) & 0xffff) !== (SLAB_KIND_SMALL | (sizeClass << 8)) || isInside(index)) continue;
      const hasRoom = slab(index, 0) >>> 16 < capacity;
      if (hasRoom !== listed.has(index))
        problems.push(`slab ${index} has ${hasRoom ? '' : 'no '}room and is ${listed.has(index) ? '' : 'not '}listed`);
      listed.delete(index);
    }
    for (const index of listed) problems.push(`class ${sizeClass} lists slab ${index}, which is none of it`);
  }
  return { problems, live, important };

  function isInside(index: number): boolean {
    return (slab(index, 0) & 0xff) === 0;
  }

  function isLive(block: number): boolean {
    const state = ((words[block * 4 + 3] as number) >>> 16) & 0xff;
    return state === BLOCK_STATE_LIVE && words[block * 4 + 1] !== 0;
  }

  function checkSmall(index: number, sizeClass: number, used: number, word1: number): void {
    const granules = (SIZE_CLASSES_BYTES[sizeClass] ?? 0) / 16;
    if (granules === 0) {
      problems.push(`slab ${index} is of no size class`);
      return;
    }
    const free = new Set<number>();
    const handedOut = word1 >>> 16;
    for (let next = word1 & 0xffff; next !== 0; ) {
      const block = index * 1024 + next - 1;
      if (free.has(block) || (next - 1) % granules !== 0 || next - 1 + granules > handedOut) {
        problems.push(`slab ${index}: its list of free blocks is broken`);
        break;
      }
      free.add(block);
      if ((((words[block * 4 + 3] as number) >>> 16) & 0xff) !== BLOCK_STATE_FREE)
        problems.push(`block ${block} is listed and not free`);
      next = (words[block * 4 + 2] as number) & 0xffff;
    }
    let count = 0;
    for (let offset = 0; offset + granules <= handedOut; offset += granules) {
      const block = index * 1024 + offset;
      if (isLive(block)) {
        count++;
        live.add(block);
        important.fill(1, block, block + granules);
      } else if (free.has(block)) important[block] = 1;
      else problems.push(`block ${block} is neither live nor free`);
      if (isLive(block) && free.has(block)) problems.push(`block ${block} is live and free`);
    }
    if (count !== used) problems.push(`slab ${index} counts ${used} blocks and has ${count}`);
  }

  function chain(head: number): number[] {
    const found: number[] = [];
    for (let index = head, previous = 0; index !== 0; previous = index, index = slab(index, 2)) {
      if (index < first || index >= end || found.length > nominal) {
        problems.push(`a list leads to slab ${index}`);
        break;
      }
      if (slab(index, 3) !== previous)
        problems.push(`slab ${index} names ${slab(index, 3)} as the one before it, not ${previous}`);
      found.push(index);
    }
    return found;
  }
}

/** Everything that catalog and roots own, as a checker walks it; problems go to `problems`. */
export function ownedBlocks(memory: Memory, problems: string[]): Set<number> {
  const owned = new Set<number>();
  const todo: { block: number; type: TypeDescription }[] = [];
  const own = (block: number): void => {
    if (owned.has(block)) problems.push(`block ${block} is owned twice`);
    owned.add(block);
  };
  const visitor: Visitor = {
    enter: () => undefined,
    leave: () => undefined,
    scalar: () => undefined,
    json: () => undefined,
    owned: (block, type) => void todo.push({ block, type }),
    ref: () => undefined,
    problem: (error) => void problems.push((error as Error).message),
  };
  for (const { block } of memory.catalog.entries()) own(block);
  for (const { block } of listRegions(memory)) own(block);
  for (const { block, description } of listRoots(memory)) {
    own(block);
    typeFromDescription(description, memory.catalog.kinds).visit(memory, block, 4, visitor);
  }
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const isSeen = owned.has(next.block);
    own(next.block);
    if (isSeen) continue;
    visitBlock(memory, next.block, next.type, visitor);
  }
  return owned;
}
