// The blame of a dead owner, carried by its successor until it has been acted upon.
//
// A successor that dies between its takeover and the commit of the quarantine would take the evidence with it: the next one looks at *its*
// slot, where nothing ran yet. So the successor copies the blame into its own slot before it becomes the owner of record (before the term is
// raised), and strikes it out when the caller has settled the case. Whoever comes next finds either the old owner's slot (the term was
// not raised yet) or the successor's with the record in it. The record's state is written last and cleared first, so that half a record is
// never read.

import { readText } from './slot-report.ts';
import {
  RECORD_CANDIDATES,
  RECORD_DEATH_AT,
  RECORD_LABEL,
  RECORD_LABEL_BYTES,
  RECORD_LABEL_LENGTH,
  RECORD_OPEN_RUNS,
  RECORD_PID,
  RECORD_STATE,
  RECORD_TASK_ID,
  RECORD_TERM,
  type SlotMemory,
  slotViews,
} from './slot-words.ts';

/** Why an owner ended. */
export type DeathReason = 'crash' | 'hang' | 'exit';

/** An owner of the role that died, and what its slot said. */
export interface Death {
  /**
   * `hang`: it was killed for a missed deadline or heartbeat; `exit`: nothing was left for it to do, or its store was closed, and it had
   * not handed the role over; `crash`: anything else: a signal, an abort, process.exit, an uncaught error.
   */
  readonly reason: DeathReason;
  readonly pid: number;
  /** Term under which it was main. */
  readonly term: number;
  /** Monotonic ms at which it was seen dead. */
  readonly deathAtMs: number;
  /** Runs begun and not ended; 0: it was idle, or died between two runs. */
  readonly openRuns: number;
  /** What ran last; undefined when nothing did. */
  readonly label: string | undefined;
  /** The caller's number of the task; undefined none. */
  readonly taskId: number | undefined;
  /** Asynchronous runs in flight of which `label` is one; 0: `label` is exactly what was on the stack. */
  readonly candidates: number;
}

const reasons: readonly DeathReason[] = ['crash', 'hang', 'exit'];

/** Writes `death` into this thread's slot. */
export function writeRecord(native: SlotMemory, death: Death): void {
  const { words, floats, bytes } = slotViews(native, native.slot);
  const label = new TextEncoder().encode(death.label ?? '').subarray(0, RECORD_LABEL_BYTES);
  Atomics.store(words, RECORD_STATE / 4, 0);
  floats[RECORD_PID / 8] = death.pid;
  floats[RECORD_TERM / 8] = death.term;
  floats[RECORD_DEATH_AT / 8] = death.deathAtMs;
  floats[RECORD_TASK_ID / 8] = death.taskId ?? 0;
  words[RECORD_CANDIDATES / 4] = death.candidates;
  words[RECORD_OPEN_RUNS / 4] = death.openRuns;
  words[RECORD_LABEL_LENGTH / 4] = label.length;
  bytes.set(label, RECORD_LABEL);
  Atomics.store(words, RECORD_STATE / 4, 1 + reasons.indexOf(death.reason));
}

/** Strikes the record in this thread's slot out: the case is settled. */
export function clearRecord(native: SlotMemory): void {
  Atomics.store(slotViews(native, native.slot).words, RECORD_STATE / 4, 0);
}

/** The record in slot `index`, or undefined when there is none. */
export function readRecord(native: SlotMemory, index: number): Death | undefined {
  const views = slotViews(native, index);
  const { words, floats } = views;
  const reason = reasons[Atomics.load(words, RECORD_STATE / 4) - 1];
  if (reason === undefined) return undefined;
  const openRuns = words[RECORD_OPEN_RUNS / 4] as number;
  return {
    reason,
    pid: floats[RECORD_PID / 8] as number,
    term: floats[RECORD_TERM / 8] as number,
    deathAtMs: floats[RECORD_DEATH_AT / 8] as number,
    openRuns,
    label: openRuns > 0 ? readText(views, RECORD_LABEL_LENGTH, 4 + RECORD_LABEL_BYTES) : undefined,
    taskId: (floats[RECORD_TASK_ID / 8] as number) || undefined,
    candidates: words[RECORD_CANDIDATES / 4] as number,
  };
}
