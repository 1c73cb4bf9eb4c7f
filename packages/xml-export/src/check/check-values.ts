// Everything that is reachable from the catalog and the roots: each block by owning links, once, and each ref. The structures report what they hold
// (`visit`); this side claims their blocks, judges the refs, and knows the way from the root.
//
// Owned records and collections are followed at once, so that the way to them need not be kept; only what lies deeper than CHECK_DEPTH_MAX waits in
// a list. Bounded: each block is followed when it is claimed, that is once, and the steps as a whole are counted against the heap's size.

import { listRoots, type View } from '@mofo/journal';
import {
  type JsonValue,
  LAYOUT_USER_FIRST,
  listRegions,
  type Memory,
  type ScalarValue,
  type TypeDescription,
  typeFromDescription,
  type Visitor,
  visitBlock,
} from '@mofo/shm-store';
import { BlockSet } from '../block-set.ts';
import { CHECK_DEPTH_MAX, CHECK_STEPS_FREE, CHECK_STEPS_PER_WORD } from '../constants.ts';
import { type FindingCode, type FindingList, sentenceOf } from '../finding.ts';
import { placeInHeap } from '../heap-place.ts';
import { joinPath, keyStep, type PathStep } from '../path.ts';
import { blockOfPlace, PlaceType, wordOfPlace } from '../place-type.ts';
import type { SlabMap } from './check-slabs.ts';

/** Kinds whose blocks are followed; all others hold only what their owner reports. */
const FOLLOWED_KINDS: ReadonlySet<string> = new Set(['record', 'tree', 'list', 'queue', 'counter']);
const COLLECTION_KINDS: ReadonlySet<string> = new Set(['tree', 'list', 'queue', 'counter']);

interface Waiting {
  readonly block: number;
  readonly type: TypeDescription;
  readonly path: string;
}

/** Thrown through the structures' walks when the steps are used up. */
class LimitReached extends Error {}

/** Walks all values of a store. */
export class ValueWalk implements Visitor {
  readonly claimed: BlockSet = new BlockSet();
  blockCount = 0;
  refCount = 0;
  private readonly memory: Memory;
  private readonly findings: FindingList;
  private readonly steps: PathStep[] = [];
  private readonly waiting: Waiting[] = [];
  private stepsLeft: number;
  private depth = 0;
  /** Block that is being visited. */
  private block = 0;
  /** Length of `steps` at the collection that is being visited, or -1 inside a record. */
  private collectionLevel = -1;
  /** True while a tree with keys of text is visited. */
  private hasTextKeys = false;
  private lastProblem = '';

  constructor(memory: Memory, slabs: SlabMap, findings: FindingList) {
    this.memory = memory;
    this.findings = findings;
    this.stepsLeft = CHECK_STEPS_FREE + CHECK_STEPS_PER_WORD * (slabs.end - slabs.first) * 4096;
  }

  /** Checks everything. Returns false if catalog or roots could not be read, so that what they lead to is unknown. */
  walk(view: View): boolean {
    try {
      const hasCatalog = this.claimCatalog();
      return this.walkRoots(view, hasCatalog) && hasCatalog;
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      this.findings.add(
        'LIMIT_REACHED',
        joinPath(this.steps),
        this.block,
        'The structures lead into each other so often that the check was ended here.',
      );
      return false;
    }
  }

  // What the structures report.

  enter(name: string | number): void {
    this.spend(1);
    const isTextKey = this.hasTextKeys && this.steps.length === this.collectionLevel;
    this.steps.push(isTextKey ? keyStep(name) : name);
  }

  leave(): void {
    this.steps.pop();
  }

  scalar(value: ScalarValue): void {
    this.spend(typeof value === 'string' || value instanceof Uint8Array ? 1 + (value.length >> 2) : 1);
  }

  json(_value: unknown): void {
    this.spend(1);
  }

  owned(block: number, type: TypeDescription): void {
    this.spend(1);
    if (!this.claim(block)) return;
    if (!FOLLOWED_KINDS.has(type.kind)) return;
    if (this.depth < CHECK_DEPTH_MAX) this.follow(block, type);
    else this.waiting.push({ block, type, path: joinPath(this.steps) });
  }

  ref(block: number, stamp: number, type: TypeDescription): void {
    this.spend(1);
    this.refCount++;
    const target = type.to as string;
    const report = (code: FindingCode, what: string): void => {
      this.findings.add(code, joinPath(this.steps), this.block, `A ref to a ${target} ${what}.`);
    };
    if (block === 0 && stamp === 0) {
      report('REF_UNSET', 'was never set');
      return;
    }
    const place = placeInHeap(this.memory, block);
    if (place === 'outside') report('REF_OUT_OF_BOUNDS', `leads to granule ${block >>> 0}, outside the heap`);
    else if (!this.memory.heap.isLive(block, stamp)) {
      if (place === 'start')
        report('REF_DANGLING', `leads to granule ${block >>> 0}, where the record that it named no longer is`);
      else report('REF_MISPLACED', `leads to granule ${block >>> 0}, where no block starts`);
    } else {
      const found = this.nameOf(this.memory.heap.layoutOf(block));
      if (found !== target) report('REF_WRONG_TYPE', `leads to granule ${block >>> 0}, where there is a ${found}`);
    }
  }

  problem(error: unknown): void {
    if (error instanceof LimitReached) throw error;
    this.spend(1);
    const path = joinPath(this.steps);
    const isCollection = this.collectionLevel >= 0 && this.steps.length <= this.collectionLevel;
    // A damaged link is met by whoever claims the block and by whoever reads it; it is one damage.
    const key = `${path} ${sentenceOf(error)}`;
    if (key === this.lastProblem) return;
    this.lastProblem = key;
    this.findings.addError(isCollection ? 'COLLECTION_INVALID' : 'VALUE_INVALID', path, this.block, error);
  }

  private claimCatalog(): boolean {
    this.steps.push('(catalog)');
    let isSound = true;
    try {
      for (const entry of this.memory.catalog.entries()) {
        this.steps.push(`${entry.name}:${entry.layoutId}`);
        isSound = this.claim(entry.block) && isSound;
        try {
          this.memory.catalog.storedFields(entry);
          if (entry.kind === 'struct') this.memory.catalog.storedStruct(entry.layoutId);
          else if (this.memory.catalog.entry(entry.base).name !== entry.name)
            throw new Error(`It extends layout ${entry.base}, a type of another name.`);
        } catch (error) {
          this.findings.addError('CATALOG_INVALID', joinPath(this.steps), entry.block, error);
        }
        this.steps.pop();
      }
    } catch (error) {
      if (error instanceof LimitReached) throw error;
      isSound = false;
      this.findings.addError('CATALOG_INVALID', joinPath(this.steps), 0, error);
    }
    this.steps.length = 0;
    return isSound;
  }

  private walkRoots(view: View, hasCatalog: boolean): boolean {
    try {
      // What is in them only their owners know.
      for (const { block } of listRegions(this.memory)) this.claim(block);
    } catch (error) {
      this.findings.addError('ROOTS_INVALID', '(regions)', 0, error);
      return false;
    }
    let roots: readonly { name: string; block: number; description: TypeDescription }[];
    try {
      roots = listRoots(this.memory);
    } catch (error) {
      this.findings.addError('ROOTS_INVALID', '(roots)', 0, error);
      return false;
    }
    const names = new Set<string>();
    for (const { name, block, description } of roots.toReversed()) {
      this.steps.length = 0;
      this.steps.push(name);
      this.depth = 0;
      this.collectionLevel = -1;
      this.block = block;
      if (!this.claim(block)) continue;
      if (names.has(name)) this.findings.add('ROOTS_INVALID', name, block, 'Two roots have this name.');
      names.add(name);
      if (hasCatalog) this.visitRoot(view, name, block, description);
    }
    return true;
  }

  private visitRoot(view: View, name: string, block: number, description: TypeDescription): void {
    try {
      const type = typeFromDescription(description, this.memory.catalog.kinds);
      const place = rootPlace(view, name, new PlaceType(type, description));
      type.visit(this.memory, blockOfPlace(place), wordOfPlace(place), this);
    } catch (error) {
      if (error instanceof LimitReached) throw error;
      this.findings.addError('ROOTS_INVALID', name, block, error);
    }
    for (let next = this.waiting.pop(); next !== undefined; next = this.waiting.pop()) {
      this.steps.length = 0;
      this.steps.push(next.path);
      this.follow(next.block, next.type);
    }
  }

  private follow(block: number, type: TypeDescription): void {
    const { block: outer, collectionLevel, hasTextKeys } = this;
    const level = this.steps.length;
    this.block = block;
    this.collectionLevel = COLLECTION_KINDS.has(type.kind) ? level : -1;
    this.hasTextKeys = type.kind === 'tree' && (type.key as TypeDescription).kind === 'text';
    this.depth++;
    visitBlock(this.memory, block, type, this);
    this.depth--;
    this.steps.length = level;
    this.block = outer;
    this.collectionLevel = collectionLevel;
    this.hasTextKeys = hasTextKeys;
  }

  /** Notes that a block has its owner. False if there is no live block, or it has one already. */
  private claim(block: number): boolean {
    try {
      this.memory.heap.prove(block);
    } catch (error) {
      this.lastProblem = `${joinPath(this.steps)} ${sentenceOf(error)}`;
      this.findings.add(
        'LINK_INVALID',
        joinPath(this.steps),
        this.block,
        `An owning link leads to granule ${block >>> 0}. ${sentenceOf(error)}`,
      );
      return false;
    }
    if (this.claimed.add(block)) {
      this.blockCount++;
      return true;
    }
    this.findings.add(
      'BLOCK_OWNED_TWICE',
      joinPath(this.steps),
      block,
      `The block at granule ${block >>> 0} has another owner already.`,
    );
    return false;
  }

  private nameOf(layoutId: number): string {
    if (layoutId < LAYOUT_USER_FIRST)
      return this.memory.catalog.kinds.blocks.get(layoutId)?.name ?? `block of layout ${layoutId}`;
    try {
      const entry = this.memory.catalog.entry(layoutId);
      return entry.kind === 'struct' ? entry.name : `extension of ${entry.name}`;
    } catch {
      // That the layout is unknown is the finding, made by the caller from this name.
      return `record of the unknown layout ${layoutId}`;
    }
  }

  private spend(steps: number): void {
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) throw new LimitReached();
  }
}

/** Where a root's value lies; `type` is its type as a place. */
export function rootPlace(view: View, name: string, type: PlaceType): number {
  const roots = view.openRoots({ [name]: type }) as unknown as Readonly<Record<string, JsonValue>>;
  return roots[name] as number;
}
