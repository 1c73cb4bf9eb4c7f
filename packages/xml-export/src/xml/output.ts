// What writing a value needs, as interfaces, so that plans, frames and the writer know each other without importing each other.
//
// Values nest as deep as they like, and a consumer may pause anywhere: so the nesting is a stack of frames, not of calls. A plan writes what is
// short at once, and puts a frame on the stack for what is not.

import type { CatalogEntry, Memory, TypeDescription } from '@mofo/shm-store';
import type { FindingCode } from '../finding.ts';
import type { PathStep } from '../path.ts';

/** Writes values of one type: compiled once, run for each value. */
export interface Plan {
  /**
   * Writes the value's element, or `<invalid code="…"/>` for what cannot be read, with a finding. It reads where the value lies, so that the bits of
   * a NaN are seen, which JavaScript may lose when it passes a number on. `name` is ` name="…"` for fields, else ''.
   */
  write(writer: XmlOutput, block: number, word: number, name: string): void;
}

/** One value that is being written. */
export interface Frame {
  /** Where in its owner the frame is now, for the path of a finding; `undefined` adds nothing. */
  readonly place: PathStep | undefined;
  /** Writes on a little, or puts a frame for a value inside on top. Takes itself off the stack when it has written its end. */
  step(writer: XmlOutput): void;
}

/** A field with its plan. */
export interface PlannedField {
  readonly name: string;
  /** ` name="…"`, ready to be written. */
  readonly attribute: string;
  /** Payload word, from the base of its range. */
  readonly word: number;
  readonly plan: Plan;
}

/** A layout of records or extensions with its plans. */
export interface LayoutPlan {
  readonly entry: CatalogEntry;
  readonly fields: readonly PlannedField[];
}

/** The plans of one export. Both throw CORRUPT, TYPE_UNKNOWN. */
export interface Plans {
  planOf(description: TypeDescription): Plan;
  layoutOf(layoutId: number): LayoutPlan;
}

/** Where plans and frames write to. */
export interface XmlOutput {
  /** Text since it was last taken. */
  out: string;
  readonly memory: Memory;
  readonly plans: Plans;
  /** Number of frames. */
  readonly depth: number;
  push(frame: Frame): void;
  pop(): void;
  /** True if a value that would take a frame is nested too deep; then its stand-in has been written, and it will be a part of its own. */
  defer(plan: Plan, block: number, word: number, name: string): boolean;
  /** The id of a record, the same whether a ref or the record itself comes first. */
  idOf(block: number): string;
  /**
   * Notes that a block is written here. If it cannot be, because no live block of that layout (any, if 0) is there or it was written before,
   * reports that, writes the marker, and answers false.
   */
  claim(block: number, layoutId: number, name: string): boolean;
  /** Claims a live block of which the caller reports what is wrong. */
  claimQuietly(block: number): boolean;
  /** Writes the marker of a value that cannot be written, and reports why. */
  invalid(code: FindingCode, name: string, granule: number, message: string): void;
  /** The same for an error that reading the value threw. */
  invalidError(code: FindingCode, name: string, granule: number, error: unknown): void;
  /** Reports an error that leaves no marker where it was met. */
  report(code: FindingCode, granule: number, error: unknown): void;
}
