// What instrumented JavaScript calls for each store: makes it, and appends it to the log of stores when it went into a segment that is recorded. The log is
// shared with the addon, whose own store hook appends to it too, so both kinds of stores stand in the order in which they were made.
//
// Also notes for each site whether it ever stored into a segment, and whether it ever stored anywhere else.

const ENTRY_WORDS = 8;
const ENTRY_COUNT_MAX = 2 ** 20;
/** Copies of many elements promise no order among them; they are noted in pieces of this many bytes. */
const PIECE_BYTES = 16;

/** Per site, of what happened while recording: 1 stored into a segment · 2 stored into private memory. At any time: 4 was called on what is no typed array. */
export const siteUses = new Uint8Array(2 ** 16);

let log = new Uint32Array(0);
let logBytes = new Uint8Array(0);
/** ArrayBuffers of the store, each with segment and offset of its first byte. */
let places = [];

/** Notes from now on stores into these buffers: [{ buffer, segment, offset }]. */
export function startRecording(sharedLog, recorded) {
  log = new Uint32Array(sharedLog);
  logBytes = new Uint8Array(sharedLog);
  places = recorded;
}

export function stopRecording() {
  places = [];
}

export function $store(site, array, index, value) {
  array[index] = value;
  noteElement(site, array, index);
  return value;
}

export function $update(site, array, index, change, givesOld = false) {
  const old = array[index];
  const value = change(old);
  array[index] = value;
  noteElement(site, array, index);
  return givesOld ? old : value;
}

export function $bulk(site, target, name, args) {
  const result = target[name](...args);
  noteBulk(site, target, name, args, result);
  return result;
}

export function $borrowed(site, method, name, [target, ...args]) {
  const result = method.call(target, ...args);
  noteBulk(site, target, name, args, result);
  return result;
}

export function $atomic(site, name, args) {
  const result = Atomics[name](...args);
  noteElement(site, args[0], args[1]);
  return result;
}

function noteElement(site, array, index) {
  if (!ArrayBuffer.isView(array)) {
    siteUses[site] |= 4;
    return;
  }
  if (!(index >= 0 && index < array.length)) return;
  const size = array.BYTES_PER_ELEMENT;
  note(site, array.buffer, array.byteOffset + index * size, size);
}

function noteBulk(site, target, name, args, result) {
  if (name === 'encodeInto') {
    note(site, args[1].buffer, args[1].byteOffset, result.written);
    return;
  }
  if (!ArrayBuffer.isView(target)) {
    siteUses[site] |= 4;
    return;
  }
  const size = target.BYTES_PER_ELEMENT ?? 1;
  let first = 0;
  let end = target.length ?? 0;
  if (name === 'set') {
    first = args[1] ?? 0;
    end = first + args[0].length;
  } else if (name === 'fill') {
    first = args[1] ?? 0;
    end = args[2] ?? end;
  } else if (name === 'copyWithin') {
    first = args[0];
    end = first + ((args[2] ?? target.length) - args[1]);
  } else if (name.endsWith('Write')) {
    first = args[1];
    end = first + result;
  } else if (/^set\w/.test(name)) {
    first = args[0];
    end = first + Number(/\d+$/.exec(name)[0]) / 8;
  }
  note(site, target.buffer, target.byteOffset + first * size, (end - first) * size);
}

function note(site, buffer, offset, bytes) {
  if (places.length === 0) return;
  let place;
  for (const one of places) if (one.buffer === buffer) place = one;
  if (place === undefined) {
    siteUses[site] |= 2;
    return;
  }
  siteUses[site] |= 1;
  const source = new Uint8Array(buffer, offset, bytes);
  const piece = bytes > 8 ? PIECE_BYTES : bytes;
  for (let at = 0; at < bytes; at += piece) {
    const size = Math.min(piece, bytes - at);
    const index = log[0];
    if (index >= ENTRY_COUNT_MAX) throw new Error('the log of stores is full');
    const i = (index + 1) * ENTRY_WORDS;
    const target = place.offset + offset + at;
    log[i] = place.segment | (size << 8);
    log[i + 1] = site;
    log[i + 2] = target % 2 ** 32;
    log[i + 3] = Math.floor(target / 2 ** 32);
    logBytes.set(source.subarray(at, at + size), (i + 4) * 4);
    log[0] = index + 1;
  }
}
