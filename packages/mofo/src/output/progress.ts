// Progress of long work on standard error: a bar that is drawn over itself for a person, a line now and then for a log, nothing for
// a program that listens to JSON.

import { createLogUpdate } from 'log-update';
import { showSize } from '../config/size.ts';
import type { Terminal } from './terminal.ts';

/** Cells of the bar. */
const barWidth = 28;

/** A log gets this many lines for the whole, and one at each new phase. */
const plainStepCount = 10;

/** A bar is drawn at most this often, in milliseconds. */
const drawIntervalMs = 50;

/** Where the work stands. */
export interface ProgressState {
  readonly doneBytes: number;
  /** Undefined: not known yet. */
  readonly totalBytes?: number;
  /** What is being done: 'copying', 'writing', … */
  readonly phase?: string;
}

/** A progress that is shown. */
export interface Progress {
  update(state: ProgressState): void;
  /** Leaves the last state standing, or clears the bar. Idempotent. */
  done(finalText?: string): void;
}

/** Begins to show the progress of `title`. `now` gives milliseconds. */
export function openProgress(terminal: Terminal, title: string, now: () => number = () => performance.now()): Progress {
  if (terminal.json) return { update() {}, done() {} };
  return terminal.errors.isTTY === true ? drawnProgress(terminal, title, now) : plainProgress(terminal, title, now);
}

/** `snapshot  ████████░░░░  62 %  1.2 GiB of 2 GiB  640 MiB/s  1 s left  writing`. */
export function progressLine(title: string, state: ProgressState, elapsedMs: number): string {
  const { doneBytes, totalBytes } = state;
  const bytesPerMs = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const parts = [title];
  if (totalBytes !== undefined) {
    const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
    const filled = Math.round(share * barWidth);
    parts.push('█'.repeat(filled) + '░'.repeat(barWidth - filled), `${String(Math.floor(share * 100)).padStart(3)} %`);
  }
  parts.push(totalBytes === undefined ? showSize(doneBytes) : `${showSize(doneBytes)} of ${showSize(totalBytes)}`);
  if (bytesPerMs > 0) parts.push(`${showSize(Math.round(bytesPerMs * 1000))}/s`);
  if (totalBytes !== undefined && bytesPerMs > 0 && doneBytes < totalBytes) {
    parts.push(`${Math.ceil((totalBytes - doneBytes) / bytesPerMs / 1000)} s left`);
  }
  if (state.phase !== undefined) parts.push(state.phase);
  return parts.join('  ');
}

function drawnProgress(terminal: Terminal, title: string, now: () => number): Progress {
  const draw = createLogUpdate(terminal.errors as unknown as NodeJS.WritableStream);
  const startedAt = now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let isDone = false;
  return {
    update(state) {
      const isLast = state.doneBytes === state.totalBytes;
      if (isDone || (!isLast && now() - drawnAt < drawIntervalMs)) return;
      drawnAt = now();
      draw(`  ${progressLine(title, state, now() - startedAt)}`);
    },
    done(finalText) {
      if (isDone) return;
      isDone = true;
      if (finalText === undefined) draw.clear();
      else draw(`  ${finalText}`);
      draw.done();
    },
  };
}

function plainProgress(terminal: Terminal, title: string, now: () => number): Progress {
  const startedAt = now();
  let lastStep = -1;
  let phase: string | undefined;
  let isDone = false;
  return {
    update(state) {
      const total = state.totalBytes ?? 0;
      const step = total === 0 ? 0 : Math.floor((state.doneBytes * plainStepCount) / total);
      if (isDone || (step <= lastStep && state.phase === phase)) return;
      phase = state.phase;
      lastStep = step;
      terminal.errors.write(`${progressLine(title, state, now() - startedAt)}\n`);
    },
    done(finalText) {
      if (!isDone && finalText !== undefined) terminal.errors.write(`${finalText}\n`);
      isDone = true;
    },
  };
}
