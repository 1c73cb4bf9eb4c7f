// The heap's own words, without the structures in it: superblock, slab table, free blocks of each slab, and the lists of slabs. Nothing read here
// is believed: every loop is bounded by the number of slabs or of granules in one.
//
//   slab table ──▶ small slab: handed-out blocks = live ones + those in its free list; in its class's list exactly if there is room
//              ──▶ large or free span: 2^order slabs, aligned, the inner ones marked as nothing
//   span heads, class heads ──▶ lists of slabs, linked both ways, each slab in exactly one

import {
  BLOCK_STATE_FREE,
  LAYOUT_USER_FIRST,
  MAIN_CLASS_HEADS,
  MAIN_HEAP,
  MAIN_NEXT_LAYOUT_ID,
  MAIN_SLAB_TABLE,
  MAIN_SPAN_HEADS,
  type Memory,
  SIZE_CLASSES_BYTES,
  SLAB_BYTES,
  SLAB_GRANULES,
  SLAB_KIND_FREE,
  SLAB_KIND_LARGE,
  SLAB_KIND_NONE,
  SLAB_KIND_SMALL,
  SPAN_ORDER_MAX,
} from '@mofo/shm-store';
import { BlockSet } from '../block-set.ts';
import type { FindingCode, FindingList } from '../finding.ts';

const TABLE_GRANULE = MAIN_SLAB_TABLE / 16;
const PATH = '(heap)';
/** Words of the list heads in the superblock. */
const SPAN_HEAD_COUNT = 20;
const CLASS_HEAD_COUNT = 64;

/** A descriptor as it stands. */
interface Slab {
  readonly kind: number;
  /** Size class or order. */
  readonly value: number;
  readonly used: number;
  readonly firstFree: number;
  readonly handedOut: number;
  readonly next: number;
  readonly previous: number;
}

/** What is known of the heap after the check of its words. */
export class SlabMap {
  readonly first: number;
  readonly end: number;
  /** Blocks in free lists. */
  readonly free: BlockSet = new BlockSet();
  private readonly memory: Memory;
  private readonly findings: FindingList;
  /** Sound kind of each slab, index from `first`; NONE also for damaged ones. */
  private readonly kinds: Uint8Array;

  constructor(memory: Memory, findings: FindingList, sizeBytes: number, reservedBytes: number) {
    this.memory = memory;
    this.findings = findings;
    this.first = memory.door.heapFirst / SLAB_GRANULES;
    // The view has proved that the bound lies behind the heap's first slab and inside what may be read.
    this.end = this.systemWord(MAIN_HEAP / 16, 1) >>> 0;
    this.kinds = new Uint8Array(this.end - this.first);
    this.checkSuperblock(sizeBytes);
    this.checkTable(reservedBytes);
    this.checkLists();
  }

  /** Calls `visit` for each place where a block was handed out and not freed, damaged slabs left out. */
  eachBlock(visit: (block: number) => void): void {
    for (let slab = this.first; slab < this.end; slab++) {
      const kind = this.kinds[slab - this.first];
      if (kind === SLAB_KIND_LARGE) visit((slab * SLAB_GRANULES) | 0);
      if (kind !== SLAB_KIND_SMALL) continue;
      const { value, handedOut } = this.read(slab);
      const granules = classGranules(value);
      for (let offset = 0; offset + granules <= handedOut; offset += granules) {
        const block = (slab * SLAB_GRANULES + offset) | 0;
        if (!this.free.has(block)) visit(block);
      }
    }
  }

  private checkSuperblock(sizeBytes: number): void {
    const heap = MAIN_HEAP / 16;
    const report = (message: string): void => this.add('SUPERBLOCK_INVALID', heap, message);
    const first = this.systemWord(heap, 0) >>> 0;
    if (first !== this.first)
      report(`The superblock says that the heap begins at slab ${first}; it begins at ${this.first}.`);
    const nominal = this.systemWord(heap, 2) >>> 0;
    if (nominal !== sizeBytes / SLAB_BYTES)
      report(`The superblock says that the store has ${nominal} slabs; it has ${sizeBytes / SLAB_BYTES}.`);
    if (this.end > sizeBytes / SLAB_BYTES)
      report(`The superblock says that ${this.end} slabs were handed out of ${sizeBytes / SLAB_BYTES}.`);
    if (this.systemWord(heap, 3) !== 0) report('A reserved word of the superblock is not zero.');
    const nextId = this.systemWord(MAIN_NEXT_LAYOUT_ID >> 4, 2);
    if (nextId < LAYOUT_USER_FIRST) report(`The superblock says that the next layout id is ${nextId}.`);
    const floor = this.systemWord(MAIN_NEXT_LAYOUT_ID >> 4, 3);
    if (floor !== 0 && (floor < LAYOUT_USER_FIRST || floor >= nextId))
      report(`The superblock says that the floor is layout ${floor}.`);
  }

  private checkTable(reservedBytes: number): void {
    for (let slab = this.first; slab < this.end; ) slab += this.checkSlab(slab);
    const last = Math.min(Math.floor(reservedBytes / SLAB_BYTES), this.first * SLAB_GRANULES - TABLE_GRANULE);
    for (let slab = 0; slab < last; slab++) {
      if (slab === this.first) slab = this.end;
      if (slab >= last) break;
      const i = this.memory.door.atSystem(TABLE_GRANULE + slab);
      const { words } = this.memory.door;
      if (
        ((words[i] as number) | (words[i + 1] as number) | (words[i + 2] as number) | (words[i + 3] as number)) !==
        0
      ) {
        this.slabFinding(slab, 'was never handed out and is described as something');
      }
    }
  }

  /** Checks the span that begins at this slab and returns its length in slabs. */
  private checkSlab(slab: number): number {
    const { kind, value, used, firstFree, handedOut } = this.read(slab);
    if (kind === SLAB_KIND_SMALL) {
      if (value >= SIZE_CLASSES_BYTES.length) this.slabFinding(slab, `has size class ${value}, which there is not`);
      else this.checkSmallSlab(slab);
      return 1;
    }
    if (kind !== SLAB_KIND_LARGE && kind !== SLAB_KIND_FREE) {
      this.slabFinding(slab, kind === SLAB_KIND_NONE ? 'belongs to no span' : `is of kind ${kind}, which there is not`);
      return 1;
    }
    const size = 2 ** value;
    if (value > SPAN_ORDER_MAX || slab % size !== 0 || slab + size > this.end) {
      this.slabFinding(slab, `is said to begin a span of order ${value}, which cannot lie there`);
      return 1;
    }
    if (used !== (kind === SLAB_KIND_LARGE ? 1 : 0) || firstFree !== 0 || handedOut !== 0) {
      this.slabFinding(slab, 'begins a span and has counts of small blocks');
    }
    for (let inner = slab + 1; inner < slab + size; inner++) {
      const i = this.memory.door.atSystem(TABLE_GRANULE + inner);
      const { words } = this.memory.door;
      if (((words[i] as number) | (words[i + 1] as number) | (words[i + 2] as number) | (words[i + 3] as number)) === 0)
        continue;
      this.slabFinding(inner, 'lies inside a span and is described as something of its own');
      if (((words[i] as number) & 0xff) !== SLAB_KIND_NONE) {
        // Which of the two is right is not known; going on at the inner one finds out more.
        this.kinds[slab - this.first] = kind;
        return inner - slab;
      }
    }
    this.kinds[slab - this.first] = kind;
    if (kind === SLAB_KIND_LARGE) this.requireUnlisted(slab);
    return size;
  }

  private checkSmallSlab(slab: number): void {
    const { value, used, firstFree, handedOut } = this.read(slab);
    const granules = classGranules(value);
    if (handedOut > SLAB_GRANULES || handedOut % granules !== 0) {
      this.slabFinding(slab, `has handed out ${handedOut} granules in blocks of ${granules}`);
      return;
    }
    this.kinds[slab - this.first] = SLAB_KIND_SMALL;
    const blocks = handedOut / granules;
    let freeCount = 0;
    for (let next = firstFree; next !== 0; ) {
      const offset = next - 1;
      const block = (slab * SLAB_GRANULES + offset) | 0;
      if (offset % granules !== 0 || offset + granules > handedOut) {
        this.add(
          'FREE_BLOCKS_INVALID',
          block,
          `The free list of slab ${slab} leads to granule ${block >>> 0}, where no block was handed out.`,
        );
        return;
      }
      if (!this.free.add(block)) {
        this.add('FREE_BLOCKS_INVALID', block, `The free list of slab ${slab} comes back to granule ${block >>> 0}.`);
        return;
      }
      freeCount++;
      const i = this.memory.door.atSystem(block);
      const { words } = this.memory.door;
      const state = (words[i + 3] as number) >>> 16;
      if (words[i] !== 0 || words[i + 1] !== 0 || state !== (BLOCK_STATE_FREE | (freeCheckByte(block) << 8))) {
        this.add(
          'FREE_BLOCKS_INVALID',
          block,
          `The block at granule ${block >>> 0} stands in a free list and has no header of a free block.`,
        );
      }
      next = (words[i + 2] as number) & 0xffff;
    }
    if (used + freeCount !== blocks) {
      this.slabFinding(slab, `counts ${used} blocks in use, has ${freeCount} free ones and has handed out ${blocks}`);
    }
    if (used === Math.floor(SLAB_GRANULES / granules)) this.requireUnlisted(slab);
  }

  private checkLists(): void {
    const listed = new Uint8Array(this.end - this.first);
    for (let order = 0; order < SPAN_HEAD_COUNT; order++) {
      this.walkList(MAIN_SPAN_HEADS / 16, order, listed, `free spans of order ${order}`, ({ kind, value }) => {
        return kind === SLAB_KIND_FREE && value === order && order <= SPAN_ORDER_MAX;
      });
    }
    for (let sizeClass = 0; sizeClass < CLASS_HEAD_COUNT; sizeClass++) {
      this.walkList(MAIN_CLASS_HEADS / 16, sizeClass, listed, `slabs of size class ${sizeClass}`, (slab) => {
        return slab.kind === SLAB_KIND_SMALL && slab.value === sizeClass && hasRoom(slab);
      });
    }
    for (let slab = this.first; slab < this.end; slab++) {
      if (listed[slab - this.first] === 1) continue;
      const kind = this.kinds[slab - this.first];
      const belongs = kind === SLAB_KIND_FREE || (kind === SLAB_KIND_SMALL && hasRoom(this.read(slab)));
      if (belongs)
        this.add(
          'SLAB_LIST_INVALID',
          TABLE_GRANULE + slab,
          `Slab ${slab} has room and stands in no list: its room is lost.`,
        );
    }
  }

  private walkList(
    heads: number,
    index: number,
    listed: Uint8Array,
    name: string,
    belongs: (slab: Slab) => boolean,
  ): void {
    let slab = this.systemWord(heads + (index >> 2), index & 3) >>> 0;
    for (let previous = 0; slab !== 0; ) {
      const from = previous === 0 ? heads + (index >> 2) : TABLE_GRANULE + previous;
      if (slab < this.first || slab >= this.end) {
        this.add('SLAB_LIST_INVALID', from, `The list of ${name} leads to slab ${slab}, outside the heap.`);
        return;
      }
      if (listed[slab - this.first] === 1) {
        this.add(
          'SLAB_LIST_INVALID',
          from,
          `The list of ${name} leads to slab ${slab}, which stands in a list already.`,
        );
        return;
      }
      const found = this.read(slab);
      if (!belongs(found)) {
        this.add('SLAB_LIST_INVALID', from, `The list of ${name} leads to slab ${slab}, which does not belong there.`);
        return;
      }
      listed[slab - this.first] = 1;
      if (found.previous !== previous) {
        this.add(
          'SLAB_LIST_INVALID',
          TABLE_GRANULE + slab,
          `Slab ${slab} in the list of ${name} says that slab ${found.previous} is before it; that is ${previous}.`,
        );
      }
      previous = slab;
      slab = found.next;
    }
  }

  private requireUnlisted(slab: number): void {
    const { next, previous } = this.read(slab);
    if (next !== 0 || previous !== 0) {
      this.add(
        'SLAB_LIST_INVALID',
        TABLE_GRANULE + slab,
        `Slab ${slab} stands in no list and has neighbours ${next} and ${previous} in one.`,
      );
    }
  }

  private read(slab: number): Slab {
    const i = this.memory.door.atSystem(TABLE_GRANULE + slab);
    const { words } = this.memory.door;
    const word0 = words[i] as number;
    const word1 = words[i + 1] as number;
    return {
      kind: word0 & 0xff,
      value: (word0 >>> 8) & 0xff,
      used: word0 >>> 16,
      firstFree: word1 & 0xffff,
      handedOut: word1 >>> 16,
      next: (words[i + 2] as number) >>> 0,
      previous: (words[i + 3] as number) >>> 0,
    };
  }

  private systemWord(granule: number, word: number): number {
    const i = this.memory.door.atSystem(granule);
    return this.memory.door.words[i + word] as number;
  }

  private slabFinding(slab: number, what: string): void {
    this.add('SLAB_INVALID', TABLE_GRANULE + slab, `Slab ${slab} ${what}.`);
  }

  private add(code: FindingCode, granule: number, message: string): void {
    this.findings.add(code, PATH, granule, message);
  }
}

/** True if a small slab can hand out one more block. */
function hasRoom({ value, used }: Slab): boolean {
  return value < SIZE_CLASSES_BYTES.length && used < Math.floor(SLAB_GRANULES / classGranules(value));
}

function classGranules(sizeClass: number): number {
  return (SIZE_CLASSES_BYTES[sizeClass] as number) / 16;
}

/** The check byte of a free block's header, as the heap writes it. */
function freeCheckByte(block: number): number {
  return Math.imul(block, 0x9e3779b1) >>> 24;
}
