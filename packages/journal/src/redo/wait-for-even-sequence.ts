// What a reader does that meets a playback in progress (R14): look again for 1 ms, which outlasts almost any playback; then ask who owns
// the odd sequence. A dead owner's journal is replayed on the spot; a living one is waited for: if it is stopped or stuck, the watchdog's
// hang deadline kills it, and after READ_WAIT_LIMIT_MS the reader says so.

import { CONTROL_SEQUENCE, type StoreSegments } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';

/** Longest wait for a living writer's playback in ms; raising it delays the error that names a stuck writer. */
export const READ_WAIT_LIMIT_MS = 10_000;

const SPIN_MS = 1;
const PAUSE_MS = 0.2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Waits until the sequence is even and returns it. Throws WRITER_STUCK. */
export function waitForEvenSequence(controlWords: Uint32Array, native: StoreSegments): number {
  const start = performance.now();
  for (;;) {
    const sequence = controlWords[CONTROL_SEQUENCE / 4] as number;
    if ((sequence & 1) === 0) return sequence;
    const waited = performance.now() - start;
    if (waited < SPIN_MS) continue;
    if (native.assistReader() !== 'busy') continue;
    if (waited > READ_WAIT_LIMIT_MS) {
      throw new JournalError(
        'WRITER_STUCK',
        `A living process has been in the middle of a commit for ${Math.round(waited)} ms; it may be stopped. Nothing was changed. ` +
          'Continue or kill it: its commit is then completed by the next reader or writer.',
      );
    }
    Atomics.wait(pause, 0, 0, PAUSE_MS);
  }
}
