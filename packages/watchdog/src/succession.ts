// What the process that has just got the role lock does before it is main: fence, gather the evidence, keep it, raise the term. SPEC.md
// has the steps (T3 to T6), and what is found when a process dies between them.

import { constants } from 'node:os';
import {
  CONTROL_ROLE_DEATH_AT,
  CONTROL_ROLE_SLOT,
  CONTROL_TERM,
  killProcess,
  type NativeStore,
  SLOT_COUNT,
  SLOT_TERM,
} from '@mofo/shm-store';
import { clearRecord, type Death, type DeathReason, readRecord, writeRecord } from './death-record.ts';
import { monotonicMs } from './monotonic.ts';
import { readSlot, type SlotReport } from './slot-report.ts';
import { controlViews, HANDED_OVER, slotOffset, slotViews } from './slot-words.ts';

/** How this process came to be main. Times are milliseconds of CLOCK_MONOTONIC. */
export interface Takeover {
  /** `first`: nobody had the role; `released`: the last owner handed it over; otherwise how the last owner ended. */
  readonly reason: 'first' | 'released' | DeathReason;
  /** Grows by one with each owner of the role. */
  readonly term: number;
  /** The dead owner; undefined when none died. */
  readonly deadPid: number | undefined;
  /** What it died of: the run named last; undefined when nothing ran, or none died. */
  readonly label: string | undefined;
  /** The caller's number of that task. */
  readonly taskId: number | undefined;
  /** Asynchronous runs in flight of which `label` is one; 0: `label` is exactly what was on the stack. */
  readonly candidates: number;
  /** When the owner was seen dead; undefined when none died, or nobody was there to see it. */
  readonly deathAtMs: number | undefined;
  readonly takeoverAtMs: number;
  /** From the death to the end of the takeover; undefined when the time of death is. */
  readonly latencyMs: number | undefined;
  /** An earlier death that the last owner had not settled when it ended in turn: judge it too. */
  readonly unsettled: Death | undefined;
}

/** What the watching thread saw. */
export interface Witness {
  readonly reason: 'dead' | 'hang' | 'released';
  readonly deathAtMs: number;
  readonly ownerPid: number;
}

/**
 * Tries to become main: at once, never waiting for a living owner.
 *
 * @param witness what the watching thread saw, if it was it that woke us.
 * @returns undefined when another process is main.
 */
export function trySucceed(native: NativeStore, witness: Witness | undefined): Takeover | undefined {
  const wasNamed = controlViews(native).words[CONTROL_ROLE_SLOT / 4] !== 0;
  if (!native.tryAcquireRole()) return undefined;
  try {
    return succeed(native, witness, wasNamed);
  } catch (error) {
    // Not able to be main (the store is damaged or retired): whoever is, must not find the role taken.
    native.releaseRole();
    throw error;
  }
}

function succeed(native: NativeStore, witness: Witness | undefined, wasNamed: boolean): Takeover {
  // The owner of record is the one with the last term, not the one that had the lock last: that one may have died on its way here.
  const { floats } = controlViews(native);
  const ownerTerm = floats[CONTROL_TERM / 8] as number;
  if (ownerTerm === 0) return rise(native, 'first', undefined, undefined, undefined);
  const owner = findOwner(native, ownerTerm);
  const unsettled = owner === undefined ? undefined : readRecord(native, owner.slot);
  if (!hasDied(native, owner, witness, wasNamed)) {
    if (unsettled !== undefined) writeRecord(native, unsettled);
    return rise(native, 'released', undefined, undefined, unsettled);
  }
  if (owner?.role === 'main') fence(owner);
  const deathAtMs = witness?.deathAtMs ?? seenDeadAtMs(floats[CONTROL_ROLE_DEATH_AT / 8] as number, owner);
  const death: Death = {
    reason: reasonOf(owner, witness, deathAtMs),
    pid: owner?.pid ?? witness?.ownerPid ?? 0,
    term: ownerTerm,
    deathAtMs: deathAtMs ?? 0,
    openRuns: owner?.openRuns ?? 0,
    label: owner?.label,
    taskId: owner?.taskId,
    candidates: owner?.candidates ?? 0,
  };
  // One record is kept. An owner that died idle tells nothing, so the case that it had not settled goes before it.
  writeRecord(native, death.openRuns === 0 && unsettled !== undefined ? unsettled : death);
  return rise(native, death.reason, death, deathAtMs, unsettled);
}

/**
 * An owner that handed the role over says so in its slot. One that ended without doing so has lost `main` on its way out, if it had a way out. If
 * the slot was claimed again it is the lock that tells: it named an owner until a moment ago, or the watching thread saw it dead.
 */
function hasDied(
  native: NativeStore,
  owner: SlotReport | undefined,
  witness: Witness | undefined,
  wasNamed: boolean,
): boolean {
  if (owner === undefined) return wasNamed || witness?.reason === 'dead' || witness?.reason === 'hang';
  return owner.role === 'main' || slotViews(native, owner.slot).words[HANDED_OVER / 4] === 0;
}

/** The slot of the owner of `term`, unless another thread has claimed it meanwhile. Slots given back keep their words until then. */
function findOwner(native: NativeStore, term: number): SlotReport | undefined {
  const { floats } = controlViews(native);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (slot !== native.slot && floats[(slotOffset(slot) + SLOT_TERM) / 8] === term) return readSlot(native, slot);
  }
  return undefined;
}

/** Gives the role back on purpose: whoever takes it next hears `released`. */
export function handOver(native: NativeStore): void {
  slotViews(native, native.slot).words[HANDED_OVER / 4] = 1;
  native.releaseRole();
}

/** The case is settled: quarantine is committed, or nobody is guilty. */
export function settle(native: NativeStore): void {
  clearRecord(native);
}

function rise(
  native: NativeStore,
  reason: Takeover['reason'],
  death: Death | undefined,
  deathAtMs: number | undefined,
  unsettled: Death | undefined,
): Takeover {
  slotViews(native, native.slot).words[HANDED_OVER / 4] = 0;
  const term = native.raiseTerm();
  const takeoverAtMs = monotonicMs();
  return {
    reason,
    term,
    deadPid: death?.pid,
    label: death?.label,
    taskId: death?.taskId,
    candidates: death?.candidates ?? 0,
    deathAtMs,
    takeoverAtMs,
    latencyMs: deathAtMs === undefined ? undefined : takeoverAtMs - deathAtMs,
    unsettled,
  };
}

/**
 * The owner's thread is dead, for its lock says so. Should another thread of its process live (it was no main thread, or the system is slow
 * to end it), the whole process is ended: it belongs to the old term.
 */
function fence(owner: SlotReport): void {
  if (owner.pid === process.pid) return;
  // Does nothing if that process is gone, or the slot's thread was not the one that it began with.
  killProcess(owner.pid, owner.startTime, constants.signals.SIGKILL);
}

/** The recorded time of a death, if it can be this owner's: later than all that it did. */
function seenDeadAtMs(recordedMs: number, owner: SlotReport | undefined): number | undefined {
  if (recordedMs === 0 || owner === undefined) return undefined;
  const lastSignOfLifeMs = Math.max(owner.runStartedAtMs ?? 0, owner.heartbeatAtMs ?? 0);
  return lastSignOfLifeMs > 0 && recordedMs >= lastSignOfLifeMs ? recordedMs : undefined;
}

/**
 * A hang, if whoever watched says so or the dead owner was past its time when it died: of several clones one kills and another may win.
 */
function reasonOf(
  owner: SlotReport | undefined,
  witness: Witness | undefined,
  deathAtMs: number | undefined,
): DeathReason {
  if (witness?.reason === 'hang') return 'hang';
  if (owner === undefined) return 'crash';
  if (owner.role !== 'main') return 'exit';
  if (deathAtMs === undefined) return 'crash';
  if (owner.deadlineMs !== undefined && deathAtMs > owner.deadlineMs) return 'hang';
  const { heartbeatAtMs, heartbeatLimitMs } = owner;
  if (heartbeatAtMs !== undefined && heartbeatLimitMs !== undefined && deathAtMs > heartbeatAtMs + heartbeatLimitMs)
    return 'hang';
  return 'crash';
}
