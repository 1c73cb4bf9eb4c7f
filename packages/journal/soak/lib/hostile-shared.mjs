// Hostile bytes in real shared segments, with the addon: main changed under an open store, and journals and slots of control scribbled on by another process. A
// process plays no slot but its own; only recovery looks at others, and judges them first.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mutate } from './hostile-mutations.mjs';
import { fillWithEverything } from './prefix-shapes.mjs';

const SIZE_BYTES = 2 ** 20;

/** Mutates main of a real store and works on it; the store's own handles and fresh ones. */
export function makeSharedScribbler({ lib, name, roots, operationsOf, attempt, usedBytes, check }) {
  const { journal, shm } = lib;
  journal.destroyStore(name, { force: true });
  const store = journal.openStore({ name, sizeBytes: SIZE_BYTES, root: roots });
  store.transaction(() => fillWithEverything(store.root));
  const { native } = store;
  const words = new Int32Array(native.windows[0]);
  const reserved = new Uint32Array(native.control, shm.CONTROL_RESERVED_GRANULES, 1);
  // All there is to give is reserved at once: then no mutation changes how much may be read.
  store.transaction(() => native.reserveMain(SIZE_BYTES / 16));
  const main = new Uint8Array(native.windows[0], 0, reserved[0] * 16);
  const used = usedBytes(words);
  const saved = main.slice();
  const operations = operationsOf(store, check, main);
  return (random) => {
    try {
      mutate(main, words, used, random);
      for (let k = 0; k < 6; k++) attempt(() => operations[random(operations.length)](random));
      if (random(8) === 0) {
        attempt(() => {
          const other = journal.openStore({ name, root: roots, create: false });
          try {
            attempt(() => other.root.total.add(1));
          } finally {
            other.close();
          }
        });
      }
      attempt(() => journal.listStores());
    } finally {
      main.set(saved);
    }
  };
}

/** Scribbles on a slot that belongs to nobody living, and on its journal, as another process could; then others work, and a recovery follows. */
export function makeSlotScribbler({ lib, name, roots, isCoded }) {
  const { journal, shm } = lib;
  journal.destroyStore(name, { force: true });
  const store = journal.openStore({ name, sizeBytes: SIZE_BYTES, root: roots });
  store.transaction(() => fillWithEverything(store.root));
  const { native } = store;
  const control = openSync(`/dev/shm/mofo.${name}.control`, 'r+');
  process.on('exit', () => closeSync(control));
  const floats = new Float64Array(native.control, 0, shm.CONTROL_SLOTS / 8);
  const words = new Uint32Array(native.control, 0, shm.CONTROL_SLOTS / 4);
  const main = new Uint8Array(native.windows[0], 0, words[shm.CONTROL_RESERVED_GRANULES / 4] * 16);
  const saved = main.slice();
  const victim = native.slot + 1;
  const slotBytes = new Uint8Array(native.control, shm.CONTROL_SLOTS + victim * shm.SLOT_BYTES, shm.SLOT_BYTES);
  const savedSlot = slotBytes.slice();
  const rangeBytes = floats[shm.CONTROL_JOURNAL_BYTES / 8] + floats[shm.CONTROL_UNDO_BYTES / 8];
  const journalAt = floats[shm.CONTROL_JOURNAL_OFFSET / 8] + victim * rangeBytes;
  const undoAt = journalAt + floats[shm.CONTROL_JOURNAL_BYTES / 8];
  // Claimed once, so that the victim's ranges have memory behind them.
  journal.openStore({ name, root: roots, create: false }).close();
  const own = new Uint8Array(64);
  readSync(control, own, 0, 64, journalAt);

  return (random) => {
    const slot = new DataView(native.control, shm.CONTROL_SLOTS + victim * shm.SLOT_BYTES, shm.SLOT_BYTES);
    const lastId = floats[shm.CONTROL_LAST_TRANSACTION_ID / 8];
    const journalWords = scribble(control, random, journalAt, main.length / 16);
    scribbleUndo(control, random, undoAt, main.length / 16, lastId);
    slot.setUint32(shm.SLOT_JOURNAL_WORDS, random(3) === 0 ? random(2 ** 31) : journalWords, true);
    slot.setUint32(shm.SLOT_UNDO_COUNT, random(2) === 0 ? 0 : random(12), true);
    slot.setFloat64(shm.SLOT_TRANSACTION_ID, random(4) === 0 ? random(1e9) : lastId, true);
    slot.setFloat64(shm.SLOT_MARK, random(3) === 0 ? 0 : lastId, true);
    if (random(3) === 0)
      slot.setUint32([shm.SLOT_JOURNAL_RESERVED, shm.SLOT_UNDO_RESERVED][random(2)], random(17), true);
    try {
      // Whoever works plays his own slot and no other.
      const before = main.slice();
      const total = store.root.total.add(1);
      store.root.total.add(-1);
      if (total !== 43) throw new Error(`a commit beside a scribbled slot gave ${total}`);
      const changed = changedGranules(before, main);
      if (changed > 3) throw new Error(`a commit beside a scribbled slot changed ${changed} granules`);
      // The next to open finds the slot pending and recovers: all of it, or a code.
      try {
        journal.openStore({ name, root: roots, create: false }).close();
      } catch (error) {
        if (!isCoded(error)) throw error;
      }
    } finally {
      words[shm.CONTROL_DAMAGED / 4] = 0;
      slotBytes.set(savedSlot);
      words[shm.CONTROL_SEQUENCE / 4] += words[shm.CONTROL_SEQUENCE / 4] & 1;
      main.set(saved);
    }
  };
}

/** Journal entries that are partly good; returns how many words there are. */
function scribble(control, random, at, granules) {
  const entries = [];
  for (let count = 1 + random(6); count > 0; count--) {
    const size = random(5) === 0 ? random(2 ** 32) : 1 + random(4);
    entries.push(random(5) === 0 ? random(2 ** 32) : random(granules), size);
    for (let k = 0; k < Math.min(size, 8) * 4; k++) entries.push(random(2 ** 32));
  }
  writeSync(control, Uint32Array.from(entries), 0, entries.length * 4, at);
  return entries.length;
}

function scribbleUndo(control, random, at, granules, lastId) {
  const entries = [];
  for (let k = 0; k < 12; k++) {
    entries.push(
      random(6) === 0 ? random(2 ** 32) : random(granules),
      random(6) === 0 ? random(2 ** 32) : lastId % 2 ** 32,
      0,
      0,
    );
    for (let word = 0; word < 4; word++) entries.push(random(2 ** 32));
  }
  writeSync(control, Uint32Array.from(entries), 0, entries.length * 4, at);
}

function changedGranules(before, after) {
  let count = 0;
  for (let at = 0; at < after.length; at += 16) {
    for (let k = at; k < at + 16; k++) {
      if (before[k] !== after[k]) {
        count++;
        break;
      }
    }
  }
  return count;
}
