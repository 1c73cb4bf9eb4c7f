// Run in a private mount namespace: makes /dev/shm small and fills it by a store. Arguments: size of /dev/shm in MiB, mount options.
import { execFileSync } from 'node:child_process';
import { statfsSync, writeFileSync } from 'node:fs';
import { CONTROL_SLOTS, openSegments, SLOT_BYTES, SLOT_COUNT } from '@mofo/shm-store';

const [mebibytes, mode = 'rw'] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=1777`, 'tmpfs', '/dev/shm']);
if (mode === 'ro') execFileSync('mount', ['-o', 'remount,ro', '/dev/shm']);
// A file of the given size takes the rest but for what comes after the colon.
if (mode.startsWith('leave:')) {
  const { bavail, bsize } = statfsSync('/dev/shm');
  writeFileSync('/dev/shm/filler', Buffer.alloc(bavail * bsize - Number(mode.slice('leave:'.length))));
}

/** Runs until it fails and returns the code. */
function codeOf(body) {
  try {
    for (;;) body();
  } catch (error) {
    return error.code ?? String(error);
  }
}

const report = {};
try {
  const store = openSegments({ name: 'full', sizeBytes: 64 * 2 ** 20 });
  const reserved = new Uint32Array(store.control, 448, 1);
  let granule = reserved[0];
  report.code = codeOf(() =>
    store.transaction(() => {
      store.reserveMain(granule + 1);
      granule = reserved[0];
      return 0;
    }),
  );
  report.journalCode = codeOf(() =>
    store.transaction(() => {
      for (let bytes = 65536; ; bytes += 65536) store.reserveJournal(bytes);
    }),
  );
  report.undoCode = codeOf(() =>
    store.transaction(() => {
      for (let bytes = 65536; ; bytes += 65536) store.reserveUndo(bytes);
    }),
  );
  // Every byte that was said to be usable is written: SIGBUS would end the process here.
  const slot = new Uint32Array(store.control, CONTROL_SLOTS + store.slot * SLOT_BYTES, 256);
  store.transaction(() => {
    const heapStart = new Uint32Array(store.windows[0], 96, 1)[0] * 16384;
    const slabs = (reserved[0] * 16) / 16384;
    new Uint8Array(store.windows[0], 4096, slabs * 16).fill(1);
    new Uint8Array(store.windows[0], heapStart, reserved[0] * 16 - heapStart).fill(1);
    new Uint8Array(store.control, CONTROL_SLOTS + SLOT_COUNT * SLOT_BYTES, (reserved[0] * 16) / 4096).fill(1);
    new Uint8Array(store.journal, 0, slot[22] * 4096).fill(2);
    new Uint8Array(store.undo, 0, slot[23] * 4096).fill(3);
    return 0;
  });
  report.reservedBytes = reserved[0] * 16;
  report.journalBytes = slot[22] * 4096;
  const { bavail, bsize } = statfsSync('/dev/shm');
  report.freeBytes = bavail * bsize;
  store.close();
} catch (error) {
  report.openCode = error.code ?? String(error);
}
console.log(JSON.stringify(report));
