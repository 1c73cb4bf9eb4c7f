// Is this store sound? First the heap's own words, then everything reachable, then the sum: each block that is handed out must have been reached.

import { JournalError } from '@mofo/journal';
import { MAIN_LAST_TRANSACTION_ID, type Memory, ShmStoreError } from '@mofo/shm-store';
import { FINDING_COUNT_DEFAULT } from '../constants.ts';
import { type Finding, FindingList } from '../finding.ts';
import { type Moment, type StoreSource, takeMoment } from '../moment.ts';
import { refuseUnknownOptions } from '../xml-export-error.ts';
import { SlabMap } from './check-slabs.ts';
import { ValueWalk } from './check-values.ts';

/** Options of {@link checkStore}. */
export interface CheckOptions {
  /** Findings kept in the report, from 0 on; all are counted. Default 10,000. */
  readonly findingCountMax?: number;
  /** Called for each finding when it is made, also for those that are not kept. */
  readonly onFinding?: (finding: Finding) => void;
}

/** What a check found. */
export interface CheckReport {
  /** True if there are no findings. */
  readonly isSound: boolean;
  /** The first findings. Damage comes before what it makes unreachable. */
  readonly findings: readonly Finding[];
  /** How many there are in all. */
  readonly findingCount: number;
  /** Blocks reached from the roots and the catalog. */
  readonly blockCount: number;
  /** Refs looked at. */
  readonly refCount: number;
  /** Bytes of main in use, as far as they were ever handed out. */
  readonly usedBytes: number;
}

/**
 * Checks a whole store: superblock, slab table, free lists, headers, type catalog, every tree, list, queue and counter, every owning link and every
 * ref; each block must be reached exactly once.
 *
 * Synchronous. A live store is first copied under its write lock (0.3 s for each GiB in use; other writers wait that long) and then checked in
 * that copy, so the report is about one committed moment. Needs as much private memory as the store uses, and 1 % more. Damage never makes it
 * throw or run on: it is reported.
 *
 * @param source an open store (`Store`), or a view of an image or backup (`openView`, `openImage`)
 * @throws XmlExportError IN_TRANSACTION, UNKNOWN_OPTION; ShmStoreError when the write lock of a live store cannot be had (RETIRED, STORE_DAMAGED, …)
 * @example
 * const { isSound, findings } = checkStore(store);
 * for (const { code, path, message } of findings) console.log(code, path, message);
 */
export function checkStore(source: StoreSource, options: CheckOptions = {}): CheckReport {
  refuseUnknownOptions('checkStore', options, ['findingCountMax', 'onFinding']);
  const findings = new FindingList(options.findingCountMax ?? FINDING_COUNT_DEFAULT, options.onFinding);
  let moment: Moment;
  try {
    moment = takeMoment(source);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    findings.addError('SUPERBLOCK_INVALID', '(superblock)', 0, error);
    return report(findings, 0, 0, 0);
  }
  const { memory, view } = moment;
  const slabs = new SlabMap(memory, findings, view.sizeBytes, view.reservedBytes);
  const values = new ValueWalk(memory, slabs, findings);
  const isComplete = values.walk(view);
  checkAccounts(memory, slabs, values, findings, isComplete);
  return report(findings, values.blockCount, values.refCount, slabs.end * 16384);
}

/** True for what opening bytes that make no sense throws. */
export function isUnreadable(error: unknown): boolean {
  if (error instanceof JournalError) return false;
  return (
    error instanceof ShmStoreError &&
    ['FORMAT_UNKNOWN', 'WRONG_BYTE_ORDER', 'LAYOUT_MISMATCH', 'CORRUPT'].includes(error.code)
  );
}

/** Each block that was handed out must have a live header, of a transaction that was committed, and an owner. */
function checkAccounts(
  memory: Memory,
  slabs: SlabMap,
  values: ValueWalk,
  findings: FindingList,
  isComplete: boolean,
): void {
  const { door, heap } = memory;
  const s = door.atSystem(MAIN_LAST_TRANSACTION_ID >> 4);
  const lastId = door.floats[(s >> 1) + ((MAIN_LAST_TRANSACTION_ID & 15) >> 3)] as number;
  slabs.eachBlock((block) => {
    const i = door.at(block);
    const { words } = door;
    const stamp = words[i + 1] as number;
    const id = ((words[i + 3] as number) & 0xffff) * 4294967296 + ((words[i + 2] as number) >>> 0);
    if (!heap.isLive(block, stamp)) {
      findings.add(
        'BLOCK_HEADER_INVALID',
        '(heap)',
        block,
        `The block at granule ${block >>> 0} was handed out and has no header of a live block.`,
      );
      return;
    }
    if (!(id <= lastId)) {
      findings.add(
        'BLOCK_HEADER_INVALID',
        '(heap)',
        block,
        `The block at granule ${block >>> 0} is said to be made by transaction ${id}; the last one was ${lastId}.`,
      );
    }
    if (isComplete && !values.claimed.has(block)) {
      findings.add(
        'BLOCK_UNREACHABLE',
        '(heap)',
        block,
        `The block at granule ${block >>> 0} (layout ${heap.layoutOf(block)}) belongs to nothing that can be reached.`,
      );
    }
  });
}

function report(findings: FindingList, blockCount: number, refCount: number, usedBytes: number): CheckReport {
  return {
    isSound: findings.count === 0,
    findings: findings.kept,
    findingCount: findings.count,
    blockCount,
    refCount,
    usedBytes,
  };
}
