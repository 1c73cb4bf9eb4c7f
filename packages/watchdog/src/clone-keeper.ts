// Main's other duty: there is always a clone. It starts one, sees it stand by, starts another when it ends, and stops when the budget says
// that starting again helps nobody.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { NativeStore } from '@mofo/shm-store';
import { SLOT_COUNT, SLOT_PID } from '@mofo/shm-store';
import { cloneReadyPollMs, cloneStartDelayMs, cloneStartLimitMs, cloneStopLimitMs } from './constants.ts';
import { monotonicMs } from './monotonic.ts';
import type { BudgetAnswer, RestartBudget } from './restart-budget.ts';
import { readSlot } from './slot-report.ts';
import { controlViews, slotOffset } from './slot-words.ts';
import { WatchdogError } from './watchdog-error.ts';

/** What clones do. */
export type CloneEvent =
  | { readonly kind: 'clone-started'; readonly pid: number }
  | { readonly kind: 'clone-ready'; readonly pid: number; readonly startMs: number }
  | {
      readonly kind: 'clone-ended';
      readonly pid: number;
      readonly exitCode: number | null;
      readonly signal: string | null;
    }
  | { readonly kind: 'clone-failed'; readonly error: Error }
  | { readonly kind: 'clone-budget-spent'; readonly full: 'burst' | 'sustained' };

/** What a clone runs. */
export interface CloneProgram {
  /** Path or file: URL of the program. */
  readonly program: string | URL;
  readonly args: readonly string[];
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

interface Waiter {
  readonly resolve: (pid: number) => void;
  readonly reject: (error: Error) => void;
}

/** Keeps one clone of this program standing by. */
export class CloneKeeper {
  private readonly native: NativeStore;
  private readonly program: CloneProgram;
  private readonly budget: RestartBudget;
  private readonly onEvent: (event: CloneEvent) => void;
  private child: ChildProcess | undefined;
  private readyPid: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private waiters: Waiter[] = [];
  private stopped: string | undefined;

  constructor(native: NativeStore, program: CloneProgram, budget: RestartBudget, onEvent: (event: CloneEvent) => void) {
    this.native = native;
    this.program = program;
    this.budget = budget;
    this.onEvent = onEvent;
  }

  /**
   * Starts a clone soon. Spawning blocks the event loop for milliseconds, and the clone takes a processor for as long as it loads: what is due is done
   * first.
   */
  startSoon(): void {
    this.timer = setTimeout(() => this.start(), cloneStartDelayMs);
  }

  /** Starts a clone, if the budget allows. */
  start(): void {
    const answer = this.budget.spend(monotonicMs());
    if (!answer.allowed) {
      this.giveUp(answer);
      return;
    }
    const { program, args, execArgv, env } = this.program;
    const path = program instanceof URL || program.startsWith('file:') ? fileURLToPath(program) : program;
    const startedAtMs = monotonicMs();
    const child = spawn(process.execPath, [...execArgv, path, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
    });
    this.child = child;
    child.once('error', (error) => {
      this.onEvent({ kind: 'clone-failed', error });
      if (child.pid === undefined) this.onEnd(child);
    });
    child.once('exit', (exitCode, signal) => {
      this.onEvent({ kind: 'clone-ended', pid: child.pid as number, exitCode, signal });
      this.onEnd(child);
    });
    if (child.pid === undefined) return;
    this.onEvent({ kind: 'clone-started', pid: child.pid });
    this.awaitReady(child, startedAtMs);
  }

  /** Resolves with the pid of a clone that stands by. Rejects with NO_CLONE when there will be none. */
  ready(): Promise<number> {
    if (this.stopped !== undefined) return Promise.reject(new WatchdogError('NO_CLONE', this.stopped));
    if (this.readyPid !== undefined) return Promise.resolve(this.readyPid);
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** Ends the clone: asks it with SIGTERM, then kills it. */
  async stop(): Promise<void> {
    this.endFor('The watchdog was closed, so there is no clone.');
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), cloneStopLimitMs);
    await ended;
    clearTimeout(timer);
  }

  private onEnd(child: ChildProcess): void {
    if (this.child !== child) return;
    this.child = undefined;
    this.readyPid = undefined;
    clearTimeout(this.timer);
    if (this.stopped === undefined) this.start();
  }

  /** A clone stands by when its slot says so; the watching thread waits for the lock by then. */
  private awaitReady(child: ChildProcess, startedAtMs: number): void {
    const look = (): void => {
      if (this.child !== child) return;
      if (this.standsBy(child.pid as number)) {
        this.readyPid = child.pid as number;
        this.onEvent({ kind: 'clone-ready', pid: this.readyPid, startMs: monotonicMs() - startedAtMs });
        for (const waiter of this.waiters.splice(0)) waiter.resolve(this.readyPid);
        return;
      }
      if (monotonicMs() - startedAtMs > cloneStartLimitMs) {
        child.kill('SIGKILL');
        return;
      }
      this.timer = setTimeout(look, cloneReadyPollMs);
    };
    this.timer = setTimeout(look, cloneReadyPollMs);
  }

  private standsBy(pid: number): boolean {
    const { words } = controlViews(this.native);
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (words[(slotOffset(slot) + SLOT_PID) / 4] !== pid) continue;
      const { used, role } = readSlot(this.native, slot);
      if (used && role === 'clone') return true;
    }
    return false;
  }

  private giveUp(answer: BudgetAnswer): void {
    const full = answer.full as 'burst' | 'sustained';
    const window = this.budget[full];
    this.endFor(
      `The clone ended ${window.count} times within ${window.windowMs} ms, so no other is started. Main goes on without one: its death would ` +
        'end the program. See what the clones print, correct it, and start the program again.',
    );
    this.onEvent({ kind: 'clone-budget-spent', full });
  }

  private endFor(reason: string): void {
    this.stopped ??= reason;
    clearTimeout(this.timer);
    for (const waiter of this.waiters.splice(0)) waiter.reject(new WatchdogError('NO_CLONE', this.stopped));
  }
}
