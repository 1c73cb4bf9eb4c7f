// The heartbeat says that the event loop turns. A run's deadline cannot: between two runs, or in code that nobody named, a loop that blocks
// the event loop would hang for ever. The timer is the event loop's own, so that it stops when the loop does, and never keeps a
// process alive.
//
// While a debugger is attached a process may stand still for hours; then neither heartbeat nor deadlines count (R9).

import { url as inspectorUrl } from 'node:inspector';
import { SLOT_GENERATION, SLOT_HEARTBEAT, SLOT_HEARTBEAT_LIMIT, SLOT_STATE } from '@mofo/shm-store';
import { heartbeatPeriodMaxMs, heartbeatsPerLimit } from './constants.ts';
import { monotonicMs } from './monotonic.ts';
import type { RunningWord } from './running-word.ts';
import { type SlotMemory, slotViews } from './slot-words.ts';

const BEAT = SLOT_HEARTBEAT / 8;
const LIMIT = SLOT_HEARTBEAT_LIMIT / 8;

/** A heartbeat that beats. */
export interface Heartbeat {
  /** Ends it: silence no longer counts as a hang. Safe to call twice. */
  close(): void;
}

/**
 * Writes the time into this process's slot now and four times per limit (at least every second) from now on. Costs a few
 * microseconds a second.
 *
 * @param limitMs silence that counts as a hang; 0: never (it still watches for a debugger).
 */
export function startHeartbeat(native: SlotMemory, running: RunningWord, limitMs: number): Heartbeat {
  const { words, floats } = slotViews(native, native.slot);
  const generation = words[SLOT_GENERATION / 4];
  const isOurs = (): boolean => words[SLOT_STATE / 4] === 1 && words[SLOT_GENERATION / 4] === generation;
  const beat = (): void => {
    // The store was closed without us: the slot may be another's by now.
    if (!isOurs()) {
      clearInterval(timer);
      return;
    }
    const isDebugged = inspectorUrl() !== undefined;
    running.setDeadlinesOn(!isDebugged);
    // The beat first: a limit without a fresh beat would be a hang.
    floats[BEAT] = monotonicMs();
    floats[LIMIT] = isDebugged ? 0 : limitMs;
  };
  const periodMs = limitMs === 0 ? heartbeatPeriodMaxMs : Math.min(limitMs / heartbeatsPerLimit, heartbeatPeriodMaxMs);
  const timer = setInterval(beat, periodMs);
  timer.unref();
  beat();
  return {
    close() {
      clearInterval(timer);
      if (isOurs()) floats[LIMIT] = 0;
    },
  };
}
