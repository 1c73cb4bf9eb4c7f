// Where the watchdog's words lie in a process slot (layout.json has the table), as indexes into views of one slot.
//
// The last 256 bytes (SLOT_USER) are laid out here:
//
//   byte 0     u32  candidates: asynchronous runs in flight while no synchronous one is on top; 0: the run named is exact
//   byte 4     u32  record: 0 none, else 1 + reason (death-record.ts); written last, cleared first
//   byte 8     f64  pid of the dead owner               byte 16    f64  term of the dead owner
//   byte 24    f64  monotonic ms of its death           byte 32    f64  task id, 0 none
//   byte 40    u32  candidates                          byte 44    u32  runs that were open; 0 idle
//   byte 48    u32  byte length of the label            byte 52    up to 200 bytes of label
//   byte 252   u32  1: the role was handed over on purpose; 0 with the role gone: the process ended without doing so

import { CONTROL_SLOTS, SLOT_BYTES, SLOT_COUNT, SLOT_USER, type StoreSegments } from '@mofo/shm-store';

/** What the slots of a store are reached by: its control segment and this thread's own slot. An opened store's `native` is one. */
export type SlotMemory = Pick<StoreSegments, 'control' | 'slot'>;

/** Views of one slot. */
export interface SlotViews {
  readonly words: Uint32Array;
  readonly floats: Float64Array;
  readonly bytes: Uint8Array;
}

/** Where slot `index` begins in control, in bytes. */
export function slotOffset(index: number): number {
  return CONTROL_SLOTS + index * SLOT_BYTES;
}

/** Views of the head of control with all slots, for one word of each; {@link slotViews} makes objects for every slot. */
export function controlViews(native: Pick<SlotMemory, 'control'>): Pick<SlotViews, 'words' | 'floats'> {
  const endBytes = slotOffset(SLOT_COUNT);
  return {
    words: new Uint32Array(native.control, 0, endBytes / 4),
    floats: new Float64Array(native.control, 0, endBytes / 8),
  };
}

/** Views of slot `index` of the store. @throws RangeError when there is no such slot */
export function slotViews(native: SlotMemory, index: number): SlotViews {
  if (!(Number.isInteger(index) && index >= 0 && index < SLOT_COUNT)) throw new RangeError(`there is no slot ${index}`);
  const offset = slotOffset(index);
  return {
    words: new Uint32Array(native.control, offset, SLOT_BYTES / 4),
    floats: new Float64Array(native.control, offset, SLOT_BYTES / 8),
    bytes: new Uint8Array(native.control, offset, SLOT_BYTES),
  };
}

/** Byte offsets of SLOT_USER's parts from the slot's start. */
export const USER_CANDIDATES: number = SLOT_USER;
export const RECORD_STATE: number = SLOT_USER + 4;
export const RECORD_PID: number = SLOT_USER + 8;
export const RECORD_TERM: number = SLOT_USER + 16;
export const RECORD_DEATH_AT: number = SLOT_USER + 24;
export const RECORD_TASK_ID: number = SLOT_USER + 32;
export const RECORD_CANDIDATES: number = SLOT_USER + 40;
export const RECORD_OPEN_RUNS: number = SLOT_USER + 44;
export const RECORD_LABEL_LENGTH: number = SLOT_USER + 48;
export const RECORD_LABEL: number = SLOT_USER + 52;
/** Bytes of label that a record holds. */
export const RECORD_LABEL_BYTES = 200;
export const HANDED_OVER: number = SLOT_USER + 252;
