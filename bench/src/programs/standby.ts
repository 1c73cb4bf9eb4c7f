// The subject `mofo`: main has done one task and waits, its clone is attached, loaded and waiting, and the next task is ready in the store. Whoever
// becomes main runs exactly one task, which notes when it began and enqueues its successor.
//
//   standby.js <store> <bytes of data in the store>

import { writeSync } from 'node:fs';
import { bytes, f64, openPrivateStore, openStore, Store, tree } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';
import { monotonicMs } from '@mofo/shm-store';
import { openWatchdog } from '@mofo/watchdog';

/** Bytes of one piece of data. */
const PIECE_BYTES = 65_536;
/** Tasks run in the rehearsal. */
const REHEARSALS = 200;
/** The same over the real store. */
const REAL_REHEARSALS = 20;
/** The bench kills more often than a sound program dies. */
const UNLIMITED = { count: 1_000, windowMs: 1_000 };

const [, , name, dataText] = process.argv;
const dataBytes = Number(dataText);
const store = openStore({
  name: name as string,
  sizeBytes: 2 ** 24 + 2 * dataBytes,
  root: { starts: tree(f64(), f64()), data: tree(f64(), bytes()) },
});
const scheduler = openScheduler(store, {
  tasks: {
    next: () => {
      const startedAtMs = monotonicMs();
      store.root.starts.set(process.pid, startedAtMs);
      scheduler.enqueue('next');
    },
  },
});
// Before it stands by, so that from then on its event loop is idle. All pages are mapped, as if it had worked with them: that is what makes a
// process's end slow.
rehearse();
touchAll();
const guard = await openWatchdog({ store, program: import.meta.url, burst: UNLIMITED, sustained: UNLIMITED });
if (guard.role === 'main') fill();
process.on('SIGTERM', () => void close());

const takeover = await guard.takeover;
const run = guard.begin('task next');
scheduler.runNext();
run.end();
say({ event: 'task-done', heirOf: takeover.deadPid ?? 0 });
await guard.cloneReady();
say({ event: 'clone-ready' });

function say(line: object): void {
  writeSync(1, `${JSON.stringify({ pid: process.pid, ...line })}\n`);
}

function fill(): void {
  if (scheduler.status.ready === 0) scheduler.enqueue('next');
  const piece = new Uint8Array(PIECE_BYTES).fill(1);
  for (let n = 0; n < dataBytes / PIECE_BYTES; n++) store.root.data.set(n, piece);
}

function touchAll(): number {
  const memory = new Uint8Array(
    store.native.windows[0] as ArrayBuffer,
    0,
    Math.min(store.status.reservedBytes, 2 ** 32),
  );
  let sum = 0;
  for (let at = 0; at < memory.length; at += 4096) sum += memory[at] as number;
  return sum;
}

/** Runs the scheduler over private memory, then over the store without leaving a trace, so that its code is compiled before it is needed. */
function rehearse(): void {
  const rehearsal = new Store('rehearsal', openPrivateStore({ sizeBytes: 2 ** 21 }));
  const noted = rehearsal.addRoots({ starts: tree(f64(), f64()) });
  const player = openScheduler(rehearsal, {
    tasks: {
      next: () => {
        noted.starts.set(process.pid, monotonicMs());
        player.enqueue('next');
      },
    },
  });
  player.enqueue('next');
  for (let n = 0; n < REHEARSALS; n++) player.runNext();
  player.close();
  rehearsal.close();
  for (let n = 0; n < REAL_REHEARSALS; n++) scheduler.rehearse('next');
}

async function close(): Promise<void> {
  await guard.close();
  store.close();
  writeSync(1, `${JSON.stringify({ pid: process.pid, event: 'closed' })}\n`);
  process.exit(0);
}
