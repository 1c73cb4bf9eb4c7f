// A rehearsal of the takeover, played by a clone while it stands by, so that the real one finds its code compiled.
//
// JavaScript is compiled, and the shapes of objects are learnt, when a function first runs; that costs more than all that a takeover does. What is played is
// the real code: the role over a stage in private memory, where an owner has just died again and again, and the budget over the real store in transactions
// that are rolled back. Nothing of it is seen outside this process, and it ends by itself; the process may become main in the middle of it.

import type { Store } from '@mofo/journal';
import {
  CONTROL_ROLE_SLOT,
  CONTROL_TERM,
  killProcess,
  monotonicMs,
  type NativeRoleEvent,
  type NativeStore,
  processStartTime,
  SLOT_COUNT,
  SLOT_PID,
  SLOT_ROLE,
  SLOT_STATE,
  SLOT_TERM,
} from '@mofo/shm-store';
import { rehearsalCount } from './constants.ts';
import { createLabel } from './label.ts';
import { RoleKeeper } from './role-keeper.ts';
import { readSlot, slotRoles } from './slot-report.ts';
import { slotOffset } from './slot-words.ts';

/** The stage's slots: who plays, and who has died. */
const PLAYER_SLOT = 0;
const DEAD_SLOT = 1;

/** Ends a transaction that is only played. */
const takenBack = new Error('the rehearsal is over: everything is taken back');

/**
 * Plays a takeover, in small pieces between which the event loop turns. Some 10 ms in all; holds the store's write lock for a fraction of a millisecond now
 * and then. A process that dies meanwhile leaves nothing behind.
 *
 * @param inTransaction what the takeover changes in the store, played in a transaction that is rolled back.
 * @param mayGoOn asked before each piece; false ends the rehearsal.
 * @throws (rejects) what the rehearsed code throws.
 */
export async function rehearseTakeover(
  store: Store,
  inTransaction: () => void = () => {},
  mayGoOn: () => boolean = () => true,
): Promise<void> {
  const { native } = store;
  const stage = makeStage();
  const startTime = processStartTime(process.pid) ?? 0;
  for (let round = 0; round < rehearsalCount; round++) {
    await turn();
    if (!mayGoOn()) return;
    setStage(stage);
    await playRole(stage);
    readSlot(native, native.slot);
    // Asks whether it could be sent.
    killProcess(process.pid, startTime, 0);
    playTransaction(store, inTransaction);
  }
}

/** Becomes main on the stage, runs something, and is gone. */
async function playRole(stage: NativeStore): Promise<void> {
  const keeper = new RoleKeeper(stage);
  const takeover = await keeper.watch();
  try {
    if (takeover.reason !== 'crash') throw new Error(`the rehearsed takeover followed a ${takeover.reason}`);
    keeper.running.end(keeper.running.begin(createLabel('rehearsal'), 1, 1_000));
    keeper.settle();
  } finally {
    keeper.close();
  }
}

function playTransaction(store: Store, body: () => void): void {
  try {
    store.transaction(() => {
      body();
      throw takenBack;
    });
  } catch (error) {
    if (error !== takenBack) throw error;
  }
}

/** What the role keeper uses of a store, in private memory. */
function makeStage(): NativeStore {
  const stage: Partial<NativeStore> = {
    control: new ArrayBuffer(slotOffset(SLOT_COUNT)),
    slot: PLAYER_SLOT,
    watchRole: (onEvent) => {
      const seen: NativeRoleEvent = { reason: 'dead', ownerPid: 0, atMs: monotonicMs(), detail: '', slot: undefined };
      setImmediate(() => onEvent(seen));
    },
    unwatchRole: () => {},
    tryAcquireRole: () => true,
    releaseRole: () => {},
    raiseTerm: () => 2,
  };
  return stage as NativeStore;
}

/** Here an owner of the role has just died: this very process, so that nobody is killed for it. */
function setStage({ control }: NativeStore): void {
  const words = new Uint32Array(control);
  const floats = new Float64Array(control);
  floats[CONTROL_TERM / 8] = 1;
  words[CONTROL_ROLE_SLOT / 4] = DEAD_SLOT + 1;
  words[(slotOffset(PLAYER_SLOT) + SLOT_STATE) / 4] = 1;
  words[(slotOffset(DEAD_SLOT) + SLOT_PID) / 4] = process.pid;
  words[(slotOffset(DEAD_SLOT) + SLOT_ROLE) / 4] = slotRoles.indexOf('main');
  floats[(slotOffset(DEAD_SLOT) + SLOT_TERM) / 8] = 1;
}

/** Lets the event loop turn once. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
