// Cuts a transaction after each of its stores: the bytes that a process killed there leaves are laid into a second real store, the addon's own recovery
// runs over them, and everything that means something must be as it was before. JavaScript never sets the mark, so no cut may give anything else.

import {
  CONTROL_LAST_TRANSACTION_ID,
  CONTROL_PAGE_STATES,
  CONTROL_RESERVED_GRANULES,
  CONTROL_SLOTS,
  destroyStore,
  type NativeStore,
  openSegments,
  SLOT_BYTES,
  SLOT_JOURNAL_RESERVED,
  SLOT_MARK,
  SLOT_UNDO_RESERVED,
} from '@mofo/shm-store';
import type { RedoDoor } from '../../src/redo/redo-door.ts';
import { openStore, type RootDeclaration, type Store } from '../../src/store.ts';
import { checkHeap, type HeapReport, ownedBlocks } from './check-heap.ts';
import { type Entry, Recorder } from './cut-recorder.ts';

const PAGE_BYTES = 4096;
const SLOT_WORDS_BYTES = SLOT_UNDO_RESERVED + 4 - SLOT_MARK;
const UNDO_LAID_BYTES = 2 ** 18;

/** What cutting one transaction showed. */
export interface CutReport {
  /** States that were recovered. */
  cuts: number;
  stores: number;
  problems: string[];
  outcome: 'committed' | 'rolled back';
}

/** Problems that are enough to stop looking. */
const PROBLEMS_MAX = 5;
let count = 0;

export class CutStore<R extends RootDeclaration> {
  readonly store: Store<R>;
  readonly recorder: Recorder;
  private readonly native: NativeStore;
  private readonly target: NativeStore;
  private readonly names: string[];
  private readonly main: Uint8Array;
  private readonly targetMain: Uint8Array;

  /** `plant` may change the door before anything is recorded. */
  constructor(sizeBytes: number, root: R, plant: (door: RedoDoor) => void = () => undefined) {
    this.names = [`test-${process.pid}-cut-${++count}`, `test-${process.pid}-cut-${++count}`];
    const [name = '', target = ''] = this.names;
    this.store = openStore({ name, sizeBytes, root });
    this.native = this.store.native;
    this.target = openSegments({ name: target, sizeBytes, create: true });
    this.target.transaction(() => {
      this.target.reserveMain(sizeBytes / 16);
      this.target.reserveUndo(UNDO_LAID_BYTES);
      return 0;
    });
    this.main = new Uint8Array(this.native.windows[0] as ArrayBuffer);
    this.targetMain = new Uint8Array(this.target.windows[0] as ArrayBuffer);
    const door = this.store.memory.door as RedoDoor;
    this.recorder = new Recorder(this.native, door);
    plant(door);
  }

  close(): void {
    this.store.close();
    this.target.close();
    for (const name of this.names) destroyStore(name, { force: true });
  }

  /** Bytes below the published bound. */
  private snapshot(): Uint8Array<ArrayBuffer> {
    const reserved = new Uint32Array(this.native.control, CONTROL_RESERVED_GRANULES, 1)[0] as number;
    const copy = new Uint8Array(this.main.length);
    copy.set(this.main.subarray(0, reserved * 16));
    return copy;
  }

  /** The heap's and the structures' own checks of the store as it is, with leaks. */
  check(): string[] {
    const report = checkHeap(this.snapshot());
    const { problems, live } = report;
    const owned = ownedBlocks(this.store.memory, problems);
    for (const block of live) if (!owned.has(block)) problems.push(`block ${block} leaked`);
    for (const block of owned) if (!live.has(block)) problems.push(`block ${block} is owned and not live`);
    return problems;
  }

  /** Runs `body` as a transaction and recovers the states after every `stride`-th store. */
  cut(body: () => void, stride = 1): CutReport {
    const { recorder, native } = this;
    const pageStates = this.pageStates(native);
    pageStates.fill(0);
    let before = new Uint8Array(0);
    let control = new Uint8Array(0);
    let undo = new Uint8Array(0);
    let outcome: CutReport['outcome'] = 'committed';
    try {
      this.store.transaction(() => {
        before = this.snapshot();
        control = new Uint8Array(native.control).slice();
        undo = new Uint8Array(native.undo).slice(0, this.undoBacked());
        recorder.start();
        body();
      });
    } catch (error) {
      if ((error as Error).message !== 'planned') throw error;
      outcome = 'rolled back';
    } finally {
      recorder.stop();
    }
    const { entries } = recorder;
    const report = checkHeap(before);
    const problems = report.problems.map((problem) => `before: ${problem}`);
    const after = this.snapshot();
    for (let page = 0; page < after.length / PAGE_BYTES; page++) {
      if (pageStates[page] === 0 && !equalRange(before, after, page * PAGE_BYTES, PAGE_BYTES))
        problems.push(`page ${page} changed and is not dirty`);
    }
    const cuts = this.recoverAll(entries, { before, control, undo, report }, stride, problems);
    const played = this.replay(entries, before, outcome);
    for (let at = 0; at < after.length; at += 16) {
      const isWanted = outcome === 'committed' || report.important[at / 16] === 1;
      if (at !== 80 && isWanted && !equalRange(played, after, at, 16)) {
        problems.push(`granule ${at / 16} is not what the record of stores makes it`);
        break;
      }
    }
    return { cuts, stores: entries.length, problems, outcome };
  }

  private recoverAll(
    entries: readonly Entry[],
    start: { before: Uint8Array; control: Uint8Array; undo: Uint8Array; report: HeapReport },
    stride: number,
    problems: string[],
  ): number {
    const { before, report } = start;
    const main = before.slice();
    const control = start.control.slice();
    const undo = new Uint8Array(UNDO_LAID_BYTES);
    undo.set(start.undo.subarray(0, UNDO_LAID_BYTES));
    const pages = new Set<number>([0]);
    const touched = new Set<number>();
    const states = this.pageStatesOffset();
    let cuts = 0;
    this.targetMain.set(main);
    for (let k = 0; k <= entries.length && problems.length < PROBLEMS_MAX; k++) {
      if (k > 0) {
        const { segment, offset, bytes } = entries[k - 1] as Entry;
        if (segment === 'main') {
          main.set(bytes, offset);
          for (let at = offset & ~15; at < offset + bytes.length; at += 16) touched.add(at >> 4);
          pages.add(offset >> 12);
          if (control[states + (offset >> 12)] === 0)
            problems.push(`store ${k} went to page ${offset >> 12} past the guard`);
        } else if (segment === 'control') control.set(bytes, offset);
        else if (segment === 'undo')
          undo.set(bytes.subarray(0, Math.max(0, UNDO_LAID_BYTES - offset)), Math.min(offset, UNDO_LAID_BYTES));
        else continue;
      }
      if (k % stride !== 0 && k !== entries.length) continue;
      cuts++;
      for (const page of pages) this.targetMain.set(main.subarray(page << 12, (page + 1) << 12), page << 12);
      this.lay(control, undo);
      try {
        this.target.transaction(() => 0);
      } catch (error) {
        problems.push(`after store ${k} of ${entries.length}: recovery says ${(error as { code?: string }).code}`);
        new Uint32Array(this.target.control, 260, 1)[0] = 0;
      }
      for (const granule of touched) {
        if (report.important[granule] === 1 && !equalRange(this.targetMain, before, granule * 16, 16)) {
          problems.push(`after store ${k} of ${entries.length}: granule ${granule} is not as it was`);
          break;
        }
      }
      const targetStates = this.pageStates(this.target);
      for (const page of pages) {
        if (targetStates[page] === 0 && !equalRange(this.targetMain, before, page << 12, PAGE_BYTES))
          problems.push(`after store ${k}: page ${page} changed and is not dirty`);
      }
    }
    // Recovery wrote nowhere but where the transaction had been.
    for (let granule = 0; granule < report.important.length; granule++) {
      if (!touched.has(granule) && granule !== 5 && !equalRange(this.targetMain, before, granule * 16, 16)) {
        problems.push(`granule ${granule} was changed by recovery alone`);
        break;
      }
    }
    return cuts;
  }

  /** Main as the record of stores and, for a commit, the journal's images make it. */
  private replay(entries: readonly Entry[], before: Uint8Array, outcome: CutReport['outcome']): Uint8Array {
    const main = before.slice();
    if (outcome !== 'committed') {
      return main;
    }
    const door = this.store.memory.door as RedoDoor;
    for (const { segment, offset, bytes } of entries) if (segment === 'main') main.set(bytes, offset);
    const journal = new Uint32Array(this.native.journal);
    for (let at = 0; at < door.journalLength; ) {
      const granules = journal[at + 1] as number;
      const image = journal.slice(at + 2, at + 2 + granules * 4);
      main.set(new Uint8Array(image.buffer), (journal[at] as number) * 16);
      at += 2 + granules * 4;
    }
    return main;
  }

  private lay(control: Uint8Array, undo: Uint8Array): void {
    const target = new Uint8Array(this.target.control);
    const copy = (from: number, to: number, bytes: number): void =>
      target.set(control.subarray(from, from + bytes), to);
    copy(CONTROL_RESERVED_GRANULES, CONTROL_RESERVED_GRANULES, 4);
    copy(CONTROL_LAST_TRANSACTION_ID, CONTROL_LAST_TRANSACTION_ID, 8);
    const from = CONTROL_SLOTS + this.native.slot * SLOT_BYTES + SLOT_MARK;
    const to = CONTROL_SLOTS + this.target.slot * SLOT_BYTES + SLOT_MARK;
    const journalReserved = new Uint32Array(
      this.target.control,
      to - SLOT_MARK + SLOT_JOURNAL_RESERVED,
      1,
    )[0] as number;
    copy(from, to, SLOT_WORDS_BYTES);
    new Uint32Array(this.target.control, to - SLOT_MARK + SLOT_JOURNAL_RESERVED, 1)[0] = journalReserved;
    const states = this.pageStatesOffset();
    copy(states, states, this.pageStates(this.native).length);
    const undoCount = new Uint32Array(control.buffer, from - SLOT_MARK + 76, 1)[0] as number;
    new Uint8Array(this.target.undo).set(undo.subarray(0, Math.min(UNDO_LAID_BYTES, undoCount * 32)));
  }

  private undoBacked(): number {
    const pages = CONTROL_SLOTS + this.native.slot * SLOT_BYTES + SLOT_UNDO_RESERVED;
    return (new Uint32Array(this.native.control, pages, 1)[0] as number) * PAGE_BYTES;
  }

  private pageStatesOffset(): number {
    return new Float64Array(this.native.control, CONTROL_PAGE_STATES, 1)[0] as number;
  }

  private pageStates(native: NativeStore): Uint8Array {
    return new Uint8Array(native.control, this.pageStatesOffset(), this.main.length / PAGE_BYTES);
  }
}

function equalRange(a: Uint8Array, b: Uint8Array, at: number, bytes: number): boolean {
  const end = Math.min(at + bytes, a.length);
  for (let k = at; k < end; k++) if (a[k] !== b[k]) return false;
  return true;
}
