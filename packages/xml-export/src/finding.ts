// What is wrong with a store, one entry for each damage: a code for programs, the way to it from the root, the granule, a sentence.

import { ShmStoreError } from '@mofo/shm-store';
import { FINDING_COUNT_DEFAULT } from './constants.ts';

/** What is wrong; the README explains each. */
export type FindingCode =
  | 'SUPERBLOCK_INVALID'
  | 'SLAB_INVALID'
  | 'FREE_BLOCKS_INVALID'
  | 'SLAB_LIST_INVALID'
  | 'BLOCK_HEADER_INVALID'
  | 'BLOCK_UNREACHABLE'
  | 'BLOCK_OWNED_TWICE'
  | 'LINK_INVALID'
  | 'CATALOG_INVALID'
  | 'ROOTS_INVALID'
  | 'TYPE_INVALID'
  | 'VALUE_INVALID'
  | 'COLLECTION_INVALID'
  | 'REF_UNSET'
  | 'REF_OUT_OF_BOUNDS'
  | 'REF_MISPLACED'
  | 'REF_DANGLING'
  | 'REF_WRONG_TYPE'
  | 'LIMIT_REACHED';

/** One damage. */
export interface Finding {
  readonly code: FindingCode;
  /** From the root to the damaged value: `accounts/"alice"/manager`; what belongs to no root begins with `(`: `(heap)`, `(catalog)`. */
  readonly path: string;
  /** Granule (16 bytes) of the block concerned, or of the system's words; 0 if none. */
  readonly granule: number;
  /** What was found there, a sentence. */
  readonly message: string;
}

/** Gathers findings: keeps the first ones, counts all. */
export class FindingList {
  readonly kept: Finding[] = [];
  count = 0;
  private readonly limit: number;
  private readonly onFinding: ((finding: Finding) => void) | undefined;

  constructor(limit: number = FINDING_COUNT_DEFAULT, onFinding?: (finding: Finding) => void) {
    this.limit = limit;
    this.onFinding = onFinding;
  }

  add(code: FindingCode, path: string, granule: number, message: string): void {
    const finding: Finding = { code, path, granule: granule >>> 0, message };
    this.count++;
    if (this.kept.length < this.limit) this.kept.push(finding);
    this.onFinding?.(finding);
  }

  /** Adds what an error says, and returns the code: a more exact one if the error gives it. The error's own block, if it names one, is the granule. */
  addError(code: FindingCode, path: string, granule: number, error: unknown): FindingCode {
    const exact = codeOf(error, code);
    this.add(exact, path, blockOf(error, granule), sentenceOf(error));
    return exact;
  }
}

/** The message of an error without what does not belong into a finding: the state left behind and the advice to run a check. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/ Nothing was changed\.| Run a check of (?:the store|it)\./g, '');
}

function codeOf(error: unknown, code: FindingCode): FindingCode {
  if (!(error instanceof ShmStoreError)) return code;
  return error.code === 'WRONG_TYPE' || error.code === 'TYPE_UNKNOWN' ? 'TYPE_INVALID' : code;
}

function blockOf(error: unknown, granule: number): number {
  if (!(error instanceof ShmStoreError)) return granule;
  const { block } = error.data as { block?: unknown };
  return typeof block === 'number' ? block : granule;
}
