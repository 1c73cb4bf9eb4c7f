// The running word: before user code runs, the process writes into its slot what runs and until when; afterwards it takes it out. When
// the process dies, the slot says what it died of.
//
// Stores of a begin, in program order (serial is odd in between):
//
//   serial + 1 (odd) → label → task id → started → candidates → deadline → runs → serial + 2 (even) → user code
//
// A reader of a dead process's slot sees exactly a prefix of these stores, for a thread ends between two instructions and the engine
// keeps stores to typed arrays in order. So an odd serial says "died while naming a run, before its code began", and the words between are not
// believed; an even one says that label, task and times all belong to the run counted. Nothing that user code does can leave the
// serial odd. A reader of a living process takes the words only if the serial is even and the same before and after.
//
// Synchronous runs nest: the last one begun names the code on the stack, so the blame is exact. Asynchronous runs overlap: when no
// synchronous one is on top, each of those in flight is a candidate, and the slot says how many there are.
//
// The deadline shown is the earliest of all open runs: a nested run cannot stretch the time of the one around it.

import {
  SLOT_DEADLINE,
  SLOT_LABEL,
  SLOT_RUN_STARTED,
  SLOT_RUNNING,
  SLOT_RUNNING_SERIAL,
  SLOT_TASK_ID,
} from '@mofo/shm-store';
import { openRunsMax } from './constants.ts';
import type { Label } from './label.ts';
import { monotonicMs } from './monotonic.ts';
import { type SlotMemory, slotViews, USER_CANDIDATES } from './slot-words.ts';
import { WatchdogError } from './watchdog-error.ts';

const RUNNING = SLOT_RUNNING / 4;
const SERIAL = SLOT_RUNNING_SERIAL / 4;
const DEADLINE = SLOT_DEADLINE / 8;
const STARTED = SLOT_RUN_STARTED / 8;
const TASK_ID = SLOT_TASK_ID / 8;
const LABEL = SLOT_LABEL / 4;
const CANDIDATES = USER_CANDIDATES / 4;

interface Frame {
  run: number;
  label: Label;
  taskId: number;
  startedAtMs: number;
  /** Its own, not the earliest; 0 none. */
  deadlineMs: number;
  /** The earliest of this run's and all below it; 0 none. */
  earliestMs: number;
  isAsync: boolean;
}

/** Names what this thread runs, in this thread's slot. One per opened store. */
export class RunningWord {
  /** False while a debugger is attached: then no deadline is set (R9). */
  private deadlinesOn = true;
  private readonly words: Uint32Array;
  private readonly floats: Float64Array;
  /** Frames are reused: naming a run allocates nothing. */
  private readonly frames: Frame[] = [];
  private depth = 0;
  private asyncCount = 0;
  private lastRun = 0;
  private shownLabel: Label | undefined;

  constructor(native: SlotMemory) {
    const views = slotViews(native, native.slot);
    this.words = views.words;
    this.floats = views.floats;
  }

  /**
   * Names the run that begins now. Visible at once to whoever reads the slot, also after this process's death. Costs about 60 ns; with a
   * label other than the last one's, one store more for every four bytes of it.
   *
   * @param label what runs, made once by `createLabel`.
   * @param taskId the caller's number of the task (a whole number up to 2^53), 0 none.
   * @param hangAfterMs the run must end within this time, or the clone kills this process; 0 no limit.
   * @param isAsync the run awaits, so that others run before it ends: its blame is that of a candidate.
   * @returns a number for {@link end}.
   * @throws WatchdogError TOO_MANY_RUNS when 4096 runs are open; nothing was changed.
   */
  begin(label: Label, taskId = 0, hangAfterMs = 0, isAsync = false): number {
    const { depth } = this;
    const frame = this.frames[depth] ?? this.grow();
    const now = monotonicMs();
    const run = ++this.lastRun;
    frame.run = run;
    frame.label = label;
    frame.taskId = taskId;
    frame.startedAtMs = now;
    frame.deadlineMs = hangAfterMs === 0 ? 0 : now + hangAfterMs;
    frame.isAsync = isAsync;
    const outerMs = depth === 0 ? 0 : (this.frames[depth - 1] as Frame).earliestMs;
    frame.earliestMs = earlier(outerMs, frame.deadlineMs);
    this.depth = depth + 1;
    if (isAsync) this.asyncCount++;
    this.show(frame);
    return run;
  }

  /**
   * Takes a run out of the slot; the one around it, or another that is in flight, is named again.
   *
   * @throws WatchdogError RUN_NOT_OPEN when that run has ended already.
   */
  end(run: number): void {
    const top = this.depth - 1;
    if (top < 0 || (this.frames[top] as Frame).run !== run) {
      this.endInside(run);
      return;
    }
    if ((this.frames[top] as Frame).isAsync) this.asyncCount--;
    this.depth = top;
    this.showTop();
  }

  /** Runs begun and not ended. */
  get openRuns(): number {
    return this.depth;
  }

  /** Switches all deadlines off (a debugger is attached) or on again. */
  setDeadlinesOn(on: boolean): void {
    if (on === this.deadlinesOn) return;
    this.deadlinesOn = on;
    this.showTop();
  }

  /** An asynchronous run ends below others. */
  private endInside(run: number): void {
    let index = this.depth - 1;
    while (index >= 0 && (this.frames[index] as Frame).run !== run) index--;
    const frame = this.frames[index];
    if (frame === undefined) {
      throw new WatchdogError(
        'RUN_NOT_OPEN',
        `Run ${run} is not open: it has ended already. Nothing was changed. End each run once.`,
      );
    }
    if (frame.isAsync) this.asyncCount--;
    this.frames.splice(index, 1);
    this.frames.push(frame);
    this.depth--;
    for (let i = index; i < this.depth; i++) {
      const above = this.frames[i] as Frame;
      above.earliestMs = earlier(i === 0 ? 0 : (this.frames[i - 1] as Frame).earliestMs, above.deadlineMs);
    }
    this.showTop();
  }

  private showTop(): void {
    if (this.depth === 0) {
      const { words, floats } = this;
      const serial = words[SERIAL] as number;
      words[SERIAL] = serial + 1;
      // The label stays, so that the next run of the same kind need not copy it; runs 0 says that it names nothing.
      words[RUNNING] = 0;
      floats[DEADLINE] = 0;
      words[SERIAL] = serial + 2;
      return;
    }
    this.show(this.frames[this.depth - 1] as Frame);
  }

  private show(frame: Frame): void {
    const { words, floats } = this;
    const serial = words[SERIAL] as number;
    words[SERIAL] = serial + 1;
    if (frame.label !== this.shownLabel) {
      const source = frame.label.words;
      for (let i = 0; i < source.length; i++) words[LABEL + i] = source[i] as number;
      this.shownLabel = frame.label;
    }
    floats[TASK_ID] = frame.taskId;
    floats[STARTED] = frame.startedAtMs;
    words[CANDIDATES] = frame.isAsync ? this.asyncCount : 0;
    floats[DEADLINE] = this.deadlinesOn ? frame.earliestMs : 0;
    words[RUNNING] = this.depth;
    words[SERIAL] = serial + 2;
  }

  private grow(): Frame {
    if (this.depth >= openRunsMax) {
      throw new WatchdogError(
        'TOO_MANY_RUNS',
        `${openRunsMax} runs are open in this process. Nothing was changed. Is a run begun without being ended?`,
      );
    }
    const frame: Frame = {
      run: 0,
      label: noLabel,
      taskId: 0,
      startedAtMs: 0,
      deadlineMs: 0,
      earliestMs: 0,
      isAsync: false,
    };
    this.frames[this.depth] = frame;
    return frame;
  }
}

const noLabel: Label = { text: '', words: new Uint32Array(1) };

/** The earlier of two deadlines, of which 0 is none. */
function earlier(a: number, b: number): number {
  if (a === 0) return b;
  if (b === 0) return a;
  return Math.min(a, b);
}
