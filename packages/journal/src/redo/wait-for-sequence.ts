// What a reader does that meets a playback in progress (R14): look again for 1 ms, which outlasts almost any playback; then ask who owns
// the odd sequence. A dead owner's journal is replayed on the spot. A living one's is copied and read through, once the reader has waited for as long as
// the copy costs: so nobody waits more than twice as long as was needed, and nobody waits for a process that is stopped.

import { CONTROL_SEQUENCE, type StoreSegments } from '@mofo/shm-store';
import { JournalError } from '../errors.ts';
import type { ImageIndex } from './image-index.ts';
import { findMarkedJournal, type JournalCopy } from './journal-copy.ts';

/** How long a reader tries to wait for, or read through, a living writer's playback, in ms; raising it delays the error that names a stuck writer. */
export const READ_WAIT_LIMIT_MS = 10_000;

const SPIN_MS = 1;
const PAUSE_MS = 0.2;
/** A copy of a journal, with its index, costs about 1 ms a megabyte. */
const COPY_BYTES_PER_MS = 2 ** 20;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits until the sequence is even, or until `copy` and `images` hold the journal of the playback that makes it odd. Returns the sequence.
 * Throws WRITER_STUCK.
 */
export function waitForSequence(
  controlWords: Uint32Array,
  native: StoreSegments,
  copy: JournalCopy,
  images: ImageIndex,
): number {
  const start = performance.now();
  let cause: unknown;
  for (;;) {
    const sequence = controlWords[CONTROL_SEQUENCE / 4] as number;
    if ((sequence & 1) === 0) return sequence;
    const waited = performance.now() - start;
    if (waited < SPIN_MS) continue;
    if (native.assistReader() !== 'busy') continue;
    const journal = findMarkedJournal(controlWords);
    if (cause === undefined && waited >= SPIN_MS + ((journal?.wordCount ?? 0) * 4) / COPY_BYTES_PER_MS) {
      try {
        if (copy.take(sequence, journal, controlWords, native, images)) return sequence;
      } catch (error) {
        // No memory for the copy: then it is waited for.
        if (!(error instanceof RangeError)) throw error;
        cause = error;
      }
    }
    if (waited > READ_WAIT_LIMIT_MS) {
      throw new JournalError(
        'WRITER_STUCK',
        `A living process has been in the middle of a commit for ${Math.round(waited)} ms (it may be stopped), and its journal could not be ` +
          'read instead. Nothing was changed. Continue or kill it: its commit is then completed by the next reader or writer.',
        cause === undefined ? {} : { cause },
      );
    }
    Atomics.wait(pause, 0, 0, PAUSE_MS);
  }
}
