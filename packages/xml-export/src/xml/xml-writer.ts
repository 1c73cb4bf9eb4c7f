// The state of one export: text not yet handed out, the stack of frames, which blocks have been written, and what was found.

import type { Memory } from '@mofo/shm-store';
import { BlockNumbers, BlockSet } from '../block-set.ts';
import { NESTING_DEPTH_MAX } from '../constants.ts';
import type { FindingCode, FindingList } from '../finding.ts';
import { joinPath, type PathStep } from '../path.ts';
import type { Frame, Plan, Plans, XmlOutput } from './output.ts';
import { PlanTable } from './plan-table.ts';

/** A value that was too deep for its place, to be written as a part of its own. */
export interface Deferred {
  readonly plan: Plan;
  readonly block: number;
  readonly word: number;
  readonly path: string;
}

/** What plans and frames write to. */
export class XmlWriter implements XmlOutput {
  out = '';
  readonly memory: Memory;
  readonly plans: Plans;
  readonly findings: FindingList;
  readonly deferred: Deferred[] = [];
  private readonly frames: Frame[] = [];
  private readonly claimed = new BlockSet();
  private readonly numbers = new BlockNumbers();

  constructor(memory: Memory, findings: FindingList) {
    this.memory = memory;
    this.findings = findings;
    this.plans = new PlanTable(memory);
  }

  /** Writes on until about `length` characters have gathered or everything is written. */
  fill(length: number): void {
    const { frames } = this;
    while (frames.length > 0 && this.out.length < length) (frames[frames.length - 1] as Frame).step(this);
  }

  get isDone(): boolean {
    return this.frames.length === 0;
  }

  push(frame: Frame): void {
    this.frames.push(frame);
  }

  pop(): void {
    this.frames.pop();
  }

  /** True if a value that would take a frame must be written elsewhere; then its stand-in has been written. */
  defer(plan: Plan, block: number, word: number, name: string): boolean {
    if (this.frames.length < NESTING_DEPTH_MAX) return false;
    this.deferred.push({ plan, block, word, path: this.path() });
    this.out += `<deferred${name} to="d${this.deferred.length}"/>`;
    return true;
  }

  /** The id of a record, the same whether a ref or the record itself comes first. */
  idOf(block: number): string {
    return `o${this.numbers.numberOf(block)}`;
  }

  /**
   * Notes that a block is written here. If it cannot be, because no live block of that layout (any, if 0) is there or it was written before,
   * reports that, writes the marker, and answers false.
   */
  claim(block: number, layoutId: number, name: string): boolean {
    const { heap } = this.memory;
    try {
      if (layoutId === 0) heap.prove(block);
      else heap.check(block, layoutId);
    } catch (error) {
      this.invalidError('LINK_INVALID', name, block, error);
      return false;
    }
    if (this.claimed.add(block)) return true;
    this.invalid('BLOCK_OWNED_TWICE', name, block, `The block at granule ${block >>> 0} has another owner already.`);
    return false;
  }

  /** Writes the marker of a value that cannot be written, and reports why. */
  invalid(code: FindingCode, name: string, granule: number, message: string): void {
    this.findings.add(code, this.path(), granule, message);
    this.out += `<invalid${name} code="${code}"/>`;
  }

  /** The same for an error that reading the value threw. */
  invalidError(code: FindingCode, name: string, granule: number, error: unknown): void {
    const exact = this.findings.addError(code, this.path(), granule, error);
    this.out += `<invalid${name} code="${exact}"/>`;
  }

  /** Reports an error that leaves no marker where it was met. */
  report(code: FindingCode, granule: number, error: unknown): void {
    this.findings.addError(code, this.path(), granule, error);
  }

  /** Claims a block of which the caller reports what is wrong. */
  claimQuietly(block: number): boolean {
    return this.claimed.add(block);
  }

  /** Number of frames. */
  get depth(): number {
    return this.frames.length;
  }

  private path(): string {
    const steps: PathStep[] = [];
    for (const { place } of this.frames) if (place !== undefined) steps.push(place);
    return joinPath(steps);
  }
}
