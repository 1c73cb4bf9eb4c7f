// One store whose writers report every store, and the engine that tries every prefix of what they did: see native/test/prefix-engine.h of shm-store.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
let made = 0;

/** Problems that are told of one run. */
const PROBLEMS_MAX = 5;

export class PrefixStore {
  /** `lib` is what a variant with hooks loads. */
  constructor(lib, addon, { sizeBytes = 2 ** 20, root }) {
    this.lib = lib;
    this.name = `prefix-${process.pid}-${++made}`;
    this.store = lib.journal.openStore({ name: this.name, sizeBytes, root });
    const { native } = this.store;
    this.native = native;
    const { PrefixEngine } = require(addon);
    this.engine = new PrefixEngine(native);
    this.log = this.engine.log;
    const buffers = [native.windows[0], native.control, native.journal, native.undo];
    this.places = buffers.map((buffer) => {
      const [segment, offset] = this.engine.placeOf(buffer);
      return { buffer, segment, offset };
    });
    this.main = new Uint8Array(native.windows[0]);
    this.words = new Uint32Array(native.control, 0, lib.shm.CONTROL_SLOTS / 4);
    this.numbers = new Float64Array(native.control, 0, lib.shm.CONTROL_SLOTS / 8);
    this.meaningNow = undefined;
  }

  close() {
    this.store.close();
    this.lib.shm.destroyStore(this.name, { force: true });
  }

  /** Runs `body` without looking. */
  prepare(body) {
    body();
    this.meaningNow = undefined;
  }

  /** The bytes of main, to come back to. */
  save() {
    return { bytes: this.main.slice(0, this.reservedBytes), meaning: this.meaning() };
  }

  /** Puts main back as another process's commit would: nothing that a thread keeps of an older state may be believed. */
  restore({ bytes, meaning }) {
    const { shm } = this.lib;
    this.main.set(bytes);
    this.main.fill(0, bytes.length, this.reservedBytes);
    this.numbers[shm.CONTROL_LAST_TRANSACTION_ID / 8] += 1;
    this.numbers[shm.CONTROL_COMMIT_COUNT / 8] += 1;
    this.words[shm.CONTROL_SEQUENCE / 4] += 2;
    this.meaningNow = meaning;
  }

  get reservedBytes() {
    return this.words[this.lib.shm.CONTROL_RESERVED_GRANULES / 4] * 16;
  }

  /**
   * Runs `body` in a transaction that takes the write lock at its begin or at its first write (`alone`: as it is, for a call that is one of its own) and tries every prefix of its stores. An error "planned" rolls it
   * back. `statesMax` tries about so many of them (0: all), `recoveryCuts` that many recoveries of each that are cut themselves. Returns { states, recoveryStates, stores, problems, outcome }.
   */
  cut(body, { statesMax = 0, recoveryCuts = 0, seed = 1, alone = false, lock = 'begin' } = {}) {
    const { hook } = this.lib;
    const old = this.meaning();
    this.pageStates().fill(0);
    let outcome = 'committed';
    hook.startRecording(this.log, this.places);
    this.engine.start();
    try {
      if (alone) body();
      else this.store.transaction(body, { lock });
    } catch (error) {
      if (error.message !== 'planned') throw error;
      outcome = 'rolled back';
    } finally {
      this.engine.stop();
      hook.stopRecording();
    }
    this.meaningNow = undefined;
    const next = this.meaning();
    const problems = [...old.problems, ...next.problems].slice(0, PROBLEMS_MAX);
    if (outcome === 'rolled back')
      problems.push(...differences(old, next, new Uint8Array(this.engine.old()), this.main));
    const report = this.engine.tryAll(
      ...[old.important.buffer, next.important.buffer, old.visible.buffer, next.visible.buffer],
      ...[statesMax, recoveryCuts, seed, outcome === 'committed'],
    );
    return { ...report, problems: [...problems, ...report.problems], outcome };
  }

  /** What the heap and the structures say of the store as it is; empty when all is sound and nothing leaked. */
  check() {
    const { checkHeap, ownedBlocks } = this.lib.checks;
    const { problems, live } = checkHeap(this.image());
    const owned = ownedBlocks(this.store.memory, problems);
    for (const block of live) if (!owned.has(block)) problems.push(`block ${block} leaked`);
    for (const block of owned) if (!live.has(block)) problems.push(`block ${block} is owned and not live`);
    return problems;
  }

  image() {
    const copy = new Uint8Array(this.main.length);
    copy.set(this.main.subarray(0, this.reservedBytes));
    return copy;
  }

  /** Which granules of main mean something now, and which of them readers can reach. */
  meaning() {
    this.meaningNow ??= this.computeMeaning();
    return this.meaningNow;
  }

  computeMeaning() {
    const { shm, checks } = this.lib;
    const image = this.image();
    const { problems, live, important } = checks.checkHeap(image);
    const visible = new Uint8Array(important.length);
    const words = new Uint32Array(image.buffer);
    for (const block of live) {
      const word0 = words[shm.MAIN_SLAB_TABLE / 4 + (block >>> 10) * 4];
      const isSmall = (word0 & 0xff) === shm.SLAB_KIND_SMALL;
      const value = (word0 >>> 8) & 0xff;
      visible.fill(1, block, block + (isSmall ? shm.SIZE_CLASSES_BYTES[value] / 16 : 2 ** value * 1024));
    }
    visible[shm.MAIN_CATALOG_HEAD >> 4] = 1;
    return { problems, important, visible };
  }

  pageStates() {
    const { shm } = this.lib;
    return new Uint8Array(
      this.native.control,
      this.numbers[shm.CONTROL_PAGE_STATES / 8],
      this.main.length / shm.PAGE_BYTES,
    );
  }
}

/** Where a rollback left something that means something otherwise than it was. */
function differences(old, next, before, after) {
  for (let granule = 0; granule < old.important.length; granule++) {
    if (old.important[granule] !== next.important[granule])
      return [`rolled back, but granule ${granule} means something else`];
    if (old.important[granule] !== 1) continue;
    for (let at = granule * 16; at < granule * 16 + 16; at++)
      if (before[at] !== after[at]) return [`rolled back, but granule ${granule} is not as it was`];
  }
  return [];
}
