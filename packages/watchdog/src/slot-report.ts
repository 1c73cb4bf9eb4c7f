// What a slot says of its process: the evidence in a case of death. Bytes of control are trusted between processes of one user, but
// lengths are bounded all the same.

import {
  SLOT_DEADLINE,
  SLOT_GENERATION,
  SLOT_HEARTBEAT,
  SLOT_HEARTBEAT_LIMIT,
  SLOT_LABEL,
  SLOT_LABEL_BYTES,
  SLOT_PID,
  SLOT_ROLE,
  SLOT_RUN_STARTED,
  SLOT_RUNNING,
  SLOT_RUNNING_SERIAL,
  SLOT_START_TIME,
  SLOT_STATE,
  SLOT_TASK_ID,
  SLOT_TERM,
} from '@mofo/shm-store';
import { type SlotMemory, type SlotViews, slotViews, USER_CANDIDATES } from './slot-words.ts';

/** Roles as slots have them. */
export const slotRoles: readonly ['none', 'main', 'clone', 'worker'] = ['none', 'main', 'clone', 'worker'];

/** One slot, read at one moment. Times are milliseconds of CLOCK_MONOTONIC. */
export interface SlotReport {
  readonly slot: number;
  readonly used: boolean;
  readonly pid: number;
  /** Clock ticks since boot; with the pid it names one process. */
  readonly startTime: number;
  readonly generation: number;
  readonly role: 'none' | 'main' | 'clone' | 'worker';
  /** Term under which it is (or was) main; 0 otherwise. */
  readonly term: number;
  /**
   * The words of the run belong together. False of a living process that was just changing them (read again), and of one that died
   * while doing so: then it died between two runs, and nothing below is told.
   */
  readonly complete: boolean;
  /** Runs begun and not ended; 0 idle. */
  readonly openRuns: number;
  /** What ran last of them; undefined when idle. */
  readonly label: string | undefined;
  /** The caller's number of the task; undefined none. */
  readonly taskId: number | undefined;
  /** Asynchronous runs in flight of which `label` is one; 0: `label` is exactly what was on the stack. */
  readonly candidates: number;
  readonly runStartedAtMs: number | undefined;
  /** When the earliest of the open runs had to end; undefined: no limit. */
  readonly deadlineMs: number | undefined;
  /** Last beat of the event loop; undefined before the first. */
  readonly heartbeatAtMs: number | undefined;
  /** Silence that counts as a hang; undefined: off. */
  readonly heartbeatLimitMs: number | undefined;
}

const readAttemptsMax = 100;

/** Reads slot `index`. Costs a microsecond. @throws RangeError when there is no such slot */
export function readSlot(native: SlotMemory, index: number): SlotReport {
  const views = slotViews(native, index);
  for (let attempt = 1; ; attempt++) {
    const serial = Atomics.load(views.words, SLOT_RUNNING_SERIAL / 4);
    const isEven = serial % 2 === 0;
    const report = read(views, index, isEven);
    if (Atomics.load(views.words, SLOT_RUNNING_SERIAL / 4) === serial && (isEven || attempt === readAttemptsMax))
      return report;
    if (attempt === readAttemptsMax) return read(views, index, false);
  }
}

function read(views: SlotViews, index: number, complete: boolean): SlotReport {
  const { words, floats } = views;
  const openRuns = complete ? word(words, SLOT_RUNNING) : 0;
  const isRunning = openRuns > 0;
  return {
    slot: index,
    used: word(words, SLOT_STATE) === 1,
    pid: word(words, SLOT_PID),
    startTime: float(floats, SLOT_START_TIME),
    generation: word(words, SLOT_GENERATION),
    role: slotRoles[word(words, SLOT_ROLE)] ?? 'none',
    term: float(floats, SLOT_TERM),
    complete,
    openRuns,
    label: isRunning ? readText(views, SLOT_LABEL, SLOT_LABEL_BYTES) : undefined,
    taskId: isRunning ? float(floats, SLOT_TASK_ID) || undefined : undefined,
    candidates: isRunning ? word(words, USER_CANDIDATES) : 0,
    runStartedAtMs: isRunning ? float(floats, SLOT_RUN_STARTED) : undefined,
    deadlineMs: isRunning ? float(floats, SLOT_DEADLINE) || undefined : undefined,
    heartbeatAtMs: float(floats, SLOT_HEARTBEAT) || undefined,
    heartbeatLimitMs: float(floats, SLOT_HEARTBEAT_LIMIT) || undefined,
  };
}

/** Text as it lies in a slot: a word with its byte length, then UTF-8. */
export function readText(views: SlotViews, offset: number, areaBytes: number): string {
  const length = Math.min(word(views.words, offset), areaBytes - 4);
  // A copy: the decoder does not take bytes that others may change.
  return new TextDecoder().decode(views.bytes.slice(offset + 4, offset + 4 + length));
}

function word(words: Uint32Array, offset: number): number {
  return words[offset / 4] as number;
}

function float(floats: Float64Array, offset: number): number {
  return floats[offset / 8] as number;
}
